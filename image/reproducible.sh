#!/bin/sh
# Builds the image again without any cache and compares its layers with those of the last build. usage: own-engine.sh reproducible.sh
set -eu
cd "$(dirname "$0")/.."
docker=${DOCKER:-docker}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
layers() { "$docker" image inspect -f '{{range .RootFS.Layers}}{{println .}}{{end}}' "$1"; }
image/build.sh >/dev/null
IMAGE=calico/rebuilt:test DOCKER_BUILD_ARGS="${DOCKER_BUILD_ARGS:-} --no-cache" image/build.sh >/dev/null
[ "$(layers calico/node)" = "$(layers calico/rebuilt:test)" ] || {
  echo "reproducible: two builds differ" >&2
  layers calico/node >&2
  layers calico/rebuilt:test >&2
  exit 1
}
"$docker" image rm calico/rebuilt:test calico/rebuilt:latest calico/rebuilt-packages >/dev/null
echo "image: two builds have the same layers"
