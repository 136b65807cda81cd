#!/bin/bash
# SPDX-License-Identifier: LicenseRef-si-enterprise
# WORM from end to end, on a real server: a context whose evidence is locked as it is stored, and
# copied under lock to a second bucket; what is refused, by si and by the server; holds, expiry, a
# crash in the middle, the attestation and the compliance report.
# shellcheck disable=SC2154
if [ -z "${S3_HTTP:-}" ]; then
  [ -n "${SI_TEST_S3_SERVER:-}" ] || { echo 'skipped: SI_TEST_S3_SERVER names no server' >&2; exit 77; }
  exec "$SI_TEST_S3_SERVER" run "$0"
fi
. "$(dirname "$0")/functions.sh"
unset AWS_CA_BUNDLE

s3() { # METHOD PATH [CURL OPTION...]: the status
  curl -sS -o "$dir/answer" -w '%{http_code}' --aws-sigv4 aws:amz:us-east-1:s3 \
    --user "$S3_KEY:$S3_SECRET" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X "$1" "${@:3}" \
    "$S3_HTTP/$2"
}
for bucket in worm second; do
  expect_equal "$(s3 PUT "$bucket" -H 'x-amz-bucket-object-lock-enabled: true')" 200
done
expect_equal "$(s3 PUT plain)" 200
(umask 077 && printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
  "$S3_KEY" "$S3_SECRET" >"$dir/credentials")
settings() { # BUCKET
  jq -n --arg bucket "$1" --arg endpoint "$S3_HTTP" --arg file "$dir/credentials" '
    {bucket: $bucket, endpoint: $endpoint, allow_http: true, force_path_style: true,
     auth: "file", auth_file: $file}'
}
for bucket in worm second plain; do settings "$bucket" >"$dir/$bucket.json"; done
here=(--sink worm-s3 --config "$dir/worm.json")

make_key maker
signed_tree "$dir/tree" maker
trust maker
export SI_ENTERPRISE_PLUGIN_DIR=$dir/tree

begin "a context: its policy, its sink, its replica"
expect_exit 0 si paas context create demo
config=$SI_PAAS_STATE_ROOT/contexts/demo/config.json
jq --slurpfile worm "$dir/worm.json" '.audit_sink = {provider: "worm-s3", config: $worm[0]}' \
  "$config" >"$dir/config" && cat "$dir/config" >"$config"
jq -n --slurpfile second "$dir/second.json" '{mode: "compliance",
  rules: [{scenario: "op.*", min: "1h", max: "2h"}, {scenario: "short", min: "4s", max: "1h"},
    {scenario: "*", min: "1m", max: "1h"}],
  replica: {provider: "worm-s3", config: $second[0]}}' >"$dir/policy.json"
expect_exit 0 si paas --context demo retention set --file "$dir/policy.json"
si=(si --json)
in_demo=(si --json runpack --context demo)

begin "the evidence of an operation is locked in both buckets"
printf 'services:\n  web:\n    image: x:1\n' >"$dir/stack.yaml"
expect_exit 6 si --json paas --context demo project create web --stack "$dir/stack.yaml" \
  --provisioner local --config "socket=$dir/nowhere"
expect_json .data.operation.evidence stored
operation=$(jq -r .data.operation.id <<<"$out")
prefix=$(jq -r .data.operation.runpack <<<"$out")
expect_exit 0 "${in_demo[@]}" status --operation "$operation"
expect_json .data.complete true
expect_json .data.all_locked true
expect_json .data.weakest_mode COMPLIANCE
expect_exit 0 "${in_demo[@]}" verify --operation "$operation" --require signed
expect_exit 0 "${in_demo[@]}" verify "worm-s3://second/$prefix" --sink worm-s3 --config "$dir/second.json"
expect_exit 0 "${si[@]}" runpack status "worm-s3://second/$prefix" --sink worm-s3 --config "$dir/second.json"
expect_json .data.all_locked true

begin "the server itself refuses to let go of it"
curl -sS --aws-sigv4 aws:amz:us-east-1:s3 --user "$S3_KEY:$S3_SECRET" \
  -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -I "$S3_HTTP/worm/$prefix/manifest.json" >"$dir/head"
version=$(sed -n 's/^x-amz-version-id: *//Ip' "$dir/head" | tr -d '\r')
[ -n "$version" ] || fail "the manifest has no version: $(cat "$dir/head")"
grep -qi '^x-amz-object-lock-mode: COMPLIANCE' "$dir/head" || fail "it is not locked: $(cat "$dir/head")"
expect_equal "$(s3 DELETE "worm/$prefix/manifest.json?versionId=$version")" 403
expect_equal "$(s3 DELETE "worm/$prefix/manifest.json?versionId=$version" \
  -H 'x-amz-bypass-governance-retention: true')" 403

begin "si refuses before: shorter, weaker, beyond the policy, over it"
expect_exit 4 "${in_demo[@]}" lock --operation "$operation" --retain-for 1m
expect_json .error.code LOCK_SHORTEN
expect_exit 9 "${in_demo[@]}" lock --operation "$operation" --retain-for 90m --lock-mode governance
expect_json .error.code RETENTION_MODE
expect_exit 9 "${in_demo[@]}" lock --operation "$operation" --retain-for 3h
expect_json .error.code RETENTION_ABOVE_MAX
expect_exit 0 "${in_demo[@]}" lock --operation "$operation" --retain-for 2h
expect_exit 0 "${in_demo[@]}" status --operation "$operation"
expect_json .data.all_locked true

begin "a bucket that does not lock takes nothing"
mkdir "$dir/files" && printf 'one\n' >"$dir/files/a" && head -c 20000000 /dev/urandom >"$dir/files/b"
printf '{"what":"test"}' >"$dir/spec.json"
export_as() { # SCENARIO RUN [OPTION...]
  run "${in_demo[@]}" export --from "$dir/files" --spec "$dir/spec.json" --namespace n \
    --scenario "$1" --run "$2" --max-artifact-bytes 100000000 "${@:3}"
}
run "${si[@]}" runpack export --from "$dir/files" --spec "$dir/spec.json" --tenant t --namespace n \
  --scenario s --run r --sink worm-s3 --config "$dir/plain.json" --retain-for 1m \
  --max-artifact-bytes 100000000
[ "$code" != 0 ] || fail "it was exported"
expect_json .error.code LOCK_UNSUPPORTED
expect_equal "$(s3 GET 'plain?list-type=2')" 200
! grep -q '<Key>' "$dir/answer" || fail "something was stored: $(cat "$dir/answer")"

begin "a short lock ends, a hold outlasts it, and then everything goes, every version"
export_as short r1
expect_equal "$code" 0
short=$(jq -r .data.prefix <<<"$out")
expect_exit 0 "${in_demo[@]}" hold "worm-s3://worm/$short" --reason 'case 7'
sleep 6
expect_exit 1 "${in_demo[@]}" prune --complete --older-than 1s --under tenant/demo/namespace/n --yes
expect_json .error.code RUNPACK_PRUNE_LOCKED
expect_json .data.items[0].held true
expect_exit 0 "${in_demo[@]}" status "worm-s3://worm/$short"
expect_json .data.holds[0].reason 'case 7'
expect_equal "$(s3 DELETE "worm/$short/manifest.json?versionId=$(curl -sS --aws-sigv4 \
  aws:amz:us-east-1:s3 --user "$S3_KEY:$S3_SECRET" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -I \
  "$S3_HTTP/worm/$short/manifest.json" | sed -n 's/^x-amz-version-id: *//Ip' | tr -d '\r')")" 403
expect_exit 0 "${in_demo[@]}" release "worm-s3://worm/$short" --reason 'case closed'
expect_exit 0 "${in_demo[@]}" prune --complete --older-than 1s --under tenant/demo/namespace/n --yes
expect_equal "$(s3 GET 'worm?prefix=tenant%2Fdemo%2Fnamespace%2Fn&versions=')" 200
! grep -q '<Key>' "$dir/answer" || fail "a version is left: $(head -c 2000 "$dir/answer")"

begin "killed in the middle, an export under lock leaves locked parts and no manifest; again, it is whole"
mkdir "$dir/many"
for i in {1..400}; do head -c 2000 /dev/urandom >"$dir/many/f$i"; done
"$SI_PREFIX/bin/si" --json runpack --context demo export --from "$dir/many" --spec "$dir/spec.json" \
  --namespace n --scenario crash --run r1 >"$dir/.killed" 2>&1 &
victim=$!
for _ in {1..200}; do
  s3 GET 'worm?list-type=2&prefix=tenant%2Fdemo%2Fnamespace%2Fn%2Fscenario%2Fcrash' >/dev/null
  [ "$(grep -o '<Key>' "$dir/answer" | wc -l)" -lt 20 ] || break
  sleep 0.02
done
kill -9 "$victim"
wait "$victim" 2>/dev/null
crash=$(grep -o '<Key>[^<]*' "$dir/answer" | head -n 1 | sed 's|<Key>||; s|/artifacts/.*||; s|/manifest.json||')
expect_exit 0 "${in_demo[@]}" status "worm-s3://worm/$crash"
expect_json .data.complete false
expect_json .data.all_locked true
run "${in_demo[@]}" export --from "$dir/many" --spec "$dir/spec.json" --namespace n --scenario crash \
  --run r1
expect_equal "$code" 0 "the second attempt"
expect_exit 0 "${in_demo[@]}" status "worm-s3://worm/$crash"
expect_json .data.complete true
expect_json .data.all_locked true
expect_exit 0 "${in_demo[@]}" verify "worm-s3://worm/$crash" --require signed

begin "an attestation says what is locked, and is held to its signature"
expect_exit 0 "${in_demo[@]}" attest "worm-s3://worm/$crash" --output "$dir/attestation.json"
expect_exit 0 "${in_demo[@]}" attest --check "$dir/attestation.json"
jq -c '.objects[0].until = "2099-01-01T00:00:00.000Z"' "$dir/attestation.json" >"$dir/forged.json"
expect_exit 8 "${in_demo[@]}" attest --check "$dir/forged.json"

begin "the compliance report has every attempt, and how each runpack is locked now"
today=$(date -u +%F)
expect_exit 0 "${in_demo[@]}" compliance-report --from "$today" --to "$(date -u -d '+1 day' +%F)" \
  --output "$dir/report.json" --page "$dir/report.html"
for what in LOCK_SHORTEN RETENTION_MODE RETENTION_ABOVE_MAX; do
  jq -e --arg what "$what" '[.. | strings | select(. == $what)] | length > 0' "$dir/report.json" \
    >/dev/null || fail "the report has no $what"
done
jq -e --arg crash "$crash" '[.. | strings | select(. == $crash)] | length > 0' "$dir/report.json" >/dev/null ||
  fail "the report does not tell of $crash"
grep -q 'case 7' "$dir/report.html" || fail "the page does not tell of the hold"
! grep -qi '<script' "$dir/report.html" || fail "the page has a script"
for file in "$dir/report.json" "$dir/report.html" "$dir/attestation.json"; do
  ! grep -qF "$S3_SECRET" "$file" || fail "$file has the secret"
done
