#!/bin/sh
# Runs a command in a network, mount and PID namespace of its own: loopback up, forwarding on, an empty /run/netns, so that
# `ip netns add` inside reaches nobody else, and a lock of iptables that nobody else takes. Everything ends with the command.
# usage: in-netns.sh COMMAND [ARG...]
CALICO_OWN_NETNS=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private sh -e -c '
  mkdir -p /run/netns
  mount -t tmpfs none /run/netns
  # The lock is a file on a file system that the next one hides.
  touch /run/netns/lock /run/xtables.lock
  mount --bind /run/netns/lock /run/xtables.lock
  mount -t tmpfs none /run/netns
  ip link set lo up
  echo 1 > /proc/sys/net/ipv4/ip_forward
  echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
  # The shell stays as PID 1: it reaps what outlives its parent.
  "$@"
  exit $?' sh "$@"
