#!/bin/bash
# SPDX-License-Identifier: LicenseRef-si-enterprise
# Locks on a real S3 server with Object Lock: what is locked stays as it is, whoever asks, until its
# time has come.
# shellcheck source=functions.sh
. "$(dirname "$(readlink -f "$0")")/functions.sh"

locked_bucket locked
bucket plain
config store locked
config plain plain
config other locked "$S3_HTTP" '{"prefix":"below/it"}'
echo one >"$dir/one"
echo two >"$dir/two"
head -c 11000000 /dev/urandom >"$dir/large"
measure

begin "an object is locked as it is put, and the lock is told as the store tells it"
until=$(soon 12)
expect 0 put a/one "$dir/one" compliance "$until"
expect_told mode compliance
expect_told until "$until"
expect_told current 1
version=$(told version)
[ -n "$version" ] || fail "no version was told"
now=$(date +%s%3N)
[ $((now - $(told told))) -lt 3000 ] || fail "told at $(told told), it is $now"
expect 0 read a/one -
expect_told mode compliance
expect_told version "$version"
expect 0 read a/one "$version"
expect_told until "$until"

begin "the provider refuses to write over it and to remove it"
for how in "" create; do
  # shellcheck disable=SC2086
  expect $RETENTION put a/one "$dir/two" $how
  expect_message 'COMPLIANCE until'
  # shellcheck disable=SC2086
  expect $RETENTION put a/one "$dir/two" $how compliance "$(in_ms 60)"
done
expect $RETENTION put a/one "$dir/large"
expect $RETENTION put a/one "$dir/large" compliance "$(in_ms 60)"
expect $RETENTION remove a/one
expect_message 'COMPLIANCE until'
[ "$(direct GET 'locked?prefix=a%2Fone&versions=' | grep -o '<VersionId>' | wc -l)" = 1 ] ||
  fail "another version was stored: $(cat "$dir/answer")"

begin "the store refuses it to others"
expect_http 403 DELETE "locked/a/one?versionId=$version"
expect_http 403 DELETE "locked/a/one?versionId=$version" -H 'x-amz-bypass-governance-retention: true'
printf '<Delete><Object><Key>a/one</Key><VersionId>%s</VersionId></Object></Delete>' "$version" >"$dir/delete"
direct POST 'locked?delete=' -H "Content-MD5: $(openssl md5 -binary "$dir/delete" | base64)" \
  --data-binary @"$dir/delete" >"$dir/multi"
grep -q '<Code>AccessDenied' "$dir/multi" || fail "multi-delete: $(cat "$dir/multi")"
retention() { # MODE UNTIL_MS: as a document
  printf '<Retention><Mode>%s</Mode><RetainUntilDate>%s</RetainUntilDate></Retention>' "$1" \
    "$(date -u -d "@$(($2 / 1000))" +%Y-%m-%dT%H:%M:%SZ)" >"$dir/retention"
}
set_retention() { # STATUS KEY VERSION [CURL OPTION...]
  expect_http "$1" PUT "locked/$2?retention=&versionId=$3" "${@:4}" \
    -H "Content-MD5: $(openssl md5 -binary "$dir/retention" | base64)" --data-binary @"$dir/retention"
}
retention COMPLIANCE $((until - 2000))
set_retention 403 a/one "$version"
retention GOVERNANCE $((until + 60000))
set_retention 403 a/one "$version" -H 'x-amz-bypass-governance-retention: true'
expect 0 read a/one -
expect_told mode compliance
expect_told until "$until"

begin "a lock grows, and never shrinks"
expect 0 lock a/one - governance $((until - 1000))
expect 0 read a/one -
expect_told mode compliance
expect_told until "$until"
longer=$((until + 2000))
expect 0 lock a/one "$version" governance "$longer"
expect 0 read a/one -
expect_told mode compliance
expect_told until "$longer"

begin "what has passed, what is not there, what is no lock"
expect $INVALID lock a/one - compliance "$(in_ms -60)"
expect $INVALID put a/never "$dir/one" compliance "$(in_ms -60)"
expect_message 'has passed'
expect $NOT_FOUND stat a/never
expect $NOT_FOUND lock a/never - compliance "$(in_ms 5)"
expect $NOT_FOUND read a/one no-such-version
expect $NOT_FOUND lock a/one no-such-version compliance "$(in_ms 60)"
expect $NOT_FOUND hold a/never - on
expect $INVALID put a/never "$dir/one" none 0
expect $NOT_FOUND stat a/never

begin "its end frees it"
sleep_until "$longer"
expect 0 lock a/one - governance "$(soon 3)" # what has ended is locked anew, no weaker than it was
expect 0 read a/one -
expect_told mode compliance
sleep_until "$(told until)"
expect 0 put a/one "$dir/two"
expect 0 remove a/one
! direct GET 'locked?prefix=a%2Fone&versions=' | grep -q '<VersionId>' ||
  fail "remove left: $(cat "$dir/answer")"
expect 0 remove a/one

begin "governance holds without the right to bypass, and the provider never asks for it"
expect 0 put g "$dir/one" governance "$(soon 5)"
end=$(told until) version=$(told version)
expect $RETENTION remove g
expect_http 403 DELETE "locked/g?versionId=$version"
expect $UNSUPPORTED lock g - compliance "$end" # the store wants a right to bypass for that
expect_message 'bypass'
expect 0 lock g - governance $((end + 1000))
expect 0 read g -
expect_told mode governance
expect_told until $((end + 1000))
sleep_until $((end + 1000))
expect 0 remove g

begin "who may delete, and may not bypass, does not get past governance; who may bypass does"
# An explicit Deny: Ceph's gateway 16.2 lets those bypass whom no policy forbids it.
allow() { # allows the other user ACTION..., but not what begins with '!'
  jq -n 'def rule(effect; list): {Effect: effect, Principal: {AWS: ["arn:aws:iam:::user/other"]},
      Action: list, Resource: ["arn:aws:s3:::locked/*"]};
    $ARGS.positional | map(select(startswith("!")) | .[1:]) as $not | map(select(startswith("!") | not)) |
    {Version: "2012-10-17", Statement: ([rule("Allow"; .)] + (if $not == [] then [] else [rule("Deny"; $not)] end))}
    ' --args "$@" >"$dir/allow"
  expect_http 204 PUT 'locked?policy=' --data-binary @"$dir/allow"
}
expect 0 put b "$dir/one" governance "$(soon 20)"
version=$(told version)
retention GOVERNANCE "$(in_ms 5)"
bypass=(-H 'x-amz-bypass-governance-retention: true')
other=$S3_OTHER_KEY:$S3_OTHER_SECRET
WHO=$other expect_http 403 DELETE "locked/b?versionId=$version" "${bypass[@]}"
allow s3:DeleteObject s3:DeleteObjectVersion s3:PutObjectRetention '!s3:BypassGovernanceRetention'
WHO=$other expect_http 403 DELETE "locked/b?versionId=$version" "${bypass[@]}"
WHO=$other set_retention 403 b "$version" "${bypass[@]}"
expect $RETENTION remove b
allow s3:DeleteObject s3:DeleteObjectVersion s3:BypassGovernanceRetention
WHO=$other expect_http 204 DELETE "locked/b?versionId=$version" "${bypass[@]}"
expect $NOT_FOUND read b -

begin "a hold outlasts the retention, and can stand alone"
expect 0 put h "$dir/one" compliance "$(soon 4)" hold
expect_told held 1
end=$(told until) version=$(told version)
expect 0 put held "$dir/one" hold
expect_told mode none
expect_told held 1
sleep_until "$end"
expect $RETENTION remove h
expect_message 'legal hold'
expect $RETENTION put h "$dir/two"
expect_http 403 DELETE "locked/h?versionId=$version"
expect 0 hold h - on
expect 0 hold h "$version" off
expect 0 read h -
expect_told held 0
expect_told until "$end"
expect 0 remove h
expect $RETENTION remove held
expect 0 hold held - off
expect 0 remove held

begin "an object in parts is locked before it counts"
until=$(soon 10)
expect 0 put big "$dir/large" compliance "$until" hold
expect_told mode compliance
expect_told held 1
expect_told until "$until"
expect_http 403 DELETE "locked/big?versionId=$(told version)"
expect $RETENTION remove big
"$DRIVE" "$PLUGIN" "$dir/store.json" get big 2>&1 >/dev/null | cmp - "$dir/large" || fail "other bytes"

begin "what is not locked is written over and removed, with every version"
expect 0 put free "$dir/one"
expect 0 put free "$dir/two"
expect $EXISTS put free "$dir/two" create
expect 0 put free "$dir/large"
expect 0 put free "$dir/one" governance "$(soon 5)"
expect_told mode governance
end=$(told until)
expect $RETENTION remove free
expect_http 204 DELETE locked/free # a mark alone
expect $RETENTION remove free
sleep_until "$end"
expect 0 remove free
! direct GET 'locked?prefix=free&versions=' | grep -q '<VersionId>' || fail "left: $(cat "$dir/answer")"

begin "a report tells every version, the marks, and what holds for the bucket"
store=other
expect 0 put r/x "$dir/one"
expect 0 put r/x "$dir/two"
expect_http 204 DELETE locked/below/it/r/x
expect 0 put r/y/z "$dir/one" governance "$(soon 4)"
expect 0 put r "$dir/one"
expect 0 put rx "$dir/one"
expect 0 report r
versions=$(head -n -2 <<<"$out" | jq -s -c 'map([.key, .mode, .current, .marker]) | sort')
[ "$versions" = '[["r","none",1,0],["r/x","none",0,0],["r/x","none",0,0],["r/x","none",0,1],["r/y/z","governance",1,0]]' ] ||
  fail "it tells $versions"
about=$(tail -n 2 <<<"$out" | head -n 1)
[ "$(jq -c 'del(.told)' <<<"$about")" = '{"store":"worm-s3://locked/below/it","versioned":true,"locking":true,"default_mode":null,"default_days":null}' ] ||
  fail "it tells $about"
jq -e '.told | test("^20[0-9-]*T[0-9:]*[.][0-9]{3}Z$")' <<<"$about" >/dev/null || fail "told: $about"
expect 0 report ""
[ "$(head -n -2 <<<"$out" | wc -l)" = 6 ] || fail "of all it tells $out"
store=store
printf '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>2</Days></DefaultRetention></Rule></ObjectLockConfiguration>' >"$dir/default"
locked_bucket default
expect_http 200 PUT 'default?object-lock=' -H "Content-MD5: $(openssl md5 -binary "$dir/default" | base64)" --data-binary @"$dir/default"
config default default
store=default
expect 0 report ""
[ "$(jq -c '[.default_mode, .default_days]' <<<"$(head -n 1 <<<"$out")")" = '["governance",2]' ] || fail "$out"
expect 0 put d "$dir/one"
expect 0 read d -
expect_told mode governance
expect $RETENTION remove d

begin "a report of many versions goes on from page to page"
store=store
expect 0 many pages 1050 10 8
expect 0 report pages
[ "$(grep -c '"mode":"none"' <<<"$out")" = 1050 ] || fail "$(grep -c mode <<<"$out") versions"
[ "$(grep -o '"key":"[^"]*' <<<"$out" | sort -u | wc -l)" = 1050 ] || fail "not each of them once"

begin "a bucket that does not lock is refused before anything is stored"
store=plain
expect $UNSUPPORTED put p "$dir/one" compliance "$(in_ms 5)"
expect_message 'does not lock'
expect $NOT_FOUND stat p
expect 0 put p "$dir/one"
expect $UNSUPPORTED lock p - compliance "$(in_ms 5)"
expect $UNSUPPORTED hold p - on
expect 0 read p -
expect_told mode none
expect 0 report ""
[ "$(tail -n 2 <<<"$out" | head -n 1 | jq -c '[.versioned, .locking]')" = '[false,false]' ] || fail "$out"
expect 0 put p "$dir/two"
expect 0 remove p
expect $NOT_FOUND stat p

begin "a clock that is wrong here is warned of, and decides nothing"
store=store
expect 0 put now "$dir/one" governance "$(in_ms 10)"
[ ! -s "$dir/err" ] || fail "warned: $(cat "$dir/err")"
if command -v faketime >/dev/null; then
  "$SI_TEST_S3_SERVER" skew 120 || fail "no skew"
  expect $INVALID put clock "$dir/one" governance "$(in_ms 60)"
  expect_message 'has passed'
  [ "$(grep -c 'clock' "$dir/err")" = 1 ] || fail "warned: $(cat "$dir/err")"
  expect 0 put clock "$dir/one" governance "$(in_ms 140)"
  "$SI_TEST_S3_SERVER" skew 0
fi
finished
