#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command where nothing but loopback can be reached, and nothing that it starts outlives it.
#
#   tests/servers/loopback.sh COMMAND [ARG...]
#
# The command lives in network, mount and process namespaces of its own: its ports are its own, its
# /run and /dev/shm are tmpfs that only it sees, and everything ends with it, however it ends. Its
# exit code is passed on. 77 = cannot run here (needs root, ip); the reason is on stderr.
set -u

skip() {
  printf 'loopback.sh: skipped: %s\n' "$1" >&2
  exit 77
}

outside() {
  [ $# -gt 0 ] || { echo "usage: $0 COMMAND [ARG...]" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || skip "private namespaces need root"
  local tool child code
  for tool in ip unshare pkill; do
    command -v "$tool" >/dev/null || skip "there is no $tool (./check --deps installs it)"
  done
  # As in engine.sh: a background job of a shell ignores SIGINT, env puts that back; when this
  # process is killed, setpriv and --kill-child take all the others along.
  setpriv --pdeathsig KILL env --default-signal=INT,QUIT \
    unshare --net --mount --pid --ipc --uts --fork --kill-child --mount-proc \
    bash "$0" --inside "$@" <&0 &
  child=$!
  # unshare itself holds signals back, so they go to its child, the first process inside.
  # shellcheck disable=SC2064
  trap "pkill -TERM -P $child" INT TERM HUP
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  exit "$code"
}

# The first process inside waits for the command alone; what is left then ends with it.
inside() {
  local command='' code
  ip link set lo up
  mount -t tmpfs -o mode=755 si-test-loopback /run || exit 1
  # Names there are made of process ids, which are not those of the machine: they would meet others.
  mount -t tmpfs -o mode=1777 si-test-loopback /dev/shm || exit 1
  trap '[ -z "$command" ] || kill -TERM "$command"' INT TERM
  env --default-signal=INT,QUIT "$@" <&0 &
  command=$!
  while :; do
    wait "$command"
    code=$?
    kill -0 "$command" 2>/dev/null || break
  done
  exit "$code"
}

case ${1:-} in
  --inside) shift; inside "$@" ;;
  *) outside "$@" ;;
esac
