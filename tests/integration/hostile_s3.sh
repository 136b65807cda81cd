#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A store that lies about a runpack, or answers without end: it is never said to be good, and the
# answer comes soon and in little memory. R49, R50, R52, R80.
# shellcheck disable=SC2154,SC2034
. "$(dirname "$0")/../functions.sh"
. "$(dirname "$0")/../s3-functions.sh"
needs_loopback "$@"

# What the store tells about: a good runpack, with an artifact of several parts.
mkdir -p "$dir/from/logs"
: >"$dir/from/empty.txt"
echo "what was done" >"$dir/from/small.txt"
echo "what was seen" >"$dir/from/other.txt"
head -c 11000000 /dev/urandom >"$dir/from/logs/large.bin"
echo '{"what":"test"}' >"$dir/spec.json"
expect_exit 0 si --json runpack export --from "$dir/from" --spec "$dir/spec.json" --tenant t \
  --namespace n --scenario s --run r1 --sink file --config "root=$dir/good"

"$repository/tests/servers/hostile_s3.py" "$dir/hostile" "$dir/good" </dev/null &
on_exit kill "$!"
disown
S3_HTTP=http://127.0.0.1:$(await_port "$dir/hostile") S3_KEY=AKIDNOBODY0000000000 S3_SECRET=secret

# verify BUCKET [TIMEOUT]: bounded in time; its peak is in $peak.
verify() {
  s3_store "$1" "{\"bucket\": \"$1\", \"max_attempts\": 3}"
  run peak_of "$dir/peak" timeout 120 "$SI_PREFIX/bin/si" --json runpack verify \
    "$(s3_uri "$1" "$(s3_run r1)")" --sink s3 --config "$dir/$1.json" --timeout "${2:-40s}"
  peak=$(cat "$dir/peak")
}
most=65536
memory_counts || most=1000000000

begin "the honest one is believed"
verify honest
expect_equal "$code" 0
expect_json .data.status pass

# The exit codes that are right, and a word of the reason.
begin "a store that lies is found out, soon and in little memory"
heavy=0
while IFS='|' read -r bucket codes text; do
  case $bucket in
    huge-manifest | large-manifest) in_sweep $((heavy += 1)) || continue ;; # 256 MiB each
  esac
  verify "$bucket"
  case " $codes " in
    *" $code "*) ;;
    *) fail "$bucket: exit code $code where $codes was expected" ;;
  esac
  if [ "$code" = 0 ]; then
    expect_json .data.status pass
  else
    expect_json .ok false
    expect_contains "$text" "$(json '.error.message + " " + ([.data.errors[]?.code] | tostring)')"
  fi
  [ "$peak" -lt "$most" ] || fail "$bucket: a process had $peak KiB"
  hosts_gone || fail "si-host outlived its operation"
done <<'TABLE'
swapped|8|HASH_MISMATCH
missing|8|ARTIFACT_MISSING
no-content|8|small.txt
other-run|8|PLACEMENT
redirected|8|manifest
extra|8|RUNPACK_EXTRA
unlisted|8|RUNPACK_UNLISTED
twice|8|RUNPACK_DUPLICATE
dot-dot|8|lies outside
elsewhere|8|outside of the prefix
odd-keys|8|lies outside
endless-listing|8|RUNPACK_EXTRA
empty-pages|8|empty
same-token|8|in circles
no-token|8|makes no sense
huge-page|8|RUNPACK_EXTRA
billion-laughs|8|document type
deep-page|8|too deep
cut-page|8|not well-formed
no-page|8|another document
endless-object|8|small.txt
huge-object|8|small.txt
endless-manifest|8|manifest read failed
huge-manifest|8|manifest read failed
large-manifest|8|manifest read failed
fitting-manifest|8|manifest.json
short|8|manifest read failed
no-ranges|8|large.bin
other-ranges|8|manifest read failed
endless-headers|8 6|manifest read failed
endless-error|5|denies access
no-http|8 6|manifest read failed
TABLE

# The bytes are what counts, not what the store says of them.
begin "what says nothing about the bytes is believed for nothing"
verify sizes
expect_equal "$code" 0
verify new-tags
expect_equal "$code" 4
expect_contains "replaced while it was read"

# An answer that goes on behind its end may be taken for the next one.
begin "answers that are not those to what was asked make no wrong runpack right"
verify long
[ "$code" != 0 ] || expect_json .data.status pass
expect_json '.ok | type' boolean

begin "a store that takes its time is waited for as long as the caller said"
from=$SECONDS
verify trickle 3s
expect_equal "$code" 7
[ $((SECONDS - from)) -lt 15 ] || fail "it took $((SECONDS - from)) seconds"
hosts_gone || fail "si-host outlived its operation"
