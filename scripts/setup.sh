#!/bin/sh
# Installs what is missing: Debian packages (apt) and node_modules (npm ci). Quiet and fast when nothing is missing.
# usage: setup.sh [npm | demo | test]   npm: node_modules only; demo: and what the demo needs; test (default): everything
set -eu
cd "$(dirname "$0")/.."
what=${1:-test}

fail() { echo "setup: $*" >&2; exit 1; }

# command:package, of what a start of the demo calls, and what the tests and benchmarks need besides.
DEMO='bird:bird bird6:bird birdc:bird etcd:etcd-server etcdctl:etcd-client runsvdir:runit iptables-legacy:iptables
 iptables-nft:iptables ipset:ipset ip:iproute2 conntrack:conntrack ping:iputils-ping unshare:util-linux nsenter:util-linux
 setpriv:util-linux ps:procps capsh:libcap2-bin inotifywait:inotify-tools'
TEST='nft:nftables tcpdump:tcpdump openssl:openssl dnsmasq:dnsmasq-base gobgpd:gobgpd vtysh:frr
 linux.uml:user-mode-linux modprobe:kmod curl:curl busybox:busybox-static dockerd:docker.io mmdebstrap:mmdebstrap strip:binutils
 docker-compose:docker-compose systemd-analyze:systemd podman:podman runc:runc /usr/lib/cni/host-local:containernetworking-plugins'

install_packages() {
  missing=
  for need in $1; do
    command -v "${need%%:*}" >/dev/null 2>&1 || missing="$missing ${need#*:}"
  done
  missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
  [ -n "${missing% }" ] || return 0
  [ "$(id -u)" = 0 ] || fail "needs root to install: $missing"
  [ -e /etc/debian_version ] || fail "this is not Debian; install these by hand: $missing"
  echo "setup: installing Debian packages: $missing"
  # Packages such as bird and etcd-server would start daemons on ports 179 and 2379: forbid that while we install.
  policy=
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT INT TERM
  fi
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends $missing >>"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    fail "apt-get could not install: $missing"
  }
  rm -f "$log"
  [ -z "$policy" ] || rm -f "$policy"
}

install_modules() {
  command -v npm >/dev/null 2>&1 || fail "npm is missing: install Node.js with npm first"
  stamp=node_modules/.package-lock.json
  if [ ! -e "$stamp" ] || [ package-lock.json -nt "$stamp" ]; then
    echo "setup: installing npm packages"
    npm ci --prefer-offline --no-audit --loglevel=error || fail "npm ci failed"
    touch "$stamp"
  fi
  node_modules/.bin/node --version >/dev/null 2>&1 || fail "no pinned Node.js for this platform ($(uname -sm)): linux x64 or arm64 with glibc is needed"
}

check_kernel() {
  [ "$(id -u)" = 0 ] || fail "needs root: network namespaces, iptables and routes are used for real (inside namespaces of its own)"
  unshare --net true 2>/dev/null || fail "cannot make a network namespace here (CAP_SYS_ADMIN is missing)"
}

install_modules
[ "$what" = npm ] && exit 0
case $what in
  demo) install_packages "$DEMO" ;;
  test) install_packages "$DEMO $TEST" ;;
  *) fail "unknown argument $what: want npm, demo or test" ;;
esac
check_kernel
