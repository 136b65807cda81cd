#!/bin/bash
# SPDX-License-Identifier: LicenseRef-si-enterprise
# docs/worm.md: its commands make a bucket that locks, beside a real object store; the store's own
# answers bear out what the page says of such a bucket; and a runpack goes into it and verifies.
# SI_TEST_S3_SERVER is a script that runs a command beside one.
# shellcheck disable=SC2154
if [ -z "${S3_HTTP:-}" ]; then
  [ -x "${SI_TEST_S3_SERVER:-}" ] || {
    echo "skipped: SI_TEST_S3_SERVER names no script that runs an S3 server" >&2
    exit 77
  }
  exec "$SI_TEST_S3_SERVER" run "$(readlink -f "$0")" "$@"
fi
. "$(dirname "$0")/functions.sh"

make_key maker
signed_tree "$dir/tree" maker
trust maker
export SI_ENTERPRISE_PLUGIN_DIR=$dir/tree

begin "every command of the page does what it says"
awk '/^```sh$/ {on = 1; next} /^```$/ {on = 0} on' "$SI_ENTERPRISE_SOURCE/docs/worm.md" >"$dir/commands.sh"
[ "$(grep -c . "$dir/commands.sh")" -ge 5 ] || fail "so few commands: $(cat "$dir/commands.sh")"
mkdir "$dir/work"
(umask 077 && printf 'user = "%s:%s"\n' "$S3_KEY" "$S3_SECRET" >"$dir/work/credentials.curl")
ENDPOINT=$S3_HTTP expect_exit 0 bash -euxo pipefail -c 'cd "$0" && . "$1"' "$dir/work" "$dir/commands.sh"
expect_contains '<ObjectLockEnabled>Enabled</ObjectLockEnabled>'

# s3 METHOD PATH [CURL OPTION...]: in that bucket, without a provider in between.
s3() {
  curl -sS -K "$dir/work/credentials.curl" --aws-sigv4 aws:amz:us-east-1:s3 \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X "$1" "${@:3}" "$S3_HTTP/evidence$2"
}

begin "it has versions, and they cannot be suspended"
[[ $(s3 GET '?versioning=') == *'<Status>Enabled</Status>'* ]] || fail "it has no versions"
expect_equal "$(s3 PUT '?versioning=' -o /dev/null -w '%{http_code}' --data-binary \
  '<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>')" 409

begin "a delete without a version puts a marker over what is locked, and takes nothing away"
until=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)
version=$(s3 PUT /locked -o /dev/null -D - -H 'x-amz-object-lock-mode: COMPLIANCE' \
  -H "x-amz-object-lock-retain-until-date: $until" -H "Content-MD5: $(printf evidence |
    openssl md5 -binary | base64)" --data-binary evidence | tr -d '\r' |
  sed -n 's/^x-amz-version-id: //Ip')
[ -n "$version" ] || fail "the store told no version"
expect_equal "$(s3 DELETE /locked -o /dev/null -w '%{http_code}')" 204
expect_equal "$(s3 GET /locked -o /dev/null -w '%{http_code}')" 404
expect_equal "$(s3 GET "/locked?versionId=$version")" evidence

begin "a locked version is removed by nobody, its owner included"
expect_equal "$(s3 DELETE "/locked?versionId=$version" -o /dev/null -w '%{http_code}')" 403
expect_equal "$(s3 DELETE "/locked?versionId=$version" -H 'x-amz-bypass-governance-retention: true' \
  -o /dev/null -w '%{http_code}')" 403
expect_equal "$(s3 GET "/locked?versionId=$version")" evidence

begin "a runpack goes there through the plugin that was dropped in, and verifies"
(umask 077 && printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$S3_KEY" \
  "$S3_SECRET" >"$dir/credentials")
jq -n --arg endpoint "$S3_HTTP" --arg file "$dir/credentials" '{bucket: "evidence", endpoint: $endpoint,
  allow_http: true, force_path_style: true, auth: "file", auth_file: $file}' >"$dir/store.json"
mkdir "$dir/results"
echo "what was done" >"$dir/results/log.txt"
echo '{"what":"a test"}' >"$dir/spec.json"
expect_exit 0 si --json runpack export --from "$dir/results" --spec "$dir/spec.json" --tenant t \
  --namespace n --scenario s --run r1 --sink worm-s3 --config "$dir/store.json"
uri=$(jq -r .data.storage_uri <<<"$out")
[[ $uri == worm-s3://evidence/* ]] || fail "it is stored at $uri"
expect_exit 0 si --json runpack verify "$uri" --sink worm-s3 --config "$dir/store.json"
expect_json .data.status pass

begin "without the plugin si says so, its own store reads it, and says that it does not lock"
unset SI_ENTERPRISE_PLUGIN_DIR
expect_exit 3 si --json runpack verify "$uri" --sink worm-s3 --config "$dir/store.json"
expect_json .error.code PLUGIN_NOT_FOUND
uri=s3://${uri#*://}
store=(--sink s3 --config "$dir/store.json")
expect_exit 0 si --json runpack verify "$uri" "${store[@]}"
expect_json .data.status pass
for command in status 'lock --retain-for 1m' 'hold --reason x' 'release --reason x'; do
  # shellcheck disable=SC2086
  expect_exit 1 si --json runpack $command "$uri" "${store[@]}"
  expect_json .error.code LOCK_UNSUPPORTED
done
expect_exit 1 si --json runpack export --from "$dir/results" --spec "$dir/spec.json" --tenant t \
  --namespace n --scenario s --run r2 "${store[@]}" --retain-for 1m
expect_json .error.code LOCK_UNSUPPORTED
expect_equal "$(s3 GET '?list-type=2' | grep -c '/run/r2/')" 0
