#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Another machine, for a command that runs beside engine.sh: a network of its own at the far end of a
# link, an engine of its own, and an OpenSSH server (sshd.sh) as the one way to it.
#
#   machine.sh DIR          runs until it is killed; DIR/ready is there once both answer
#   machine.sh --cut        the link swallows everything from now on, as a broken network does
#   machine.sh --heal       it is whole again
#
# This side is 10.77.0.1, the other 10.77.0.2: sshd listens there on port 22 (keys in DIR, see
# sshd.sh), the engine on DIR/docker.sock, which only tests that look from outside the network use.
# Everything ends with the process; its control groups are engine.sh's.
set -euo pipefail

near=10.77.0.1 far=10.77.0.2 link=si-near

outside() {
  local child inner
  dir=$(realpath -m "$1")
  mkdir -p "$dir"
  rm -f "$dir/ready" "$dir/linked"
  : "${SI_TEST_CGROUP:?machine.sh runs beside tests/servers/engine.sh}"
  setpriv --pdeathsig KILL unshare --net --mount --pid --uts --ipc --fork --kill-child --mount-proc \
    bash "$0" --inside "$dir" </dev/null &
  child=$!
  # shellcheck disable=SC2064
  trap "pkill -TERM -P $child || true; wait $child || true; ip link del $link 2>/dev/null || true; exit 143" TERM INT
  until inner=$(pgrep -P "$child") && [ "$(readlink "/proc/$inner/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do
    kill -0 "$child"
    sleep 0.05
  done
  ip link add "$link" type veth peer name si-far netns "$inner"
  ip addr add "$near/24" dev "$link"
  ip link set "$link" up
  : >"$dir/linked"
  wait "$child"
}

inside() {
  local engine server
  dir=$1
  ip link set lo up
  mount -t tmpfs -o mode=755 si-test-machine /run
  mkdir /run/lock
  until [ -e "$dir/linked" ]; do sleep 0.05; done
  ip addr add "$far/24" dev si-far
  ip link set si-far up
  dockerd --data-root /run/data --exec-root /run/exec --pidfile /run/pid -H "unix://$dir/docker.sock" \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$SI_TEST_CGROUP/far" \
    --log-level error </dev/null >"$dir/engine.log" 2>&1 &
  engine=$!
  "$(dirname "$0")/sshd.sh" "$dir" 22 "$far" &
  server=$!
  trap 'kill $engine $server 2>/dev/null || true; wait $engine || true; exit 143' TERM
  until curl -sf -o /dev/null --unix-socket "$dir/docker.sock" http://engine/_ping && [ -e "$dir/ready.sshd" ]; do
    kill -0 "$engine"
    kill -0 "$server"
    sleep 0.1
  done
  : >"$dir/ready"
  wait "$engine"
}

case ${1:-} in
  --inside) inside "$2" ;;
  --cut)
    iptables -I INPUT -i "$link" -j DROP
    iptables -I OUTPUT -o "$link" -j DROP
    ;;
  --heal)
    iptables -D INPUT -i "$link" -j DROP
    iptables -D OUTPUT -o "$link" -j DROP
    ;;
  '' | -*) echo "usage: $0 DIR | --cut | --heal" >&2; exit 2 ;;
  *) outside "$1" ;;
esac
