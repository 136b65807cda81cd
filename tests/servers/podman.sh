#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command beside a podman service that exists for this command alone.
#
#   tests/servers/podman.sh COMMAND [ARG...]
#
# The same as engine.sh, with podman's Docker-compatible service in dockerd's place: service and
# command live in network, mount and process namespaces of their own, all files are on a tmpfs over
# /run that only these processes see, and everything ends with the namespaces. What podman keeps
# elsewhere whatever it is told (locks, a cache of layers) is on further ones.
#
# podman has no daemon of its own that runs health checks: it makes a systemd timer for each
# container. There is no systemd in the namespaces, so run_checks below does what the timers would.
# While there is a file no-checks beside the socket it does not: podman on a host without systemd.
#
# The command gets DOCKER_HOST (unix://...) and SI_TEST_SOCKET (the same as a path). Its exit code
# is passed on. 77 = cannot run here (needs root, podman with netavark and aardvark-dns, curl, jq,
# ip); the reason is on stderr.
set -u

skip() {
  printf 'podman.sh: skipped: %s\n' "$1" >&2
  exit 77
}

outside() {
  [ $# -gt 0 ] || { echo "usage: $0 COMMAND [ARG...]" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || skip "private namespaces and an engine need root"
  local tool
  for tool in podman runc conmon catatonit ip iptables curl jq unshare pkill; do
    command -v "$tool" >/dev/null || skip "there is no $tool (./check --deps installs it)"
  done
  for tool in netavark aardvark-dns; do
    [ -x "/usr/lib/podman/$tool" ] || [ -x "/usr/libexec/podman/$tool" ] ||
      skip "podman has no $tool (./check --deps installs it)"
  done

  # As in engine.sh: a background job of a shell ignores SIGINT, env puts that back; when this
  # process is killed, setpriv and --kill-child take all the others along.
  local child code
  remove_cgroups
  setpriv --pdeathsig KILL env --default-signal=INT,QUIT \
    unshare --net --mount --pid --ipc --uts --fork --kill-child --mount-proc \
    bash "$0" --inside "$@" <&0 &
  child=$!
  # shellcheck disable=SC2064
  trap "pkill -TERM -P $child" INT TERM HUP
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  remove_cgroups
  exit "$code"
}

# Control groups are the one thing that a namespace does not take with it. podman's parent of them
# cannot be named by configuration, so those of a run are told from others by being empty: the
# kernel refuses to remove one that has a process in it.
remove_cgroups() {
  local dir
  for dir in /sys/fs/cgroup/libpod_parent /sys/fs/cgroup/*/libpod_parent; do
    [ ! -d "$dir" ] || find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null
  done
}

# Everything that podman writes, it writes under $work.
configure() {
  local files processes
  # Without CAP_SYS_RESOURCE a container cannot get more than this process may have.
  files=$(ulimit -Hn) processes=$(ulimit -Hu)
  case $files in unlimited) files=1048576 ;; esac
  case $processes in unlimited) processes=65536 ;; esac
  mkdir -m 755 "$work" "$work/networks"
  cat >"$work/containers.conf" <<END
[containers]
default_ulimits = ["nofile=$files:$files", "nproc=$processes:$processes"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$work/tmp"
volume_path = "$work/volumes"
[network]
network_backend = "netavark"
network_config_dir = "$work/networks"
END
  cat >"$work/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$work/storage"
runroot = "$work/runroot"
END
  printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >"$work/policy.json"
  export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf
}

inside() {
  ip link set lo up
  mount -t tmpfs -o mode=755 si-test-podman /run || exit 1
  mount -t tmpfs -o mode=1777 si-test-podman /dev/shm || exit 1
  mkdir -p /var/lib/containers && mount -t tmpfs si-test-podman /var/lib/containers || exit 1
  work=/run/si-test-podman
  mkdir /run/lock
  configure
  export SI_TEST_SOCKET=$work/podman.sock DOCKER_HOST=unix://$work/podman.sock
  engine='' checks='' command=''
  trap 'stop TERM 15 "$command"; stop_engine; exit 143' TERM
  trap 'stop INT 15 "$command"; stop_engine; exit 130' INT

  # A session of its own, so that Ctrl-C reaches the command and not the engine under it.
  setsid podman --log-level error system service --time 0 "$DOCKER_HOST" \
    </dev/null >"$work/log" 2>&1 &
  engine=$!
  await_engine || { engine_log; stop_engine; exit 1; }
  run_checks </dev/null >/dev/null 2>&1 &
  checks=$!

  env --default-signal=INT,QUIT "$@" <&0 &
  command=$!
  wait "$command"
  local code=$?
  command=''
  case $code in 0 | 77) ;; *) engine_log ;; esac
  stop_engine
  exit "$code"
}

ask() { curl -sf --max-time 60 --unix-socket "$SI_TEST_SOCKET" "http://engine/v4.0.0/libpod$1"; }

# In place of podman's systemd timers: the check of every running container that has one, again and
# again. It is podman that runs it and keeps the outcome.
run_checks() {
  local id
  while sleep 0.3; do
    [ ! -e "$work/no-checks" ] || continue
    while read -r id; do
      ask "/containers/$id/healthcheck"
    done < <(ask '/containers/json' | jq -r '.[] | select(.Status != "") | .Id')
  done
}

await_engine() {
  for _ in $(seq 300); do
    ask /_ping >/dev/null && return 0
    kill -0 "$engine" 2>/dev/null || { echo "podman.sh: the service ended" >&2; return 1; }
    sleep 0.1
  done
  echo "podman.sh: the service did not answer within 30 seconds" >&2
  return 1
}

# That there is no systemd is known; and image loads are told on the same stream.
engine_log() {
  grep -e level=error -e level=fatal "$work/log" | grep -v 'systemd connection' \
    >"$work/log.errors" || return 0
  echo "podman.sh: the engine's last lines:" >&2
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

stop_engine() {
  stop TERM 2 "$checks"
  stop TERM 15 "$engine"
}

case ${1:-} in
  --inside) shift; inside "$@" ;;
  *) outside "$@" ;;
esac
