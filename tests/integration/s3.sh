#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runpacks in a real object store: over http and https, by path and by host name, in parts,
# encrypted; and what is refused, each with what to do about it. R46 to R53.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
. "$(dirname "$0")/../s3-functions.sh"
needs_s3 "$@"

things_to_export
s3_bucket si-test

# head RUN FILE: the headers of an object.
head_of() { s3 HEAD "si-test/$(s3_run "$1")/$2" -I | tr -d '\r'; }

# nothing_of RUN [PREFIX]: no object and no part of it is left.
nothing_of() {
  expect_equal "$(s3_keys si-test "${2:-}$(s3_run "$1")")" "" "left of run $1"
  expect_equal "$(s3_uploads si-test)" "" "uploads left of run $1"
}

no_secret_told() {
  case $out$err in
    *"$S3_SECRET"* | *"$S3_OTHER_SECRET"*) fail "the secret key was shown" ;;
  esac
}

begin "over http: export, verify, list, show; bytes as they were; never twice"
s3_store http
expect_exit 0 s3_export http r1
expect_json .data.prefix "$(s3_run r1)"
expect_json .data.artifacts 4
manifest=$(json .data.manifest_sha256)
expect_exit 0 s3_verify http r1
expect_json .data.status pass
expect_json .data.placement matched
expect_json .data.manifest_sha256 "$manifest"
expect_json .data.checked_files 4
expect_equal "$(s3_keys si-test | sed "s|^$(s3_run r1)/||")" \
  $'artifacts/empty.txt\nartifacts/logs/large.bin\nartifacts/small.txt\nartifacts/spec.json\nmanifest.json'
s3 GET "si-test/$(s3_run r1)/artifacts/logs/large.bin" | cmp - "$dir/from/logs/large.bin" ||
  fail "the store holds other bytes"
# In parts, as the store tells by the ETag's ending; what fits into one part is one request.
expect_contains '-3"' "$(head_of r1 artifacts/logs/large.bin)"
expect_equal "$(head_of r1 artifacts/small.txt | grep -ci -e '-[0-9]*"$')" 0
expect_equal "$(s3_uploads si-test)" ""
expect_exit 0 si --json runpack list --sink s3 --config "$dir/http.json"
expect_json '[.data[] | [.run, .complete]]' '[["r1",true]]'
expect_exit 0 si --json runpack show "$(s3_uri http "$(s3_run r1)")" --sink s3 \
  --config "$dir/http.json"
expect_json '[.data.run_id, (.data.artifacts | length)]' '["r1",4]'
expect_exit 4 s3_export http r1
expect_json .error.code RUNPACK_EXISTS
expect_exit 0 s3_verify http r1

begin "over https and http, by path and by host name, with a prefix and without"
vhost=$(jq -cn --arg http "$S3_VHOST_HTTP" --arg https "$S3_VHOST_HTTPS" --arg path "$S3_HTTPS" \
  --arg ca "$S3_CA" '{
  "https-path": {endpoint: $path, ca_file: $ca, allow_http: null, prefix: "a/b.c"},
  "https-host": {endpoint: $https, ca_file: $ca, allow_http: null, force_path_style: false},
  "http-host": {endpoint: $http, force_path_style: null, prefix: "a"}}')
for way in https-path https-host http-host; do
  s3_store "$way" "$(jq -c ".\"$way\"" <<<"$vhost")"
  expect_exit 0 s3_export "$way" "$way"
  expect_exit 0 s3_verify "$way" "$way"
  expect_json .data.status pass
  expect_exit 0 si --json runpack list --sink s3 --config "$dir/$way.json"
  expect_json "[.data[] | select(.run == \"$way\") | .complete]" '[true]'
done
# One bucket, three places: what one wrote is not in the way of another with the same ids.
expect_equal "$(s3_keys si-test a/b.c/ | wc -l)" 5
expect_exit 3 s3_verify http https-path
expect_json .error.code RUNPACK_NOT_FOUND

begin "encrypted with a key of the store, if it says so"
s3_store kms '{"server_side_encryption": "aws:kms", "kms_key_id": "testkey-1"}'
expect_exit 0 s3_export kms kms
expect_exit 0 s3_verify kms kms
expect_json .data.status pass
for object in manifest.json artifacts/empty.txt artifacts/logs/large.bin; do
  expect_contains "x-amz-server-side-encryption: aws:kms" "$(head_of kms "$object")"
done
s3_store nokey '{"server_side_encryption": "aws:kms", "kms_key_id": "nobody"}'
run s3_export nokey nokey
[ "$code" != 0 ] || fail "a key that does not exist was taken"
nothing_of nokey

# This store takes the header and does not encrypt.
begin "a store that ignores the wish for encryption is refused, and keeps nothing"
s3_store ignored '{"server_side_encryption": "AES256"}'
expect_exit 9 s3_export ignored ignored
expect_contains "did not confirm" "$(json .error.message)"
expect_contains "server_side_encryption" "$(json '.error.message + .error.remediation')"
nothing_of ignored

begin "what is refused says why and what to do, and leaves nothing in the store"
credentials "$dir/wrong-secret" "$S3_KEY" "$S3_OTHER_SECRET"
credentials "$dir/unknown-key" AKIDNOBODY0000000000
credentials "$dir/other-user" "$S3_OTHER_KEY" "$S3_OTHER_SECRET"
credentials "$dir/readable"
chmod 644 "$dir/readable"
ln -s credentials "$dir/link"
echo "nothing of the kind" >"$dir/garbage"
chmod 600 "$dir/garbage"
# told EXIT TEXT JSON: an export to a store with these settings fails so. refused: and leaves nothing.
told() {
  s3_store refused "$3"
  expect_exit "$1" s3_export refused refused --timeout 60s
  expect_json .ok false
  expect_contains "$2" "$(json '.error.message + " " + .error.remediation')"
  no_secret_told
}
refused() {
  told "$@"
  nothing_of refused
}
while IFS='|' read -r wanted text settings; do
  refused "$wanted" "$text" "$settings"
done <<TABLE
5|does not belong to this access key id: check the credentials|{"auth_file": "$dir/wrong-secret"}
5|check the credentials, and the endpoint (the id is AKIDNOBODY|{"auth_file": "$dir/unknown-key"}
5|denies access|{"auth_file": "$dir/other-user"}
9|chmod 600|{"auth_file": "$dir/readable"}
9|symbolic link|{"auth_file": "$dir/link"}
3|$dir/nowhere|{"auth_file": "$dir/nowhere"}
2|garbage|{"auth_file": "$dir/garbage"}
2|no profile [nobody]|{"profile": "nobody"}
2|bucket does not exist (HTTP 404 NoSuchBucket); make it first|{"bucket": "si-nowhere"}
2|bucket|{"bucket": "Not_A_Bucket"}
2|prefix|{"prefix": "../up"}
6|cannot connect|{"endpoint": "http://127.0.0.1:1"}
5|certificate|{"endpoint": "$S3_HTTPS"}
5|certificate|{"endpoint": "$S3_HTTPS", "ca_file": "$S3_OTHER_CA"}
9|allow_http|{"allow_http": null}
9|allow_http|{"allow_http": false}
1|that is no setting: objects are locked as each is put|{"object_lock": true}
1|that is no setting: objects are locked as each is put|{"object_lock_mode": "COMPLIANCE"}
2|did you mean "bucket"|{"buckte": "x"}
2|part_size|{"part_size": 1024}
2|auth must say|{"auth": null}
2|max_attempts|{"max_attempts": "many"}
TABLE

begin "a clock that is wrong"
if command -v faketime >/dev/null; then
  s3_server skew 3600
  told 5 "set the clock (NTP): here it is" '{}'
  expect_exit 5 s3_verify http r1
  s3_server skew 0
  nothing_of refused
  expect_exit 0 s3_verify http r1
else
  printf '  not tested: there is no faketime (./check --deps installs it)\n' >&2
fi

begin "another user's bucket cannot be read either, and that is no verdict"
s3_store other "{\"auth_file\": \"$dir/other-user\"}"
expect_exit 5 s3_verify other r1
expect_exit 5 si --json runpack list --sink s3 --config "$dir/other.json"

begin "a bucket with what is not ours: nothing of it is touched"
s3 PUT "si-test/README" -d "by somebody else" >/dev/null
expect_exit 0 s3_export http r2
expect_exit 0 s3_verify http r2
expect_equal "$(s3 GET si-test/README)" "by somebody else"

# --- credentials that si itself hands to the provider ---

# "yes" once si answers a store's questions for secrets of the vault and of the environment.
host_secrets=yes
[ "$host_secrets" = yes ] || exit 0

begin "credentials of the environment, where the settings say so, and only then"
s3_store environment '{"auth": "environment", "auth_file": null}'
AWS_ACCESS_KEY_ID=$S3_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET expect_exit 0 s3_export environment e1
expect_exit 0 s3_verify http e1
run s3_export environment e2
[ "$code" != 0 ] || fail "there were no credentials"
expect_contains AWS_ACCESS_KEY_ID "$(json .error.message)"
AWS_ACCESS_KEY_ID=$S3_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET \
  refused 5 "does not belong" "{\"auth_file\": \"$dir/wrong-secret\"}"

begin "credentials of a context's vault, for its audit sink"
s3_store vault "{\"auth\": \"vault\", \"auth_file\": null,
  \"access_key_id\": \"$S3_KEY\", \"secret_access_key\": \"vault:S3_SECRET_KEY\"}"
expect_exit 0 si paas context create sink
expect_exit 0 si vault init --context sink
config=$SI_PAAS_STATE_ROOT/contexts/sink/config.json
jq --slurpfile store "$dir/vault.json" '.audit_sink = {provider: "s3", config: $store[0]}' \
  "$config" >"$dir/config.json"
cat "$dir/config.json" >"$config"
sink_export() {
  "$SI_PREFIX/bin/si" --json runpack export --context sink --from "$dir/from" \
    --spec "$dir/spec.json" --namespace n --scenario s --run "$1"
}
run sink_export v1
[ "$code" != 0 ] || fail "the vault has no such secret yet"
expect_contains S3_SECRET_KEY "$(json .error.message)"
(umask 077 && printf '%s' "$S3_SECRET" >"$dir/right" && printf wrong >"$dir/wrong")
expect_exit 0 si paas --context sink secret set S3_SECRET_KEY --file "$dir/right"
expect_exit 0 sink_export v1
no_secret_told
prefix=$(json .data.prefix)
expect_exit 0 si --json runpack verify "$(s3_uri vault "$prefix")" --context sink
expect_json .data.status pass
expect_exit 0 si paas --context sink secret set S3_SECRET_KEY --file "$dir/wrong"
expect_exit 5 sink_export v2
expect_contains "does not belong" "$(json .error.message)"
! grep -rqF "$S3_SECRET" "$SI_PAAS_STATE_ROOT" || fail "the secret key stands in a file in plain text"
! si paas --context sink events list --stream audit --limit 1000 | grep -F plugin.stop ||
  fail "s3 tried what it does not declare"
