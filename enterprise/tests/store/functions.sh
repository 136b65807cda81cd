# SPDX-License-Identifier: LicenseRef-si-enterprise
# shellcheck shell=bash disable=SC2034
# Helpers for tests of the store on a real server; sourced first. The test runs again beside a server
# of its own (SI_TEST_S3_SERVER), and needs DRIVE and PLUGIN. 77 = cannot run here.
set -uo pipefail

skip() {
  printf 'skipped: %s\n' "$1" >&2
  exit 77
}
[ -x "${SI_TEST_S3_SERVER:-}" ] || skip "SI_TEST_S3_SERVER names no script that runs an S3 server"
command -v jq >/dev/null || skip "there is no jq"
command -v python3 >/dev/null || skip "there is no python3"
[ -n "${S3_HTTP:-}" ] || exec "$SI_TEST_S3_SERVER" run "$(readlink -f "$0")" "$@"

here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d)
children=()
finish() {
  local pid
  for pid in "${children[@]}"; do kill -KILL "$pid" 2>/dev/null; done
  rm -rf "$dir"
}
trap finish EXIT

case=start failed=0
begin() { case=$1; [ -z "${TRACE:-}" ] || echo "$SECONDS s: $1"; }
fail() {
  printf 'FAILED: %s: %s\n' "$case" "$*" >&2
  failed=1
}
finished() {
  [ "$failed" = 0 ] && echo "all well"
  exit "$failed"
}

# --- the store -----------------------------------------------------------------------------------

# direct METHOD PATH [CURL OPTION...]: a request of its own to the server, past the provider. PATH
# begins with the bucket; its query is sorted, with an '=' in every part. Prints the HTTP status, then
# what came.
direct() {
  local method=$1 path=$2
  shift 2
  curl -sS --aws-sigv4 aws:amz:us-east-1:s3 --user "${WHO:-$S3_KEY:$S3_SECRET}" \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X "$method" -w '%{stderr}%{http_code}' \
    "$@" "$S3_HTTP/$path" 2>"$dir/http" >"$dir/answer"
  printf '%s\n' "$(cat "$dir/http")"
  cat "$dir/answer"
}
http() { direct "$@" | head -n 1; }
expect_http() { # STATUS METHOD PATH ...
  local want=$1 got
  shift
  got=$(http "$@")
  [ "$got" = "$want" ] || fail "$1 $2: HTTP $got, not $want: $(cat "$dir/answer")"
}

bucket() { # NAME [CURL OPTION...]
  local name=$1
  shift
  expect_http 200 PUT "$name" "$@"
}
locked_bucket() { bucket "$1" -H 'x-amz-bucket-object-lock-enabled: true'; }

# config NAME BUCKET [ENDPOINT [JSON]]: $dir/NAME.json.
config() {
  (umask 077 && printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
    "$S3_KEY" "$S3_SECRET" >"$dir/credentials")
  jq -n --arg bucket "$2" --arg endpoint "${3:-$S3_HTTP}" --arg file "$dir/credentials" \
    --argjson more "${4:-{\}}" '{bucket: $bucket, endpoint: $endpoint, allow_http: true,
      force_path_style: true, auth: "file", auth_file: $file, part_size: 5242880} + $more' \
    >"$dir/$1.json"
}

# --- the provider --------------------------------------------------------------------------------

RETENTION=6 INVALID=1 NOT_FOUND=3 EXISTS=4 UNSUPPORTED=11 # of si/plugin.h

# drive COMMAND ...: a call on $dir/$store.json; $out what it told, $status, $message.
store=store
drive() {
  out=$("$DRIVE" "$PLUGIN" "$dir/$store.json" "$@" 2>"$dir/err") || true
  status=$(tail -n 1 <<<"$out" | jq -r .status 2>/dev/null)
  message=$(tail -n 1 <<<"$out" | jq -r .message 2>/dev/null)
  [ -n "$status" ] || { status=none message="$out $(cat "$dir/err")"; }
}
expect() { # STATUS COMMAND...
  local want=$1
  shift
  drive "$@"
  [ "$status" = "$want" ] || fail "$*: status $status, not $want: $message"
}
told() { head -n 1 <<<"$out" | jq -r ".$1"; }
expect_told() { # MEMBER VALUE
  [ "$(told "$1")" = "$2" ] || fail "told $1 $(told "$1"), not $2"
}
expect_message() { case $message in *"$1"*) ;; *) fail "not \"$1\" in: $message" ;; esac; }

# in_ms SECONDS: that far from now, to the second. soon SECONDS: the same, longer where calls take
# long, so that what is to come before it does.
in_ms() { echo $((($(date +%s) + $1) * 1000)); }
slow=1
measure() {
  local start i
  start=$(date +%s%3N)
  for i in {1..10}; do drive stat "measure/$i"; done
  slow=$((1 + ($(date +%s%3N) - start) / 1200))
  [ "$slow" -le 3 ] || slow=3
}
soon() { in_ms $(($1 * slow)); }
sleep_until() { while [ "$(date +%s%3N)" -lt "$(($1 + 1100))" ]; do sleep 0.1; done; }

# serve NAME COMMAND...: a server that gets the directory $dir/NAME first; $url is where it listens.
serve() {
  local name=$1 program=$2
  shift 2
  mkdir -p "$dir/$name"
  python3 "$here/$program" "$dir/$name" "$@" </dev/null &
  server=$!
  children+=("$server")
  disown
  for _ in $(seq 100); do
    [ ! -e "$dir/$name/port" ] || break
    sleep 0.1
  done
  url=http://127.0.0.1:$(cat "$dir/$name/port") || fail "$program does not listen"
}
