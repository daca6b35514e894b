#!/bin/sh
# Runs a command beside a Docker engine of its own, for where none runs. The engine has no bridge and no iptables rules, lives
# in namespaces of its own and ends with the command. Its images stay in ENGINE_ROOT (default .build/image-engine), so that the
# next build is fast.
# usage: own-engine.sh COMMAND [ARG...]
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "own-engine: needs root" >&2; exit 1; }
command -v dockerd >/dev/null || { echo "own-engine: dockerd is missing: apt-get install docker.io" >&2; exit 1; }
export ENGINE_ROOT="${ENGINE_ROOT:-.build/image-engine}"
mkdir -p "$ENGINE_ROOT"
exec 9>"$ENGINE_ROOT.lock"
flock 9

exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private sh -eu -c '
  state=$(mktemp -d)
  export DOCKER_HOST="unix://$state/docker.sock" DOCKER_BUILD_ARGS="--network=host ${DOCKER_BUILD_ARGS:-}"
  dockerd --bridge=none --iptables=false --ip6tables=false --ip-forward=false --log-level=warn --host="$DOCKER_HOST" \
    --data-root="$(readlink -f "$ENGINE_ROOT")" --exec-root="$state/exec" --pidfile="$state/pid" 9>&- >"$state/log" 2>&1 &
  engine=$!
  end() {
    kill "$engine" 2>/dev/null && wait "$engine" || true
    umount "$state"/exec/netns/* 2>/dev/null || true # none when no container ran
    rm -rf "$state"
  }
  trap end EXIT
  tries=0
  until docker version >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] && kill -0 "$engine" 2>/dev/null || { echo "own-engine: dockerd did not start:" >&2; tail -n 20 "$state/log" >&2; exit 1; }
    sleep 0.1
  done
  "$@"' sh "$@"
