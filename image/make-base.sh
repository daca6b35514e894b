#!/bin/sh
# Makes the Debian base image locally, for where no image registry is reachable. usage: make-base.sh TAG
set -eu
tag=$1
docker=${DOCKER:-docker}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v mmdebstrap >/dev/null || { echo "make-base: mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 1; }
echo "image: making the base image $tag with mmdebstrap (about 20 s)"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0} mmdebstrap --quiet --variant=minbase --include=usr-is-merged \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/bash-completion/*' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old "$1"/var/log/*.log "$1"/var/log/apt' \
  bookworm "$work/base.tar" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
"$docker" import "$work/base.tar" "$tag" >/dev/null
