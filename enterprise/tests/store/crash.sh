#!/bin/bash
# SPDX-License-Identifier: LicenseRef-si-enterprise
# What is asked of the server, request by request; and a crash between the end of an upload in parts
# and its lock: nobody was told that it is stored, and what goes on later locks it.
# shellcheck source=functions.sh
. "$(dirname "$(readlink -f "$0")")/functions.sh"
port=${S3_HTTP##*:}
locked_bucket locked
config direct locked
echo one >"$dir/one"
head -c 11000000 /dev/urandom >"$dir/large"

begin "a locked object is one request, between two looks; the lock is in it"
serve count passer.py "$port"
config store locked "$url"
expect 0 put a "$dir/one" compliance "$(in_ms 60)"
grep -v '[?]versioning=\|[?]object-lock=' "$dir/count/log" >"$dir/log"
printf '%s\n' 'HEAD /locked/a' 'PUT /locked/a' 'HEAD /locked/a' | cmp -s - "$dir/log" ||
  fail "asked: $(cat "$dir/count/log")"

begin "killed before the lock of an object in parts"
serve hold passer.py "$port" '^PUT .*[?]retention='
config store locked "$url"
"$DRIVE" "$PLUGIN" "$dir/store.json" put big "$dir/large" compliance "$(in_ms 60)" >"$dir/told" 2>&1 &
driver=$!
for _ in $(seq 300); do
  [ ! -e "$dir/hold/held" ] || break
  sleep 0.1
done
[ -e "$dir/hold/held" ] || fail "no lock was asked for"
kill -KILL "$driver"
wait "$driver" 2>/dev/null
[ ! -s "$dir/told" ] || fail "it was told: $(cat "$dir/told")"
store=direct
expect 0 read big -
expect_told mode none # there it is, and nobody was told that it is stored
expect 0 put big "$dir/large" compliance "$(in_ms 10)"
expect_told mode compliance
expect $RETENTION remove big

begin "killed before an upload in parts ended"
serve parts passer.py "$port" '^POST .*[?]uploadId='
config store locked "$url"
"$DRIVE" "$PLUGIN" "$dir/store.json" put half "$dir/large" compliance "$(in_ms 60)" >"$dir/told" 2>&1 &
driver=$!
for _ in $(seq 300); do
  [ ! -e "$dir/parts/held" ] || break
  sleep 0.1
done
[ -e "$dir/parts/held" ] || fail "the upload was not ended"
kill -KILL "$driver"
wait "$driver" 2>/dev/null
expect $NOT_FOUND stat half
finished
