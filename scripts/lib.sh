# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What ./quickstart and ./check share: steps that show their time, quiet commands with a log,
# Debian packages, and CMake builds. Source it after setting `root` (the repository) and `log` (a
# file that exists). It needs bash and what Debian installs everywhere.

step_name='' step_number=0 step_total=0 step_from=0
PATH=$PATH:/usr/sbin:/sbin
as_root=() # the prefix that makes a command run as root: empty, or sudo
[ "$(id -u)" = 0 ] || as_root=(sudo)

say() { printf '%s\n' "$*"; }
note() { printf '      %s\n' "$*"; }

# die REASON [WHAT TO DO...]: ends the run. What the step had to say stands above it.
die() {
  local line
  printf '\nFailed%s: %s\n' "${step_name:+ at \"$step_name\"}" "$1" >&2
  shift
  for line; do printf '  %s\n' "$line" >&2; done
  step_name=
  exit 1
}

# step NAME: closes the step before and opens the next one.
step() {
  step_done
  step_number=$((step_number + 1)) step_name=$1 step_from=$SECONDS
  printf '\n[%d/%d] %s\n' "$step_number" "$step_total" "$1"
  printf '\n=== %s\n' "$1" >>"$log"
}

step_done() {
  [ -z "$step_name" ] || printf '      done in %d s\n' "$((SECONDS - step_from))"
  step_name=
}

# show COMMAND...: prints a command as one would type it.
show() {
  local word text=
  for word; do
    case $word in
      *[!A-Za-z0-9_@%+=:,./-]* | '') word="'${word//\'/\'\\\'\'}'" ;;
    esac
    text+=" $word"
  done
  printf '    $%s\n' "$text"
}

# quiet COMMAND...: runs it with its output in the log; on a terminal its last line is shown while
# it runs. When it fails, the end of its output is printed, and its exit code returned.
quiet() {
  local out pid code=0 from=$SECONDS
  printf '$ %s\n' "$*" >>"$log"
  out=$(mktemp)
  # env: a background job of a script would not hear Ctrl-C.
  env --default-signal=INT,QUIT "$@" >"$out" 2>&1 &
  pid=$!
  if [ -t 1 ]; then
    while kill -0 "$pid" 2>/dev/null; do
      printf '\r\033[K      %3d s  %.64s' "$((SECONDS - from))" \
        "$(tail -c 200 "$out" | tr -d '\000-\010\013-\037' | tail -n 1)"
      sleep 0.5
    done
    printf '\r\033[K'
  fi
  wait "$pid" || code=$?
  cat "$out" >>"$log"
  if [ "$code" != 0 ]; then
    {
      printf '      the command that failed (exit code %d):\n' "$code"
      show "$@"
      printf '      its last lines (all of them: %s):\n' "$log"
      tail -n 15 "$out" | sed 's/^/      | /'
    } >&2
  fi
  rm -f "$out"
  return "$code"
}

have() { command -v "$1" >/dev/null 2>&1; }

# missing_packages NAME...: those of them that are not installed, one a line.
missing_packages() {
  local name
  for name; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
      printf '%s\n' "$name"
  done
}

# install_packages NAME...: installs Debian packages. Services that they bring are neither started
# nor enabled at boot, and no other service is restarted.
install_packages() {
  local units=(docker.service docker.socket containerd.service podman.service podman.socket
    podman-restart.service podman-auto-update.service podman-auto-update.timer
    ceph.target ceph-mon.target ceph-osd.target ceph-radosgw.target ceph-crash.service
    rbdmap.service)
  local unit new_units=() code=0
  have apt-get || die "this needs Debian's apt-get" "Install by hand: $*"
  [ "$(id -u)" = 0 ] || have sudo ||
    die "installing packages needs root, and there is no sudo" "As root: apt-get install $*"
  for unit in "${units[@]}"; do
    [ -e "/lib/systemd/system/$unit" ] || new_units+=("$unit")
  done
  (
    policy=/usr/sbin/policy-rc.d # what Debian asks before a package starts its service
    if [ ! -e "$policy" ]; then
      trap '"${as_root[@]}" rm -f "$policy"' EXIT
      printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$policy"
    fi
    apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
      apt-get -o DPkg::Lock::Timeout=900)
    quiet "${apt[@]}" update || note "going on with the package lists that are there"
    quiet "${apt[@]}" install -y --no-install-recommends "$@"
  ) || code=$?
  if have systemctl; then
    for unit in "${new_units[@]}"; do
      [ ! -e "/lib/systemd/system/$unit" ] ||
        "${as_root[@]}" systemctl disable "$unit" >>"$log" 2>&1 || true
    done
  fi
  return "$code"
}

# build_tree DIR PRESET [CMAKE ARGUMENT...]: configures DIR and builds it. A tree that was made by
# another clone is made again.
build_tree() {
  local dir=$1 preset=$2 generator=()
  shift 2
  if [ -e "$dir/CMakeCache.txt" ] &&
    ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$dir/CMakeCache.txt"; then
    rm -rf "$dir"
  fi
  [ -e "$dir/CMakeCache.txt" ] || ! have ninja || generator=(-G Ninja)
  local launcher=()
  ! have ccache || launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache
    -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  quiet cmake -S "$root" -B "$dir" --preset "$preset" "${generator[@]}" "${launcher[@]}" "$@" &&
    quiet cmake --build "$dir" -j "$(nproc)"
}

# unsafe_component PATH: names the first directory on the way to PATH that someone else could
# change; fails where there is none. si loads nothing from below such a directory.
unsafe_component() {
  local path=$1 owner mode
  while [ "$path" != / ]; do
    path=$(dirname "$path")
    owner=$(stat -c %u "$path") mode=$((8#$(stat -c %a "$path")))
    if [ "$owner" != 0 ] && [ "$owner" != "$(id -u)" ]; then
      printf '%s belongs to user %s\n' "$path" "$owner"
      return 0
    fi
    if [ $((mode & 8#022)) != 0 ] && { [ $((mode & 8#1000)) = 0 ] || [ "$owner" != 0 ]; }; then
      printf '%s may be changed by others\n' "$path"
      return 0
    fi
  done
  return 1
}
