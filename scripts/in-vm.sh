#!/bin/bash
# Runs a command under a kernel of Debian's own, for kernel features that this machine's kernel lacks (IPIP) and for what may
# not happen to this machine (its clock). The kernel is User Mode Linux: a program that needs no emulation, no hardware and no
# rights, boots in about two seconds and runs programs at nearly full speed. The guest sees this machine's files below an
# overlay: what it writes is gone with it, except below $VM_SHARE. Exit status is the command's. usage: in-vm.sh COMMAND [ARG...]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
share=${VM_SHARE:-}
fail() { echo "in-vm: $*" >&2; exit 1; }

for need in linux.uml:user-mode-linux modprobe:kmod; do
  command -v "${need%%:*}" >/dev/null || fail "${need%%:*} is missing: apt-get install ${need#*:}"
done

job=$(mktemp -d)
trap 'kill $guest 2>/dev/null || true; rm -rf "$job"' EXIT
trap 'exit 143' TERM INT HUP
guest=

cat >"$job/init" <<INIT
#!/bin/sh
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /mnt
insmod /usr/lib/uml/modules/\$(uname -r)/kernel/fs/overlayfs/overlay.ko
mkdir -p /mnt/files /mnt/work /mnt/new
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/files,workdir=/mnt/work /mnt/new && cd /mnt/new
# Its own /tmp and /run: an overlay cannot stand on an overlay, and tests make some. The project may lie below /tmp.
mount -t tmpfs tmpfs run && mount -t tmpfs tmpfs tmp && mkdir -p ".$root" ".$job" lib/modules
mkdir -p /mnt/project /mnt/project-work
mount -t overlay overlay -o "lowerdir=$root,upperdir=/mnt/project,workdir=/mnt/project-work" ".$root"
for dir in "$job" $share; do mkdir -p ".\$dir" && mount -t hostfs hostfs -o "\$dir" ".\$dir"; done
mount --bind /usr/lib/uml/modules lib/modules
for dir in proc sys; do mount -n --move /\$dir \$dir; done
mount -t devtmpfs dev dev && mkdir -p dev/shm dev/pts && mount -t devpts devpts dev/pts
# The new root is moved onto the old one, not only chrooted into: who enters a mount namespace lands at its root.
mount -n --move . / && exec chroot . /bin/bash "$job/guest"
INIT
{
  echo "export CALICO_OWN_NETNS=1 LAB_PATIENCE=5 HOME=/root"
  echo "export PATH=$root/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  echo "ip link set lo up; hostname vm; cd ${PWD@Q}; stty -F /dev/tty1 raw"
  printf '%q ' "$@"
  echo ">/dev/tty1 2>&1 </dev/null; echo \$? >$job/status; sleep 0.2; echo o >/proc/sysrq-trigger; sleep 10"
} >"$job/guest"
chmod +x "$job/init"

timeout "${VM_TIMEOUT:-600}" linux.uml mem="${VM_MEMORY:-3072M}" root=/dev/root rootfstype=hostfs rootflags=/ ro quiet \
  init="$job/init" con=null con0="null,fd:3" con1=null,fd:1 </dev/null 3>"$job/console.log" 2>>"$job/console.log" &
guest=$!
wait "$guest" || true
guest=

[ -e "$job/status" ] || { grep -vE "\[<" "$job/console.log" | tail -n 30 >&2; fail "the guest ended without finishing the command"; }
exit "$(cat "$job/status")"
