# Sends packets on one socket: Node has none for packets that are not its own. usage: send-packets.pl FAMILY TYPE PROTOCOL
# Reads lines "ADDRESS BYTES", both in hex, the address as the kernel wants it. An empty line asks for the errors since the
# last one; the answer is a line of error numbers.
use strict;
use warnings;
use Socket;

socket(my $socket, $ARGV[0], $ARGV[1], $ARGV[2]) or die "Cannot open a socket: $!\n";
$| = 1;
my @errors;
while (my $line = <STDIN>) {
    my ($address, $bytes) = map { pack('H*', $_) } split(' ', $line);
    if (!defined $address) { print "@errors\n"; @errors = (); next }
    defined send($socket, $bytes, 0, $address) or push @errors, $! + 0;
}
