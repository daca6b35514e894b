#!/bin/sh
# Builds the image and leaves it in out/image/calico-node.tar, ready for `docker load`. usage: own-engine.sh archive.sh
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/.*"version": "\(.*\)".*/\1/p' package.json | head -n 1)
image/build.sh
mkdir -p out/image
"${DOCKER:-docker}" save -o out/image/.calico-node.tar "calico/node:$version" calico/node:latest
mv out/image/.calico-node.tar out/image/calico-node.tar
