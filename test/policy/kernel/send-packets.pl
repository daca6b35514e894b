# Sends packets on one socket: Node has none for packets that are not its own. usage: send-packets.pl FAMILY TYPE PROTOCOL
# Reads lines "ADDRESS BYTES", both in hex, the address as the kernel wants it, and sends each. An empty line asks for the
# errors since the last one; the answer is a line of error numbers. A line "repeat SECONDS" sends all packets so far in turn,
# one every SECONDS, until the next line; the answer is how often each was sent in all.
use strict;
use warnings;
use Socket;

socket(my $socket, $ARGV[0], $ARGV[1], $ARGV[2]) or die "Cannot open a socket: $!\n";
$| = 1;
my (@errors, @packets);

sub send_one { return defined send($socket, $_[0]{bytes}, 0, $_[0]{address}) }

sub repeat {
    my ($seconds) = @_;
    my @sent = (1) x @packets;
    for (my $at = 0; ; $at = ($at + 1) % @packets) {
        $sent[$at] += 1;
        send_one($packets[$at]);
        my $input = '';
        vec($input, fileno(STDIN), 1) = 1;
        last if select($input, undef, undef, $seconds);
    }
    print "@sent\n";
}

while (my $line = <STDIN>) {
    if ($line =~ /^repeat (\S+)/) { repeat($1); <STDIN>; @packets = (); next }
    my ($address, $bytes) = map { pack('H*', $_) } split(' ', $line);
    if (!defined $address) { print "@errors\n"; @errors = @packets = (); next }
    push @packets, { address => $address, bytes => $bytes };
    send_one($packets[-1]) or push @errors, $! + 0;
}
