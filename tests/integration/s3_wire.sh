#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What stands between si and a real object store: bits that turn on their way, a proxy that is set
# and those that are not, a certificate that nobody vouches for. R46, R47.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
. "$(dirname "$0")/../s3-functions.sh"
needs_s3 "$@"

things_to_export
s3_bucket si-test

begin "a bit that turns in an object, a part or the manifest is refused by the store, and sent again"
faults_start "$dir/faults"
s3_store faults "{\"endpoint\": \"$(cat "$dir/faults/url")\"}"
for path in small.txt 'partNumber=2' manifest.json; do
  faults "$dir/faults" "{\"method\": \"PUT\", \"path\": \"$path\", \"fault\": \"flip_request\"}"
  run_id=flip-${path//[^a-z]/}
  expect_exit 0 s3_export faults "$run_id"
  expect_equal "$(faults_log "$dir/faults" \
    "[.[] | select(.method == \"PUT\" and (.path | contains(\"$path\"))) | .status] | join(\" \")")" \
    "400 200"
  faults "$dir/faults"
  expect_exit 0 s3_verify faults "$run_id"
  expect_json .data.status pass
done
faults "$dir/faults" '{"method": "PUT", "path": "small.txt", "fault": "flip_request", "times": 0}'
run s3_export faults flipped --timeout 60s
[ "$code" != 0 ] || fail "a spoiled object was taken"
expect_contains "changed on their way" "$(json .error.message)"

begin "a proxy is used where it is set, over http and https, and only there"
"$repository/tests/servers/proxy.py" "$dir/proxy" </dev/null &
on_exit kill "$!"
disown
proxy=http://127.0.0.1:$(await_port "$dir/proxy")
for way in http https; do
  more=$(jq -cn --arg proxy "$proxy" --arg https "$S3_HTTPS" --arg ca "$S3_CA" --arg way "$way" '
    {proxy: $proxy} + if $way == "https" then {endpoint: $https, ca_file: $ca} else {} end')
  s3_store "proxy-$way" "$more"
  export no_proxy='*' NO_PROXY='*'
  expect_exit 0 s3_export "proxy-$way" "proxy-$way"
  unset no_proxy NO_PROXY
  expect_exit 0 s3_verify "proxy-$way" "proxy-$way"
done
expect_contains "PUT http://127.0.0.1:$S3_PORT/si-test/" "$(cat "$dir/proxy/log")"
expect_contains "CONNECT 127.0.0.1:$S3_TLS_PORT" "$(cat "$dir/proxy/log")"
rm "$dir/proxy/log"
s3_store direct
export http_proxy=$proxy HTTPS_PROXY=$proxy ALL_PROXY=$proxy
expect_exit 0 s3_export direct direct
unset http_proxy HTTPS_PROXY ALL_PROXY
[ ! -e "$dir/proxy/log" ] || fail "a proxy of the environment was used"
s3_store password '{"proxy": "http://user:hunter2@127.0.0.1:1"}'
expect_exit 9 s3_export password password
expect_contains "credentials" "$(json .error.message)"
case $out$err in *hunter2*) fail "the proxy's password was shown" ;; esac
echo 407 >"$dir/proxy/refuse"
expect_exit 5 s3_export proxy-https refused
expect_contains "the proxy $proxy makes no connection" "$(json .error.message)"

begin "a certificate that nobody vouches for is looked at once"
s3_store stranger "{\"endpoint\": \"$S3_HTTPS\", \"ca_file\": \"$S3_OTHER_CA\"}"
from=${EPOCHREALTIME/[.,]/}
expect_exit 5 s3_export stranger stranger
took=$(((${EPOCHREALTIME/[.,]/} - from) / 1000))
expect_contains "certificate" "$(json .error.message)"
# Six tries would take more than one and a half seconds in pauses alone.
[ "$took" -lt 1500 ] || fail "it took $took ms: it was tried again"
