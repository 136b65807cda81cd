# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# A Docker-compatible engine for ./quickstart: the one that answers, or Debian's, started here and
# stopped again by --clean. Depends on scripts/lib.sh, deps.sh and network.sh.
#
# Where systemd runs, an engine started here is docker.service. Elsewhere it is a dockerd of our
# own, with its data in $engine_home and its socket in $engine_run; after a restart of the machine,
# or a kill, ./quickstart starts it again on the same data.

engine_home=/var/lib/si-quickstart
engine_run=/run/si-quickstart
default_socket=/var/run/docker.sock
socket='' # set by find_engine

answers() {
  [ -S "$1" ] && curl -sf --max-time 5 -o /dev/null --unix-socket "$1" http://engine/_ping
}

# find_engine: sets `socket` to an engine that answers; fails where there is none.
find_engine() {
  local candidate
  case ${DOCKER_HOST:-} in
    '') ;;
    unix://*)
      socket=${DOCKER_HOST#unix://}
      answers "$socket" ||
        die "no engine answers at DOCKER_HOST=$DOCKER_HOST" "Start it, or: unset DOCKER_HOST"
      return 0
      ;;
    *) die "DOCKER_HOST is $DOCKER_HOST, and only unix://PATH is understood" \
      "Try: unset DOCKER_HOST" ;;
  esac
  for candidate in "$default_socket" "$engine_run/docker.sock" /run/podman/podman.sock \
    "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/podman/podman.sock"; do
    if answers "$candidate"; then
      socket=$candidate
      return 0
    fi
  done
  if [ -S "$default_socket" ] && [ ! -w "$default_socket" ]; then
    die "your user may not talk to the engine at $default_socket" \
      "Whoever may is as powerful as root, so this is your decision. One of:" \
      "  sudo ./quickstart" \
      "  sudo adduser $(id -un) docker    (then log in anew, and: ./quickstart)"
  fi
  return 1
}

describe_engine() {
  curl -sf --unix-socket "$1" http://engine/version |
    jq -r '(.Components[0].Name // "Engine" | sub("^Engine$"; "Docker Engine")) as $name
      | "\($name) \(.Version), API \(.ApiVersion)"'
}

with_systemd() { [ -d /run/systemd/system ] && have systemctl; }

# start_engine: Debian's docker.io, packages included. Sets `socket`.
start_engine() {
  local missing
  mapfile -t missing < <(missing_packages "${deps_engine[@]}")
  # Another vendor's dockerd will do, and would be thrown out by Debian's package.
  if have dockerd; then mapfile -t missing < <(printf '%s\n' "${missing[@]}" | grep -vx docker.io); fi
  [ -n "${missing[*]}" ] || missing=()
  if [ "${#missing[@]}" -gt 0 ]; then
    remember_packages "${missing[@]}"
    install_packages "${missing[@]}" || die "the engine's packages were not installed" \
      "As root: apt-get install ${missing[*]}"
  fi
  save_network "$engine_home/before"
  if with_systemd; then start_service; else start_own; fi
}

start_service() {
  local unit
  [ -e "$engine_home/units" ] || for unit in docker.service docker.socket containerd.service; do
    systemctl is-active -q "$unit" || printf '%s\n' "$unit"
  done | "${as_root[@]}" tee "$engine_home/units" >/dev/null
  note "starting docker.service (not enabled at boot; --clean stops it)"
  quiet "${as_root[@]}" systemctl start docker.service ||
    die "docker.service did not start" "Look at: journalctl -u docker.service"
  if [ "$(id -u)" != 0 ]; then
    note "letting group $(id -gn) use its socket until --clean (this is as powerful as root)"
    "${as_root[@]}" chgrp "$(id -g)" "$default_socket"
  fi
  await_answer "$default_socket" "journalctl -u docker.service"
}

start_own() {
  local hard dir
  hard=$(ulimit -Hn)
  case $hard in unlimited) hard=1048576 ;; esac
  note "starting dockerd: socket and pid in $engine_run, data and log in $engine_home"
  [ "$(id -u)" = 0 ] || note "its socket is for group $(id -gn) (this is as powerful as root)"
  "${as_root[@]}" mkdir -p "$engine_run" "$engine_home"
  for dir in /run/docker /run/containerd; do # dockerd makes these whatever it is told
    [ -e "$dir" ] || [ -e "$engine_home/new-directories" ] || printf '%s\n' "$dir"
  done | "${as_root[@]}" tee -a "$engine_home/new-directories" >/dev/null
  "${as_root[@]}" rm -f "$engine_run/pid" # of a dockerd that was killed: none answered
  # A container cannot get more open files than this process may have.
  # shellcheck disable=SC2016
  "${as_root[@]}" sh -c 'log=$1; shift; exec setsid "$@" </dev/null >>"$log" 2>&1 &' sh \
    "$engine_home/dockerd.log" dockerd --data-root "$engine_home/data" \
    --exec-root "$engine_run/exec" --pidfile "$engine_run/pid" -H "unix://$engine_run/docker.sock" \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /si-quickstart \
    --group "$(id -g)" --default-ulimit "nofile=$((hard < 1024 ? hard : 1024)):$hard" \
    --log-level warn
  await_answer "$engine_run/docker.sock" "tail $engine_home/dockerd.log"
}

await_answer() {
  local _
  for _ in $(seq 300); do
    if answers "$1"; then
      socket=$1
      return 0
    fi
    sleep 0.1
  done
  [ ! -r "$engine_home/dockerd.log" ] || tail -n 15 "$engine_home/dockerd.log" | sed 's/^/      | /' >&2
  die "the engine did not answer at $1 within 30 seconds" "Look at: $2"
}

# stop_engine: what start_engine started, and all that it set. Nothing where it started nothing.
stop_engine() {
  local unit units
  [ -d "$engine_home" ] || return 0
  if [ -e "$engine_home/units" ]; then
    mapfile -t units <"$engine_home/units"
    for unit in "${units[@]}"; do
      note "stopping $unit"
      quiet "${as_root[@]}" systemctl stop "$unit" || die "$unit did not stop"
    done
  else
    stop_own
  fi
  [ ! -d "$engine_home/before" ] || restore_network "$engine_home/before"
  "${as_root[@]}" rm -rf "$engine_home" "$engine_run"
}

# own_engine_runs PID: is this process still our dockerd? (Not so one that ended and that nobody
# has waited for.)
own_engine_runs() { tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF "$engine_run/pid"; }

stop_own() {
  local pid mount dir _
  pid=$(cat "$engine_run/pid" 2>/dev/null || true)
  if [ -n "$pid" ] && own_engine_runs "$pid"; then
    note "stopping dockerd (process $pid)"
    "${as_root[@]}" kill "$pid"
    for _ in $(seq 300); do
      own_engine_runs "$pid" || break
      sleep 0.1
    done
    ! own_engine_runs "$pid" || die "dockerd (process $pid) does not end" \
      "As root: kill -9 $pid" "Then: ./quickstart --clean"
  fi
  while read -r mount; do
    "${as_root[@]}" umount -l "$mount"
  done < <(awk '{print $2}' /proc/mounts | grep -E "^($engine_home|$engine_run)/" | sort -r)
  for dir in $(cat "$engine_home/new-directories" 2>/dev/null) /sys/fs/cgroup/si-quickstart \
    /sys/fs/cgroup/*/si-quickstart; do
    [ ! -d "$dir" ] || "${as_root[@]}" find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}
