#!/bin/sh
# Fills a Docker data root with the image of an archive, once for each archive, and prints its path: engines of tests start with a
# copy of it, which is faster than `docker load`. usage: unpack.sh ARCHIVE
set -eu
cd "$(dirname "$0")/.."
archive=$1
[ -e "$archive" ] || { echo "unpack: $archive is missing: run \"make image-archive\" first" >&2; exit 1; }
store=.build/image-store
mkdir -p .build
exec 8>.build/image-unpack.lock
flock 8
identity=$(stat -c '%i %Y %s' "$archive")
if [ "$(cat "$store.of" 2>/dev/null)" != "$identity" ]; then
  rm -rf "$store"
  ENGINE_ROOT=$store image/own-engine.sh docker load --quiet --input "$archive" >&2 8>&-
  echo "$identity" >"$store.of"
fi
readlink -f "$store"
