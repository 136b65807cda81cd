#!/bin/bash
# SPDX-License-Identifier: LicenseRef-si-enterprise
# The whole of it, on a real object store: si, the plugin that was dropped in, a bucket that locks.
# Evidence is exported under a context's policy, read back, extended, held, attested; nobody takes it
# away before its time, its owner included; then its time comes. Without the plugin si says that
# nothing here locks. S3_SERVER is a script that runs a command beside a store.
# shellcheck disable=SC2154
if [ -z "${S3_HTTP:-}" ]; then
  [ -x "${S3_SERVER:-}" ] || {
    echo "skipped: S3_SERVER names no script that runs an S3 server" >&2
    exit 77
  }
  exec "$S3_SERVER" run "$(readlink -f "$0")" "$@"
fi
. "$(dirname "$0")/functions.sh"
si runpack status --help >/dev/null 2>&1 || skip "this si has no commands for locks"

make_key maker
signed_tree "$dir/tree" maker
trust maker
export SI_ENTERPRISE_PLUGIN_DIR=$dir/tree
(umask 077 && printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$S3_KEY" \
  "$S3_SECRET" >"$dir/credentials")
(umask 077 && printf 'user = "%s:%s"\n' "$S3_KEY" "$S3_SECRET" >"$dir/curl")
config=$(jq -n --arg endpoint "$S3_HTTP" --arg file "$dir/credentials" '{bucket: "evidence",
  endpoint: $endpoint, allow_http: true, force_path_style: true, auth: "file", auth_file: $file}')

# s3 METHOD PATH [CURL OPTION...]: the owner of the bucket, past every provider.
s3() {
  curl -sS -K "$dir/curl" --aws-sigv4 aws:amz:us-east-1:s3 -X "$1" \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "${@:3}" "$S3_HTTP/$2"
}
s3_code() { s3 "$@" -o /dev/null -w '%{http_code}'; }
expect_equal "$(s3_code PUT evidence -H 'x-amz-bucket-object-lock-enabled: true')" 200
expect_equal "$(s3_code PUT plain)" 200

mkdir "$dir/results"
echo "what was done" >"$dir/results/log.txt"
head -c 6000000 /dev/urandom >"$dir/results/large.bin" # in parts
echo '{"what":"a test"}' >"$dir/spec.json"

# refused EXIT CODE: the last command was.
refused() {
  expect_equal "$code" "$1" "the exit code"
  expect_json .error.code "$2"
}
# pack COMMAND ARGUMENT...: of the context's runpacks.
pack() { run si --json runpack --context c "$@"; }
# export_run RUN [OPTION...]: everything of $dir/results.
export_run() {
  pack export --from "$dir/results" --spec "$dir/spec.json" --namespace n --scenario drill \
    --generated-at 1000 --run "$@"
}
# versions [PREFIX]: "KEY?versionId=VERSION" of every version and marker that the store has.
versions() {
  s3 GET "evidence?versions=" | grep -oE '<Key>[^<]*|<VersionId>[^<]*' | sed 's/^<[A-Za-z]*>//' |
    paste -d ' ' - - | grep "^${1:-}" | sed 's/ /?versionId=/'
}

expect_exit 0 si paas context create c
settings=$SI_PAAS_STATE_ROOT/contexts/c/config.json
jq --argjson config "$config" '.audit_sink = {provider: "worm-s3", config: $config}' "$settings" >"$dir/new"
cat "$dir/new" >"$settings"
echo '{"mode":"compliance","rules":[{"scenario":"drill","min":"60s","max":"1h"}]}' >"$dir/policy.json"
expect_exit 0 si paas --context c retention set --file "$dir/policy.json"

begin "outside of the policy nothing is stored"
export_run short --retain-for 5s
refused 9 RETENTION_BELOW_MIN
export_run long --retain-for 2h
refused 9 RETENTION_ABOVE_MAX
expect_equal "$(versions)" ""

begin "within it everything is locked as it is stored, and that is read back"
export_run r1 --verify
expect_equal "$code" 0
expect_json .data.lock.mode COMPLIANCE
uri=$(jq -r .data.storage_uri <<<"$out") prefix=$(jq -r .data.prefix <<<"$out")
ends=$(date -d "$(jq -r .data.lock.until <<<"$out")" +%s)
pack status "$uri"
expect_json '[.data.complete, .data.all_locked, .data.weakest_mode, .data.held]' \
  '[true,true,"COMPLIANCE",0]'
expect_equal "$(versions "$prefix" | wc -l)" 5
while read -r object; do
  mode=$(s3 HEAD "evidence/$object" -I | tr -d '\r' | sed -n 's/^x-amz-object-lock-mode: //Ip')
  expect_equal "$mode" COMPLIANCE "$object"
done < <(versions "$prefix")
pack verify "$uri"
expect_json .data.status pass

begin "its owner can neither remove nor unlock nor write over it, and si does not try"
while read -r object; do
  expect_equal "$(s3_code DELETE "evidence/$object")" 403 "$object"
  expect_equal "$(s3_code DELETE "evidence/$object" -H 'x-amz-bypass-governance-retention: true')" 403
done < <(versions "$prefix")
export_run r1
refused 4 RUNPACK_EXISTS
pack lock "$uri" --retain-for 1s
refused 4 LOCK_SHORTEN
pack lock "$uri" --retain-for 50m --lock-mode governance
expect_equal "$code" 9 "a mode that is weaker than the policy's"
pack lock "$uri" --retain-for 2h
refused 9 RETENTION_ABOVE_MAX
expect_equal "$(versions "$prefix" | wc -l)" 5

begin "a legal hold is put on it, with a reason, and is told"
pack hold "$uri" --reason 'case 7'
expect_equal "$code" 0
expect_json .data.held 5
pack status "$uri"
expect_json '.data.holds | map(.reason)' '["case 7"]'

begin "a signed statement says how it is locked, and is checked with neither store nor plugin"
pack attest "$uri" --output "$dir/statement.json"
expect_equal "$code" 0
si runpack key show --context c >"$dir/key.pem"
SI_PAAS_STATE_ROOT=$dir/auditor SI_ENTERPRISE_PLUGIN_DIR='' run si --json runpack attest \
  --check "$dir/statement.json" --key "$dir/key.pem"
expect_equal "$code" 0
expect_json '[.data.trusted, .data.statement.all_locked, .data.statement.weakest_mode]' \
  '[true,true,"COMPLIANCE"]'
sed 's/COMPLIANCE/GOVERNANCE/' "$dir/statement.json" >"$dir/forged.json"
run si --json runpack attest --check "$dir/forged.json" --key "$dir/key.pem"
expect_equal "$code" 8 "a statement that was changed"

begin "a bucket that does not lock is refused before anything is stored"
run si --json runpack export --from "$dir/results" --spec "$dir/spec.json" --tenant t --namespace n \
  --scenario s --run r1 --sink worm-s3 --config "$(jq '.bucket = "plain"' <<<"$config" >"$dir/plain.json" &&
    echo "$dir/plain.json")" --retain-for 1m
refused 1 LOCK_UNSUPPORTED
expect_equal "$(s3 GET plain | grep -c '<Key>')" 0

begin "when its time has come, what is held stays, and what is released goes"
while [ "$(date +%s)" -le $((ends + 1)) ]; do sleep 0.5; done
first=$(versions "$prefix" | head -n 1)
expect_equal "$(s3_code DELETE "evidence/$first")" 403 "it is under legal hold"
pack release "$uri" --reason 'case 7 is closed'
expect_equal "$code" 0
expect_json .data.held 0
expect_equal "$(s3_code DELETE "evidence/$first")" 204
pack verify "$uri"
expect_equal "$code" 8 "an object less"

begin "the report tells every attempt, allowed and denied"
today=$(date -u +%Y-%m-%d)
pack compliance-report --from "$today" --to "$(date -u -d tomorrow +%Y-%m-%d)" --output "$dir/report.json"
expect_equal "$code" 0
for what in RETENTION_BELOW_MIN RETENTION_ABOVE_MAX LOCK_SHORTEN 'case 7 is closed' runpack.attest; do
  grep -qF "$what" "$dir/report.json" || fail "the report tells nothing of $what"
done
expect_exit 0 si paas --context c events verify

begin "without the plugin si says so, and its own stores say that they do not lock"
export_run r2
expect_equal "$code" 0
uri=$(jq -r .data.storage_uri <<<"$out")
unset SI_ENTERPRISE_PLUGIN_DIR
pack status "$uri"
refused 3 PLUGIN_NOT_FOUND
printf '%s' "$config" >"$dir/s3.json"
for command in status 'lock --retain-for 1m' 'hold --reason x' 'release --reason x'; do
  # shellcheck disable=SC2086
  run si --json runpack $command "s3://${uri#*://}" --sink s3 --config "$dir/s3.json"
  refused 1 LOCK_UNSUPPORTED
done
run si --json runpack verify "s3://${uri#*://}" --sink s3 --config "$dir/s3.json"
expect_json .data.status pass
