# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Helpers for black-box tests of runpacks in object stores; sourced behind functions.sh.

# needs_loopback "$@" (of the script itself): goes on where nothing but loopback can be reached.
needs_loopback() {
  [ -z "${SI_TEST_LOOPBACK:-}" ] || return 0
  run_exit_commands # exec would not
  SI_TEST_LOOPBACK=1 exec "$repository/tests/servers/loopback.sh" "$(readlink -f "$0")" "$@"
}

# needs_s3 "$@" (of the script itself): goes on beside a real object store of its own, see
# tests/servers/s3.sh.
needs_s3() {
  [ -z "${S3_HTTP:-}" ] || return 0
  run_exit_commands
  exec "$repository/tests/servers/s3.sh" run "$(readlink -f "$0")" "$@"
}

s3_server() { "$repository/tests/servers/s3.sh" "$@" || fail "s3.sh $*"; }

# s3 METHOD PATH [CURL OPTION...]: as the first user, past everything that a test puts in between.
# PATH begins with the bucket, its query is sorted and has an '=' in every part.
s3() {
  local method=$1 path=$2
  shift 2
  curl -sS --fail-with-body --aws-sigv4 aws:amz:us-east-1:s3 --user "$S3_KEY:$S3_SECRET" \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X "$method" "$@" "$S3_HTTP/$path"
}

# s3_bucket NAME
s3_bucket() { s3 PUT "$1" >/dev/null || fail "no bucket $1"; }

# s3_keys BUCKET [PREFIX]: the keys of up to a thousand objects, a line each.
s3_keys() {
  s3 GET "$1?list-type=2&prefix=$(escaped "${2:-}")" | grep -o '<Key>[^<]*' | cut -c 6-
}

# s3_uploads BUCKET: the keys of multipart uploads that were begun and never ended, a line each.
s3_uploads() { s3 GET "$1?uploads=" | grep -o '<Key>[^<]*' | cut -c 6-; }

escaped() { jq -rn --arg text "$1" '$text | @uri'; }

# credentials FILE [KEY SECRET]: a file of credentials; by default the first user's.
credentials() {
  (umask 077 && printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
    "${2:-$S3_KEY}" "${3:-$S3_SECRET}" >"$1")
}

# await_port DIR: prints the port of a server that was just started.
await_port() {
  until_true 30 test -e "$1/port" && cat "$1/port"
}

# faults_start DIR: a proxy before the store that goes wrong on order; its URL is in DIR/url.
faults_start() {
  "$repository/tests/servers/faults.py" "$1" "$S3_PORT" </dev/null &
  on_exit kill "$!"
  disown
  printf 'http://127.0.0.1:%s' "$(await_port "$1")" >"$1/url"
}

# faults DIR RULE...: its rules, as JSON; none: all passes. The log is emptied.
faults() {
  local url
  url=$(cat "$1/url")
  shift
  curl -sSf -X DELETE "$url/__log" && jq -cs . <<<"$*" | curl -sSf -T - "$url/__rules" ||
    fail "the proxy did not take $*"
}

# faults_log DIR [FILTER]: the requests since, as JSON, or what the filter of jq makes of them.
faults_log() { curl -sSf "$(cat "$1/url")/__log" | jq -r "${2:-.}"; }
