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

# Does no si-host run? In namespaces of our own there is nobody else's.
hosts_gone() { ! pgrep -x si-host >/dev/null; }

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

# s3_keys BUCKET [PREFIX]: the keys of up to a thousand objects, a line each. s3_uploads BUCKET: those
# of uploads in parts that were begun and never ended. What cannot be asked is no empty answer.
s3_keys() { s3_list "$1?list-type=2&prefix=$(escaped "${2:-}")"; }
s3_uploads() { s3_list "$1?uploads="; }
s3_list() {
  local found
  found=$(s3 GET "$1") || { echo "(cannot be listed)"; return; }
  printf '%s' "$found" | grep -o '<Key>[^<]*' | cut -c 6-
}

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
  curl -sSf -X DELETE "$url/__log" || fail "the proxy does not answer"
  jq -cs . <<<"$*" | curl -sSf -X PUT --data-binary @- "$url/__rules" || fail "the proxy did not take $*"
}

# faults_log DIR [FILTER]: the requests since, as JSON, or what the filter of jq makes of them.
faults_log() { curl -sSf "$(cat "$1/url")/__log" | jq -r "${2:-.}"; }

# --- runpacks ------------------------------------------------------------------------------------

# things_to_export [BYTES]: $dir/from, with an empty artifact, a small one, and one of so many bytes
# (by default three parts' worth); the spec is $dir/spec.json.
things_to_export() {
  mkdir -p "$dir/from/logs"
  : >"$dir/from/empty.txt"
  echo "what was done" >"$dir/from/small.txt"
  head -c "${1:-11000000}" /dev/urandom >"$dir/from/logs/large.bin"
  echo '{"what":"test"}' >"$dir/spec.json"
}

# s3_store NAME [JSON]: $dir/NAME.json, the settings of a store in bucket si-test, with those of the
# JSON object over them; null takes one away.
s3_store() {
  [ -e "$dir/credentials" ] || credentials "$dir/credentials"
  jq -n --arg endpoint "$S3_HTTP" --arg file "$dir/credentials" --argjson more "${2:-{\}}" '
    {bucket: "si-test", endpoint: $endpoint, allow_http: true, force_path_style: true,
     auth: "file", auth_file: $file, part_size: 5242880} + $more
    | with_entries(select(.value != null))' >"$dir/$1.json"
}

# s3_export NAME RUN [OPTION...]: exports $dir/from to that store. As an array, for run and others.
s3_export() {
  "$SI_PREFIX/bin/si" --json runpack export --from "$dir/from" --spec "$dir/spec.json" --tenant t \
    --namespace n --scenario s --run "$2" --sink s3 --config "$dir/$1.json" "${@:3}"
}

# s3_uri NAME [KEY]: of a store, or of what stands in it under the key.
s3_uri() {
  jq -j '"s3://" + .bucket + "/" + (if (.prefix // "") == "" then "" else .prefix + "/" end)' \
    "$dir/$1.json"
  printf '%s' "${2:-}"
}

# s3_run RUN: the prefix of that run's runpack; s3_verify NAME RUN [OPTION...]: verifies it.
s3_run() {
  printf 'tenant/t/namespace/n/scenario/s/run/%s/%s' "$1" \
    "$(jq -cjS . "$dir/spec.json" | sha256sum | cut -d' ' -f1)"
}
s3_verify() {
  "$SI_PREFIX/bin/si" --json runpack verify "$(s3_uri "$1" "$(s3_run "$2")")" --sink s3 \
    --config "$dir/$1.json" "${@:3}"
}

# peak_of FILE COMMAND...: runs it, and writes the most memory that it, or any one process that it
# waited for, ever had resident, in KiB.
peak_of() {
  python3 -c '
import os, sys
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))' "$@"
}

# Sanitizers keep what is freed: memory then says nothing.
memory_counts() { ! grep -q __asan_init "$SI_PREFIX/bin/si"; }
