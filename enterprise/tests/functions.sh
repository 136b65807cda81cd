# SPDX-License-Identifier: LicenseRef-si-enterprise
# shellcheck shell=bash disable=SC2034
# Helpers for the tests of the enterprise tree. A test is a bash script in tests/, and CTest's
# enterprise.<name>; it has a directory of its own ($dir) with a fresh state root. The first
# expectation that is not met ends it with exit code 1; 77 = skipped. CTest says where things are:
#
#   SI_PREFIX               the installation of si whose SDK the plugins were built from
#   SI_ENTERPRISE_SOURCE    this project
#   SI_ENTERPRISE_BUILD     its build
#   SI_ENTERPRISE_UNSIGNED  its plugins as `cmake --install` left them
set -u

doing='' out='' err='' code=0 last_command=''

fail() {
  printf '\nFAILED%s: %s\n' "${doing:+ ($doing)}" "$1" >&2
  [ -z "$last_command" ] || {
    printf '  last command (exit code %s): %s\n' "$code" "$last_command"
    printf '%s\n' "$out" | sed 's/^/  out| /'
    printf '%s\n' "$err" | sed 's/^/  err| /'
  } >&2
  exit 1
}

skip() {
  printf 'skipped: %s\n' "$1" >&2
  exit 77
}

begin() {
  doing=$1 last_command=
  printf -- '- %s\n' "$1"
}

for name in SI_PREFIX SI_ENTERPRISE_SOURCE SI_ENTERPRISE_BUILD SI_ENTERPRISE_UNSIGNED; do
  [ -n "${!name:-}" ] || fail "$name is not set; ctest sets it"
done
command -v jq >/dev/null || skip "there is no jq"
[ -x "$SI_PREFIX/bin/si" ] || skip "there is no si under $SI_PREFIX, only its SDK"
umask 022 # si loads nothing that others may write to
dir=$(mktemp -d "${TMPDIR:-/tmp}/si-enterprise-test.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
export SI_PAAS_STATE_ROOT=$dir/state
unset SI_PAAS_CONTEXT SI_PLUGIN_DIR SI_ENTERPRISE_PLUGIN_DIR
oss=$(find "$SI_PREFIX" -path '*/si/plugins/manifest.json' -printf '%h\n')

si() { "$SI_PREFIX/bin/si" "$@"; }

# run COMMAND...: leaves its exit code in $code, and what it printed in $out and $err.
run() {
  last_command=$*
  "$@" >"$dir/.out" 2>"$dir/.err"
  code=$?
  out=$(tr -d '\0' <"$dir/.out") err=$(tr -d '\0' <"$dir/.err")
}

expect_exit() {
  local wanted=$1
  shift
  run "$@"
  [ "$code" = "$wanted" ] || fail "exit code $code where $wanted was expected"
}

# expect_json PATH VALUE: of the last command's stdout. VALUE is text, or JSON as jq prints it.
expect_json() {
  local found
  found=$(jq -r "$1 | if type == \"string\" then . else tojson end" <<<"$out") ||
    fail "stdout is not JSON that $1 can be taken from"
  [ "$found" = "$2" ] || fail "$1 is '$found' where '$2' was expected"
}

expect_equal() { [ "$1" = "$2" ] || fail "'$1' where '$2' was expected${3:+: $3}"; }

expect_contains() {
  case $out$'\n'$err in
    *"$1"*) ;;
    *) fail "'$1' was expected" ;;
  esac
}

# ids: of this project's plugins, a line each.
ids() { jq -r .id "$SI_ENTERPRISE_UNSIGNED"/*.so.json; }

# make_key NAME: $dir/NAME and $dir/NAME.pub; its id in $key_id.
make_key() {
  expect_exit 0 si --json plugin keygen --out "$dir/$1"
  key_id=$(jq -r .data.id <<<"$out")
}

# signed_tree DIRECTORY KEY [SERIAL]: the plugins there, as sign.sh makes a tree of them.
signed_tree() {
  [ -d "$1" ] || cp -r "$SI_ENTERPRISE_UNSIGNED" "$1"
  expect_exit 0 "$SI_ENTERPRISE_SOURCE/sign.sh" --si "$SI_PREFIX/bin/si" --key "$dir/$2" \
    ${3:+--serial "$3"} "$1"
}

# trust KEY: as the operator does who got its public half from the maker.
trust() { expect_exit 0 si plugin trust add --key "$dir/$1.pub" --for enterprise --yes; }
