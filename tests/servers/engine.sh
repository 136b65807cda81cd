#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command beside a Docker Engine that exists for this command alone.
#
#   tests/servers/engine.sh COMMAND [ARG...]
#
# Engine and command live in network, mount and process namespaces of their own: nothing but
# loopback can be reached, no port and no engine of the machine can be met, and everything ends
# with the namespaces, however the run ends. All files of the engine are on a tmpfs over /run that
# only these processes see, so that no run can find what an earlier one left.
#
# The command gets DOCKER_HOST (unix://...), SI_TEST_SOCKET (the same as a path) and SI_TEST_CGROUP. Its exit code
# is passed on. 77 = cannot run here (needs root, dockerd, curl, ip); the reason is on stderr.
set -u

skip() {
  printf 'engine.sh: skipped: %s\n' "$1" >&2
  exit 77
}

outside() {
  [ $# -gt 0 ] || { echo "usage: $0 COMMAND [ARG...]" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || skip "private namespaces and an engine need root"
  local tool
  for tool in dockerd ip iptables curl unshare pkill; do
    command -v "$tool" >/dev/null || skip "there is no $tool (./check --deps installs it)"
  done

  # A background job of a shell ignores SIGINT: env puts that back, here and for the command. When
  # this process is killed, setpriv and --kill-child take all the others along.
  local child code
  remove_cgroups
  setpriv --pdeathsig KILL env --default-signal=INT,QUIT \
    unshare --net --mount --pid --ipc --uts --fork --kill-child --mount-proc \
    bash "$0" --inside "si-test-engine-$$" "$@" <&0 &
  child=$!
  # unshare itself holds signals back, so they go to its child, the first process inside.
  # shellcheck disable=SC2064
  trap "pkill -TERM -P $child" INT TERM HUP
  # wait returns early when a signal arrives; it is over only when the child is gone.
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  remove_cgroups "$$"
  exit "$code"
}

# Control groups are the one thing that a namespace does not take with it: ours, and those of runs
# that were killed.
remove_cgroups() {
  local dir
  for dir in /sys/fs/cgroup/si-test-engine-* /sys/fs/cgroup/*/si-test-engine-*; do
    [ -d "$dir" ] || continue
    [ "${dir##*-}" = "${1:-}" ] || [ ! -d "/proc/${dir##*-}" ] || continue
    for _ in $(seq 50); do
      find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null && break
      sleep 0.1
    done
  done
}

inside() {
  local group=$1 hard
  shift
  ip link set lo up
  mount -t tmpfs -o mode=755 si-test-engine /run || exit 1
  work=/run/si-test-engine
  mkdir "$work" /run/lock
  export SI_TEST_SOCKET=$work/docker.sock DOCKER_HOST=unix://$work/docker.sock SI_TEST_CGROUP=$group
  engine='' command=''
  trap 'stop TERM 15 "$command"; stop_engine; exit 143' TERM
  trap 'stop INT 15 "$command"; stop_engine; exit 130' INT

  # Without CAP_SYS_RESOURCE a container cannot get more files than this process may have.
  hard=$(ulimit -Hn)
  case $hard in unlimited) hard=1048576 ;; esac
  # A session of its own, so that Ctrl-C reaches the command and not the engine under it.
  setsid dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" \
    -H "$DOCKER_HOST" --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$group" \
    --default-ulimit "nofile=$((hard < 1024 ? hard : 1024)):$hard" --log-level error \
    </dev/null >"$work/log" 2>&1 &
  engine=$!
  await_engine || { engine_log; stop_engine; exit 1; }

  env --default-signal=INT,QUIT "$@" <&0 &
  command=$!
  wait "$command"
  local code=$?
  command=''
  case $code in 0 | 77) ;; *) engine_log ;; esac
  stop_engine
  exit "$code"
}

await_engine() {
  for _ in $(seq 300); do
    curl -sf -o /dev/null --unix-socket "$SI_TEST_SOCKET" http://engine/_ping && return 0
    kill -0 "$engine" 2>/dev/null || { echo "engine.sh: dockerd ended" >&2; return 1; }
    sleep 0.1
  done
  echo "engine.sh: dockerd did not answer within 30 seconds" >&2
  return 1
}

engine_log() {
  grep -v -e level=info -e level=warning "$work/log" >"$work/log.errors" || return 0
  echo "engine.sh: the engine's last lines:" >&2
  tail -n 8 "$work/log.errors" | cut -c 1-300 | sed 's/^/  | /' >&2
}

# stop SIGNAL SECONDS PID: asks, waits, and then kills.
stop() {
  [ -n "$3" ] || return 0
  kill "-$1" "$3" 2>/dev/null
  for _ in $(seq $(($2 * 10))); do
    kill -0 "$3" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$3" 2>/dev/null
  wait "$3" 2>/dev/null
}

stop_engine() { stop TERM 15 "$engine"; }

case ${1:-} in
  --inside) shift; inside "$@" ;;
  *) outside "$@" ;;
esac
