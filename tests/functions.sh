# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Helpers for black-box tests. A test is a bash script in tests/integration/:
#
#   #!/bin/bash
#   . "$(dirname "$0")/../functions.sh"
#   needs_engine "$@"            # only where containers are run: the script runs again beside one
#   begin "a project comes up"
#   expect_exit 0 si paas --context t project create blog --stack "$dir/stack.yaml"
#   expect_json .data.status running
#
# Every test has a directory of its own ($dir, outside any git work tree) with a fresh state root,
# and is run against the si installed under SI_PREFIX. The first expectation that is not met ends
# the test with exit code 1, and shows the command with all that it printed. Needs jq, curl.
set -u

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin # Debian's tools, whatever else is there
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
doing='' out='' err='' code=0

fail() {
  printf '\nFAILED%s: %s\n' "${doing:+ ($doing)}" "$1" >&2
  [ -z "${last_command:-}" ] || {
    printf '  last command (exit code %s): %s\n' "$code" "$last_command"
    printf '%s\n' "$out" | sed 's/^/  out| /'
    printf '%s\n' "$err" | sed 's/^/  err| /'
  } >&2
  [ "$sweep_every" = 1 ] ||
    printf '  a part of it was tried: SI_TEST_EVERY=%s SI_TEST_OFFSET=%s\n' "$sweep_every" "$sweep_offset" >&2
  exit 1
}

# skip REASON: this machine cannot run the test.
skip() {
  printf 'skipped: %s\n' "$1" >&2
  exit 77
}

begin() {
  doing=$1 last_command=
  printf -- '- %s\n' "$1"
}

# --- sweeps --------------------------------------------------------------------------------------

# A sweep tries something at every point there is. SI_TEST_EVERY=N takes one point in N (default 1:
# all), SI_TEST_OFFSET says which; drawn anew by every run else, and told, so that many runs see all.
sweep_every=${SI_TEST_EVERY:-1}
sweep_offset=$((10#${SI_TEST_OFFSET:-${EPOCHREALTIME#*.}} % sweep_every))

# in_sweep POINT: is it tried?
in_sweep() { [ $((($1 + sweep_offset) % sweep_every)) = 0 ]; }

# swept N: how much is left of a number that a whole sweep has; at least 1.
swept() { echo $((($1 + sweep_every - 1) / sweep_every)); }

# --- set-up and cleaning up ----------------------------------------------------------------------

exit_commands=()

# on_exit COMMAND...: run when the test ends, however it ends; the latest first.
on_exit() { exit_commands+=("$(printf '%q ' "$@")"); }

run_exit_commands() {
  local i
  for ((i = ${#exit_commands[@]} - 1; i >= 0; i--)); do eval "${exit_commands[i]}" || true; done
}

# needs_engine "$@" (of the script itself): goes on beside a private engine, SI_TEST_SOCKET.
needs_engine() {
  [ -z "${SI_TEST_SOCKET:-}" ] || return 0
  run_exit_commands # exec would not
  exec "$repository/tests/servers/engine.sh" "$(readlink -f "$0")" "$@"
}

for tool in jq curl; do
  command -v "$tool" >/dev/null || skip "there is no $tool (./check --deps installs it)"
done
: "${SI_PREFIX:?is the prefix that si is installed under; ctest sets it}"
[ -x "$SI_PREFIX/bin/si" ] || fail "there is no si under $SI_PREFIX/bin: cmake --install first"
umask 022 # si loads no plugin from a directory that others may write to
trap run_exit_commands EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
dir=$(mktemp -d "${TMPDIR:-/tmp}/si-test.XXXXXX")
on_exit rm -rf "$dir"
export SI_PAAS_STATE_ROOT=$dir/state
unset SI_PAAS_CONTEXT SI_PLUGIN_DIR SI_ENTERPRISE_PLUGIN_DIR SI_ADDON_DIR
# SI_TEST_TRUST: the document by which every test's operator trusts more than the installed plugins.
[ -z "${SI_TEST_TRUST:-}" ] || {
  mkdir -m 700 "$SI_PAAS_STATE_ROOT"
  install -m 600 "$SI_TEST_TRUST" "$SI_PAAS_STATE_ROOT/plugins.json"
}

si() { "$SI_PREFIX/bin/si" "$@"; }

# --- expectations --------------------------------------------------------------------------------

# run COMMAND...: leaves its exit code in $code, and what it printed in $out and $err.
run() {
  last_command=$*
  "$@" >"$dir/.out" 2>"$dir/.err"
  code=$?
  { out=$(<"$dir/.out") err=$(<"$dir/.err"); } 2>/dev/null # bash leaves out a NUL, and says so
}

expect_exit() {
  local wanted=$1
  shift
  run "$@"
  [ "$code" = "$wanted" ] || fail "exit code $code where $wanted was expected"
}

# Where it was built (tests/tools), it answers most questions, and in a tenth of jq's time.
json_at=${SI_TEST_PLUGINS:-}/../tools/json-at
[ -x "$json_at" ] || json_at=false

# json PATH: a value from the last command's stdout.
json() { "$json_at" "$1" <<<"$out" 2>/dev/null || printf '%s' "$out" | jq -r "$1"; }

# expect_json PATH VALUE: of the last command's stdout. VALUE is text, or JSON as jq prints it.
expect_json() {
  local found
  found=$("$json_at" "$1" <<<"$out" 2>/dev/null ||
    printf '%s' "$out" | jq -r "$1 | if type == \"string\" then . else tojson end") ||
    fail "stdout is not JSON that $1 can be taken from"
  [ "$found" = "$2" ] || fail "$1 is '$found' where '$2' was expected"
}

# expect_contains TEXT [WHERE]: in $out and $err of the last command, or in WHERE.
expect_contains() {
  local where=${2-$out$'\n'$err}
  case $where in
    *"$1"*) ;;
    *) fail "'$1' was expected in: $where" ;;
  esac
}

expect_equal() { [ "$1" = "$2" ] || fail "'$1' where '$2' was expected${3:+: $3}"; }

# until_true SECONDS COMMAND...: waits for a condition.
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || fail "did not come true in time: $*"
    sleep 0.1
  done
}

# Does this installation's si-host run? Others on the machine do not count.
host_runs() {
  local exe
  for exe in /proc/[0-9]*/exe; do
    [ "$exe" -ef "$SI_PREFIX/libexec/si/si-host" ] && return 0
  done
  return 1
}
no_host_left() { ! host_runs; }

# --- plugins -------------------------------------------------------------------------------------

# watch_constructor PLUGIN.so...: from here on the constructors of these misbehaving plugins, where they
# are now, leave a trace. constructor_ran: one of them did.
watch_constructor() {
  local file
  markers=()
  for file in "$@"; do
    file=$(realpath -m "$file")
    file=$SI_TEST_PLUGINS/markers/${file//\//%}
    : >"$file"
    on_exit rm -f "$file"
    markers+=("$file")
  done
}
constructor_ran() {
  local file
  for file in "${markers[@]:?watch_constructor was not called}"; do
    [ ! -s "$file" ] || return 0
  done
  return 1
}

# plugin_tree ID...: SI_PLUGIN_DIR becomes a fresh tree ($tree) of the installed plugins and of these
# misbehaving ones (tests/plugins), all listed with their hashes; NAME-store as an artifact store,
# NAME-backup as a backup provider, any other as a provisioner.
plugin_tree() {
  local installed id kind needs files=()
  tree=$dir/plugins
  installed=$(find "$SI_PREFIX" -path '*/si/plugins/manifest.json' -printf '%h\n')
  rm -rf "$tree"
  mkdir -m 755 "$tree"
  for id in "$@"; do files+=("$SI_TEST_PLUGINS/$id.so"); done
  cp "$installed"/*.so "$installed/manifest.json" "${files[@]}" "$tree"
  for id in "$@"; do
    case $id in
      *-store | locker) kind=artifact ;;
      *-backup) kind=backup ;;
      *) kind=provisioner ;;
    esac
    needs='{}'
    [ ! -e "$SI_TEST_PLUGINS/$id.needs" ] || needs=$(<"$SI_TEST_PLUGINS/$id.needs")
    printf '{"id":"%s","file":"%s.so","kinds":["%s"],"needs":%s}\n' "$id" "$id" "$kind" "$needs"
  done >"$dir/.listed"
  (cd "$tree" && sha256sum -- *.so) | jq -Rn --slurpfile listed "$dir/.listed" \
    --slurpfile manifest "$installed/manifest.json" \
    '([inputs | split("  ") | {(.[1]): .[0]}] | add) as $hash | $manifest[0] |
     .plugins += [.plugins[0] + ($listed[] | . + {sha256: $hash[.file]})]' >"$tree/manifest.json"
  chmod 644 "$tree"/*
  export SI_PLUGIN_DIR=$tree
}

# --- the engine ----------------------------------------------------------------------------------

# engine METHOD PATH [CURL OPTION...]
engine() {
  local method=$1 path=$2
  shift 2
  curl -sS --fail-with-body --unix-socket "$SI_TEST_SOCKET" -X "$method" "$@" "http://engine$path"
}

# resources [LABEL...]: "container NAME", "volume NAME", "network NAME" of all that carries every
# given label ("si.context" or "si.project=ID"; default: si.context).
resources() {
  local filters
  filters=$(jq -cn '{label: $ARGS.positional}' --args -- "${@:-si.context}")
  engine GET /containers/json -G -d all=1 --data-urlencode "filters=$filters" |
    jq -r '.[] | "container " + .Names[0][1:]'
  engine GET /volumes -G --data-urlencode "filters=$filters" |
    jq -r '.Volumes // [] | .[] | "volume " + .Name'
  engine GET /networks -G --data-urlencode "filters=$filters" | jq -r '.[] | "network " + .Name'
}

expect_no_resources() {
  local left
  left=$(resources "$@")
  [ -z "$left" ] || fail "still there: $left"
}

# busybox_image NAME[:TAG]: an image with busybox alone (/bin/sh, httpd, ...), 2 MB.
busybox_image() {
  local root=$dir/.busybox tool
  engine GET "/images/$1/json" >/dev/null 2>&1 && return
  if [ ! -d "$root" ]; then
    mkdir -p "$root"/{bin,etc,tmp,proc,sys,dev,www}
    cp "$(command -v busybox)" "$root/bin/busybox" || skip "there is no busybox"
    for tool in $("$root/bin/busybox" --list); do
      [ "$tool" = busybox ] || ln -s busybox "$root/bin/$tool"
    done
    printf 'root:x:0:0:root:/:/bin/sh\n' >"$root/etc/passwd"
  fi
  tar -C "$root" --owner=0 --group=0 -cf - . |
    engine POST "/images/create?fromSrc=-&repo=${1%:*}&tag=$(tag_of "$1")" \
      -H 'Content-Type: application/x-tar' -T - >/dev/null || fail "the engine took no image $1"
}

tag_of() {
  case $1 in
    *:*) printf '%s' "${1##*:}" ;;
    *) printf latest ;;
  esac
}
