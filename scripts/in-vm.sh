#!/bin/bash
# Runs a command in a virtual machine with Debian's own kernel, for kernel features that this machine's kernel lacks (IPIP).
# The guest sees this machine's file system through virtiofs, read-only below an overlay, so nothing has to be copied or
# installed; what it writes is gone with it, except below $VM_SHARE. No hardware acceleration is needed: it boots in about
# five seconds under emulation. Exit status is the command's. usage: in-vm.sh COMMAND [ARG...]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=$root/.build/vm
share=${VM_SHARE:-}
fail() { echo "in-vm: $*" >&2; exit 1; }

for need in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static; do
  command -v "${need%%:*}" >/dev/null || fail "${need%%:*} is missing: apt-get install ${need#*:}"
done
[ -x /usr/lib/qemu/virtiofsd ] || fail "/usr/lib/qemu/virtiofsd is missing: apt-get install qemu-system-common"
[ "$(uname -m)" = x86_64 ] || fail "only x86-64 guests are set up"

# Debian's cloud kernel, unpacked beside the build (never installed on this machine).
if [ ! -d "$cache/lib/modules" ]; then
  echo "in-vm: fetching Debian's cloud kernel" >&2
  rm -rf "$cache" && mkdir -p "$cache/deb"
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n 1)
  [ -n "$package" ] || fail "apt knows no linux-image-cloud-amd64: run apt-get update"
  (cd "$cache/deb" && apt-get download -qq -o APT::Sandbox::User=root "$package" && dpkg -x ./*.deb "$cache/deb") || fail "cannot fetch $package"
  depmod -b "$cache/deb" "$(ls "$cache/deb/lib/modules")"
  mv "$cache/deb/boot" "$cache/deb/lib" "$cache/" && rm -rf "$cache/deb"
fi
version=$(ls "$cache/lib/modules")

# What the guest boots into; made again when this script has changed.
stamp=$(sha256sum "$0" | cut -c1-16)
if [ "$(cat "$cache/ready" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$cache/initrd" "$cache/ready"
  mkdir -p "$cache/initrd"/{bin,proc,sys,dev,modules,lower,upper,new}
  cp "$(command -v busybox)" "$cache/initrd/bin/busybox"
  for module in virtio_pci virtiofs overlay; do
    modprobe -S "$version" -d "$cache" --show-depends "$module" | awk '/^insmod/ {print $2}'
  done | awk '!seen[$0]++' | while read -r file; do
    cp "$file" "$cache/initrd/modules/"
    basename "$file" >>"$cache/initrd/modules/order"
  done
  # The new root is moved onto the old one, not only chrooted into: who enters a mount namespace (nsenter) lands at its root.
  cat >"$cache/initrd/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod "/modules/$module"; done
mount -t virtiofs root /lower
mount -t tmpfs tmpfs /upper && mkdir /upper/files /upper/work
mount -t overlay overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work /new
for word in $(cat /proc/cmdline); do case $word in job=*) job=${word#job=} ;; esac; done
mkdir -p /new/lib/modules
for dir in proc sys dev; do mount --move /$dir /new/$dir; done
mkdir -p /new/dev/shm /new/dev/pts
mount -t devpts devpts /new/dev/pts && mount -t tmpfs tmpfs /new/run && mount -t tmpfs tmpfs /new/tmp
. "/lower$job/env"
# the project again, should it lie below /tmp
mkdir -p /upper/project /upper/project-work "/new$root"
mount -t overlay overlay -o "lowerdir=/lower$root,upperdir=/upper/project,workdir=/upper/project-work" "/new$root"
mkdir -p "/new$job" && mount --bind "/lower$job" "/new$job"
[ -z "$share" ] || { mkdir -p "/new$share" && mount --bind "/lower$share" "/new$share"; }
mount --bind "/lower$cache/lib/modules" /new/lib/modules
cd /new && mount --move . / && exec chroot . /bin/sh "$job/guest"
INIT
  chmod +x "$cache/initrd/init"
  (cd "$cache/initrd" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$cache/initrd.gz")
  echo "$stamp" >"$cache/ready"
fi

job=$(mktemp -d "$cache/job.XXXXXX")
trap 'kill $daemon $guest 2>/dev/null || true; rm -rf "$job"' EXIT
trap 'exit 143' TERM INT HUP
guest=
daemon=
printf 'root=%q\ncache=%q\nshare=%q\n' "$root" "$cache" "$share" >"$job/env"
{
  echo "export CALICO_OWN_NETNS=1 LAB_PATIENCE=10 PATH=$root/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root"
  echo "ip link set lo up; hostname vm; cd ${PWD@Q}"
  printf '%q ' "$@"
  echo ">/dev/ttyS1 2>&1 </dev/null; echo \$? >$job/status; sync; poweroff -f"
} >"$job/guest"

/usr/lib/qemu/virtiofsd --socket-path="$job/fs.sock" -o source=/ -o sandbox=chroot -o cache=auto >"$job/virtiofsd.log" 2>&1 &
daemon=$!
for _ in $(seq 100); do [ -S "$job/fs.sock" ] && break || sleep 0.05; done

memory=${VM_MEMORY:-3072M}
timeout "${VM_TIMEOUT:-900}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$memory" \
  -nodefaults -display none -no-reboot -serial "file:$job/console.log" -serial stdio \
  -object "memory-backend-memfd,id=mem,size=$memory,share=on" -numa node,memdev=mem \
  -chardev "socket,id=fs,path=$job/fs.sock" -device vhost-user-fs-pci,chardev=fs,tag=root \
  -kernel "$cache/boot/vmlinuz-$version" -initrd "$cache/initrd.gz" \
  -append "console=ttyS0 quiet panic=-1 job=$job" </dev/null &
guest=$!
wait "$guest" || true
guest=

[ -e "$job/status" ] || { tail -n 20 "$job/console.log" >&2; fail "the guest ended without finishing the command"; }
exit "$(cat "$job/status")"
