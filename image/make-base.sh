#!/bin/sh
# Makes the Debian base image locally, for where no image registry is reachable. usage: make-base.sh TAG
set -eu
tag=$1
docker=${DOCKER:-docker}
tar=$(mktemp --suffix=.tar)
trap 'rm -f "$tar"' EXIT
command -v mmdebstrap >/dev/null || { echo "make-base: mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 1; }
echo "image: making the base image $tag with mmdebstrap (about 20 s)"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0} mmdebstrap --quiet --variant=minbase --include=usr-is-merged \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/apt "$1"/var/log/dpkg.log' \
  bookworm "$tar"
"$docker" import "$tar" "$tag" >/dev/null
