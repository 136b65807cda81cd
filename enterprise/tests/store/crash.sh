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

begin "where a report said that there is nothing, one look speaks for many keys, and not for long"
serve fresh passer.py "$port"
config store locked "$url"
soon=$(in_ms 60)
lock=(compliance "$soon")
expect 0 report run then put run/a "$dir/one" "${lock[@]}" then put run/b "$dir/one" "${lock[@]}" then \
  put run/c "$dir/one" "${lock[@]}" then others 'sleep 0.3' then put run/d "$dir/one" "${lock[@]}" then \
  put elsewhere "$dir/one" "${lock[@]}" then put run/end "$dir/one" create "${lock[@]}"
grep -v '[?]' "$dir/fresh/log" >"$dir/log"
printf '%s\n' {HEAD,PUT,HEAD}' /locked/run/a' {PUT,HEAD}' /locked/run/'{b,c} \
  {HEAD,PUT,HEAD}' /locked/run/d' {HEAD,PUT,HEAD}' /locked/elsewhere' {HEAD,PUT}' /locked/run/end' |
  sort >"$dir/want"
sort "$dir/log" | cmp -s - "$dir/want" || fail "asked: $(cat "$dir/fresh/log")"
expect $RETENTION report run2 then put run2/a "$dir/one" "${lock[@]}" then put run2/b "$dir/one" "${lock[@]}" \
  then put run2/b "$dir/one" "${lock[@]}"
expect_message 'run2/b is locked' # what was written here is looked at
expect $RETENTION report run then put run/a "$dir/one" "${lock[@]}"

begin "another writer in that moment is found out before the end"
printf '#!/bin/bash\nexec "%s" "%s" "%s" put "$@"\n' "$DRIVE" "$PLUGIN" "$dir/direct.json" >"$dir/others"
chmod +x "$dir/others"
expect $EXISTS report run3 then put run3/a "$dir/one" "${lock[@]}" then put run3/b "$dir/one" "${lock[@]}" \
  then others "$dir/others run3/x '$dir/one' compliance $soon >/dev/null" then \
  put run3/end "$dir/one" create "${lock[@]}"
expect_message 'another writer stored run3/x'
expect $NOT_FOUND stat run3/end
expect $EXISTS report run4 then put run4/a "$dir/one" "${lock[@]}" then put run4/b "$dir/one" "${lock[@]}" \
  then others "curl -sS --fail --aws-sigv4 aws:amz:us-east-1:s3 --user '$S3_KEY:$S3_SECRET' \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X PUT --data-binary two '$S3_HTTP/locked/run4/b' >/dev/null" then put run4/end "$dir/one" create "${lock[@]}"
expect_message 'another writer stored run4/b'

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
