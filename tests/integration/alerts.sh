#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Alerts from outside, against a real receiver over TLS on loopback: R13, R14, R30; channels, the
# signature as docs/alerts.md says to check it, what a failing receiver comes to, and no secret
# anywhere but in the vault.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
for tool in python3 openssl; do
  command -v "$tool" >/dev/null || skip "there is no $tool (./check --deps installs it)"
done

paas=(si paas --context t)
config=$SI_PAAS_STATE_ROOT/contexts/t/config.json
events=$SI_PAAS_STATE_ROOT/contexts/t/events
hook=$dir/hook
secret='correct-horse/battery+staple 4711'
everything=$dir/printed # all that si ever printed here

# Every command's output is kept, to be searched for the secret at the end.
run() {
  last_command=$*
  "$@" >"$dir/.out" 2>"$dir/.err"
  code=$?
  out=$(tr -d '\0' <"$dir/.out") err=$(tr -d '\0' <"$dir/.err")
  printf '%s\n%s\n' "$out" "$err" >>"$everything"
}

start_receiver() {
  "$repository/tests/servers/webhook.sh" "$@" 2>"$dir/receiver.err" &
  receiver=$!
  on_exit sh -c "kill $receiver 2>/dev/null"
  until_true 20 test -s "$hook/port"
  port=$(cat "$hook/port")
}

stop_receiver() {
  kill "$receiver"
  wait "$receiver" 2>/dev/null
  rm -f "$hook/port"
}

# policy PATH [MEMBERS]: one webhook channel `ops` that everything goes to.
policy() {
  jq -n --arg url "https://localhost:$port$1" --arg ca "$hook/ca.pem" --argjson more "${2:-{\}}" \
    '{default_channel: "ops", channels: {ops: ({type: "webhook", url: $url, secret: "OPS_KEY",
      ca_file: $ca, allow_private: true, timeout_seconds: 2} + $more)}}' >"$dir/policy.json"
}

set_policy() {
  policy "$@"
  expect_exit 0 "${paas[@]}" alert policy set --file "$dir/policy.json"
}

# requests FILTER: what the receiver got.
requests() { [ ! -e "$hook/requests.jsonl" ] || jq -r "$1" "$hook/requests.jsonl"; }
forget_requests() { rm -f "$hook/requests.jsonl"; }

# expect_alert FILTER VALUE: over the array of the history, newest first.
expect_alert() {
  expect_exit 0 "${paas[@]}" --json alert history
  expect_json ".data | $1" "$2"
}

webhook_policy() {
  jq ".webhook_policy = $1" "$config" >"$dir/config.new"
  cat "$dir/config.new" >"$config"
}

start_receiver "$hook"
expect_exit 0 si paas context create t

begin "R14: a context denies webhooks until its webhook policy allows the host"
policy /ok
expect_exit 9 "${paas[@]}" --json alert policy set --file "$dir/policy.json"
expect_json .error.code WEBHOOK_POLICY
expect_contains webhook_policy "$(json .error.remediation)"
webhook_policy '{mode: "allow", allow: ["*.localhost", "127.0.0.1"]}'
expect_exit 9 "${paas[@]}" alert policy set --file "$dir/policy.json"
webhook_policy '{mode: "allow", allow: ["localhost"]}'

begin "R12: the secret that signs must be in the vault"
expect_exit 3 "${paas[@]}" --json alert policy set --file "$dir/policy.json"
expect_json .error.code VAULT_MISSING
expect_exit 0 si vault --context t init
expect_exit 3 "${paas[@]}" --json alert policy set --file "$dir/policy.json"
expect_json .error.code SECRET_NOT_FOUND
printf '%s' "$secret" >"$dir/secret"
expect_exit 0 si vault --context t set OPS_KEY --file "$dir/secret"

begin "a policy with a credential in it, or a member that is wrong, is refused and not repeated"
policy /ok '{"secret": "correct-horse/battery+staple 4711"}'
expect_exit 9 "${paas[@]}" alert policy set --file "$dir/policy.json"
expect_contains "si vault"
policy "/ok?token=correct-horse/battery+staple-4711"
expect_exit 9 "${paas[@]}" alert policy set --file "$dir/policy.json"
policy /ok '{"timeout_seconds": 61}'
expect_exit 2 "${paas[@]}" --json alert policy set --stdin <"$dir/policy.json"
expect_json .error.target /channels/ops/timeout_seconds
expect_exit 2 si paas alert policy set --file "$dir/policy.json" # without --context

begin "the policy is shown, and its change is an audit event"
set_policy /ok
expect_exit 0 "${paas[@]}" --json alert policy show
expect_json .data.severity.critical ops
expect_json .data.dedupe_seconds 300
expect_equal "$(jq -r 'select(.action == "alert.policy.set" and .status == "ok") |
  .fields.policy.default_channel' "$events/audit.jsonl")" ops
json .data >"$dir/shown.json"
expect_exit 0 "${paas[@]}" alert policy set --file "$dir/shown.json"

begin "an alert is delivered; Python and openssl find its signature good, as the guide says"
expect_exit 0 "${paas[@]}" --json alert test --channel ops
expect_json .data.delivery sent
expect_json .data.attempts 1
id=$(json .data.id)
expect_equal "$(requests .path)" /ok
expect_equal "$(requests '.headers["X-Si-Alert-Id"]')" "$id"
expect_equal "$(requests '.headers["Content-Type"]')" application/json
expect_equal "$(requests '.body | fromjson | .id')" "$id"
expect_equal "$(requests '.body | fromjson | .severity + " " + .context')" "info t"
timestamp=$(requests '.headers["X-Si-Timestamp"]')
signature=$(requests '.headers["X-Si-Signature"]')
requests .body | head -c -1 >"$dir/body"
expect_equal "$(jq -cS . "$dir/body")" "$(cat "$dir/body")" "the body is not canonical"

# example LANGUAGE: the block of that language in the guide.
example() {
  awk -v first="\`\`\`$1" '$0 == first {on = 1; next} /^```/ {on = 0} on' \
    "$repository/docs/alerts.md"
}
{
  example python
  cat <<'PYTHON'
import sys
body = open(sys.argv[3], "rb").read()
secret = open(sys.argv[4], "rb").read()
assert genuine(secret, sys.argv[1], sys.argv[2], body), "the signature is not genuine"
assert not genuine(secret, sys.argv[1], sys.argv[2], body + b" "), "a changed body is"
assert not genuine(secret + b"x", sys.argv[1], sys.argv[2], body), "another secret is"
assert not genuine(secret, str(int(sys.argv[1]) - 301), sys.argv[2], body), "an old one is"
PYTHON
} >"$dir/receiver.py"
expect_exit 0 python3 "$dir/receiver.py" "$timestamp" "$signature" "$dir/body" "$dir/secret"
{
  printf 'set -e\ncd %q\ntimestamp=$1 signature=$2\n' "$dir"
  example sh
} >"$dir/receiver.sh"
expect_exit 0 bash "$dir/receiver.sh" "$timestamp" "$signature"
expect_exit 1 bash "$dir/receiver.sh" "$((timestamp + 1))" "$signature"

begin "an address that is a token lies in the vault: used, and neither shown nor stored"
canary=xoxb-Canary4711Zz09
# put_url URL: into the vault, and a policy that names it.
put_url() {
  printf '%s\n' "$1" >"$dir/url"
  expect_exit 0 si vault --context t set OPS_URL --file "$dir/url" --trim
  rm "$dir/url"
  policy /none "${2:-{\}}"
  jq 'del(.channels.ops.url) | .channels.ops.url_secret = "OPS_URL"' "$dir/policy.json" \
    >"$dir/sealed.json"
  expect_exit 0 "${paas[@]}" alert policy set --file "$dir/sealed.json"
  forget_requests
}
policy "/ok/${canary}aBcDeFg"
expect_exit 9 "${paas[@]}" --json alert policy set --file "$dir/policy.json"
expect_contains url_secret "$(json .error.remediation)"
jq '.channels.ops |= (del(.url) | .url_secret = "NO_SUCH")' "$dir/policy.json" >"$dir/sealed.json"
expect_exit 3 "${paas[@]}" --json alert policy set --file "$dir/sealed.json"
expect_json .error.code SECRET_NOT_FOUND
put_url "https://localhost:$port/ok/$canary"
expect_exit 0 "${paas[@]}" --json alert test
expect_equal "$(requests .path)" "/ok/$canary"
expect_exit 0 "${paas[@]}" alert policy show
expect_contains "the vault, OPS_URL"
# sealed_fails URL TEXT [MEMBERS]: it is not sent, and the reason says nothing of the address.
sealed_fails() {
  put_url "$1" "${3:-{\}}"
  expect_exit 6 "${paas[@]}" --json alert test
  expect_contains "$2" "$(json .error.message)"
}
sealed_fails "https://localhost:$port/status/404?$canary" 'HTTP 404'
sealed_fails "https://$canary.example.org/$canary" 'does not allow the host of channel ops'
sealed_fails "https://localhost/$canary#" 'cannot be used: it has a fragment'
sealed_fails "$canary$canary" 'cannot be used'
sealed_fails "http://localhost:$port/$canary" 'not https'
sealed_fails "https://localhost:1/$canary" connect
sealed_fails "https://localhost:$port/hang/$canary" deadline '{"timeout_seconds": 1}'
sealed_fails "https://localhost:$port/$canary" certificate "{\"ca_file\": \"$hook/other-ca.pem\"}"
put_url "https://localhost:$port/hang/$canary" '{"timeout_seconds": 30}'
"$SI_PREFIX/bin/si" paas --context t alert test >>"$everything" 2>&1 &
slow=$!
until_true 10 pgrep -P "$slow" -x si-net >/dev/null
net=$(pgrep -P "$slow" -x si-net)
until_true 10 grep -q "/hang/$canary" "$hook/requests.jsonl"
cat "/proc/$slow/cmdline" "/proc/$slow/environ" "/proc/$net/cmdline" "/proc/$net/environ" \
  >"$dir/seen" 2>/dev/null
kill -TERM "$slow"
wait "$slow" 2>/dev/null
forget_requests
hex=$(printf '%s' "$canary" | od -An -v -tx1 | tr -d ' \n')
base64=$(printf '%s' "$canary" | base64 -w0)
rm "$dir/policy.json" # the one that was refused held it
for form in "$canary" "${base64%%=*}" "$hex"; do
  found=$(grep -raliF -- "$form" "$dir") && fail "the address is in $found"
done

begin "what a receiver may answer"
try() { # PATH EXIT TEXT [MEMBERS]
  set_policy "$1" "${4:-{\}}"
  forget_requests
  expect_exit "$2" "${paas[@]}" --json alert test
  [ -z "$3" ] || expect_contains "$3" "$(json .error.message)"
}
try /status/204 0 ''
try /status/500 6 'HTTP 500'
try /status/404 6 'HTTP 404'
try /redirect 6 'HTTP 302'
expect_equal "$(requests .path)" /redirect "the redirect was followed"
try /huge 0 ''
try /hang 6 deadline '{"timeout_seconds": 1}'
try /trickle 0 '' '{"timeout_seconds": 1}'

begin "a certificate that is not trusted, or is another's, is refused before anything is sent"
try /ok 6 certificate "{\"ca_file\": \"$hook/other-ca.pem\"}"
try /ok 6 certificate '{"ca_file": "/etc/ssl/certs/ca-certificates.crt"}'
expect_equal "$(requests .path)" ''
webhook_policy '{mode: "allow", allow: ["localhost", "127.0.0.1", "169.254.169.254"]}'
try /ok 6 'subject name' "{\"url\": \"https://127.0.0.1:$port/ok\"}"
expect_equal "$(requests .path)" ''

begin "an address that may not be reached is not connected to"
try /ok 6 'may not be connected to' '{"allow_private": false}'
try /ok 6 'may not be connected to' '{"url": "https://169.254.169.254/latest/meta-data"}'
expect_equal "$(requests .path)" ''

begin "what runs while a receiver is slow: no secret in arguments, environment or files of si-net"
set_policy /hang '{"timeout_seconds": 30}'
"$SI_PREFIX/bin/si" paas --context t alert test >"$dir/slow.out" 2>&1 9<"$config" &
slow=$!
until_true 10 pgrep -P "$slow" -x si-net >/dev/null
net=$(pgrep -P "$slow" -x si-net)
until_true 10 grep -q /hang "$hook/requests.jsonl"
expect_equal "$(tr '\0' ' ' <"/proc/$net/cmdline")" "si-net "
expect_equal "$(tr '\0' '\n' 2>/dev/null <"/proc/$net/environ")" ''
[ -r "/proc/$net/fd" ] || [ "$(id -u)" != 0 ] || fail "nobody can look into si-net"
for fd in "/proc/$net/fd"/*; do
  [ -r "/proc/$net/fd" ] || break # its address may be a secret: none but root sees it
  case $(readlink "$fd") in
    /memfd:si-net-request* | pipe:* | socket:* | anon_inode:* | /dev/null) ;;
    *) fail "si-net has $(readlink "$fd") open" ;;
  esac
done
cat "/proc/$slow/cmdline" "/proc/$slow/environ" "/proc/$net/fd/0" >"$dir/seen" 2>/dev/null
! grep -aqF "$secret" "$dir/seen" || fail "the secret is in arguments, environment or request"
begin "si-net does not outlive si"
kill -9 "$slow"
wait "$slow" 2>/dev/null
until_true 5 sh -c "! kill -0 $net 2>/dev/null"

begin "si itself links no HTTP client; si-net does nothing for who is not si"
if ldd "$SI_PREFIX/bin/si" | grep -q libcurl; then fail "si links libcurl"; fi
expect_exit 2 "$SI_PREFIX/libexec/si/si-net" x
net_answers() { # REQUEST CODE
  printf '%s' "$1" | "$SI_PREFIX/libexec/si/si-net" | cat >"$dir/.answer"
  expect_equal "$(jq -r .error.code "$dir/.answer")" "$2" "to $1"
}
net_answers '{}' NET_REQUEST
net_answers 'x' JSON_INVALID
request='{"schema":"si.net-request/1","url":"https://localhost/","headers":{},"body":"",'
request+='"timeout_ms":1000'
net_answers "$request,\"more\":1}" NET_REQUEST
smuggled='{"A":"b\r\nC: d"}'
net_answers "$(printf '%s' "$request}" | jq -c ".headers = $smuggled | .allow_private = true")" \
  HTTP_REQUEST
net_answers "$(printf '%s' "$request}" | sed 's/1000/60001/')" NET_REQUEST
net_answers "$(printf '%s' "$request}" | sed 's/https/http/')" NET_PLAIN
net_answers "$(printf '%s' "$request}" | sed 's/https/ftp/')" NET_REQUEST
net_answers "$(printf '%s' "$request}" | sed 's#localhost#user:pw@localhost#')" NET_REQUEST
head -c 300000 /dev/zero | tr '\0' ' ' >"$dir/long"
net_answers "$(cat "$dir/long")" NET_REQUEST

begin "a si-net that others could have put there is not started"
set_policy /ok
forget_requests
cp -r "$SI_PREFIX" "$dir/prefix"
chmod 777 "$dir/prefix/libexec/si"
expect_exit 6 "$dir/prefix/bin/si" paas --context t --json alert test
expect_contains "si-net is not started" "$(json .error.message)"
rm "$dir/prefix/libexec/si/si-net"
chmod 755 "$dir/prefix/libexec/si"
expect_exit 6 "$dir/prefix/bin/si" paas --context t --json alert test
expect_contains si-net "$(json .error.message)"
expect_equal "$(requests .path)" ''
rm -rf "$dir/prefix"

begin "plain HTTP: on loopback alone, and only where the policy says so"
policy /ok "{\"url\": \"http://localhost:$port/ok\"}"
expect_exit 2 "${paas[@]}" alert policy set --file "$dir/policy.json"
policy /ok "{\"url\": \"http://hooks.example.org/ok\", \"allow_http_loopback\": true}"
expect_exit 2 "${paas[@]}" alert policy set --file "$dir/policy.json"
stop_receiver
start_receiver --plain "$hook"
try /ok 0 '' "{\"url\": \"http://localhost:$port/ok\", \"allow_http_loopback\": true,
  \"allow_private\": false}"
# On a slow machine alerts that wait since before are due again, and come along.
expect_equal "$(requests .path | sort -u)" /ok
stop_receiver

begin "R30: a failed operation raises a warning; a receiver that is down gets it once it is up"
cat >"$dir/stack.yaml" <<'YAML'
services:
  web:
    image: test/box:1
YAML
start_receiver "$hook"
set_policy /ok
forget_requests
stop_receiver
expect_exit 6 "${paas[@]}" --json project create blog --stack "$dir/stack.yaml" \
  --provisioner local --config "socket=$dir/no.sock"
failure=$(json .error.code)
expect_alert '.[0] | .severity + " " + .source + " " + .delivery' "warning operation pending"
expect_contains blog "$(json '.data[0].message')"
expect_contains "/$failure" "$(json '.data[0].dedupe')"
expect_contains connect "$(json '.data[0].delivery_error')"
expect_equal "$(json '.data[0].attempts')" 1
down=$(json '.data[0].id')

begin "the same failure again is counted, and is no second alert"
expect_exit 6 "${paas[@]}" project retry blog
expect_alert '.[0] | .id + " " + (.count | tostring)' "$down 2"

begin "reconcile tells of it, and --apply delivers it"
start_receiver "$hook" "$port"
run "${paas[@]}" --json reconcile
expect_json .data.alerts_pending 2 # and the one whose si was killed: that may be tried later
expect_equal "$(requests .path)" ''
run "${paas[@]}" --json reconcile --apply
expect_equal "$(requests '.headers["X-Si-Alert-Id"]' | grep -c "$down")" 1
expect_equal "$(requests '.body | fromjson | select(.source == "operation") | .count')" 2
expect_alert ".[] | select(.id == \"$down\") | .delivery" sent
expect_equal "$(json '[.data[] | select(.delivery == "pending" and .source != "test")] | length')" 0

begin "an alert is acknowledged, once, with an audit event"
expect_exit 2 si paas alert ack "$down"
expect_exit 0 "${paas[@]}" --json alert ack "$down"
who=$(json .data.acked_by)
[ -n "$who" ] || fail "nobody acknowledged it"
expect_exit 0 "${paas[@]}" --json alert ack "$down"
expect_exit 3 "${paas[@]}" alert ack alr-0000
expect_equal "$(jq -r --arg id "$down" 'select(.action == "alert.ack" and .status == "ok") |
  .target' "$events/audit.jsonl")" "$down"

begin "an identity with a passphrase: the alert waits until somebody gives it"
expect_exit 0 si vault --context t rotate --new-passphrase-fd 8 8<<<'open sesame 99'
expect_exit 6 "${paas[@]}" --json --no-input alert test
expect_contains passphrase "$(json .error.message)"
expect_exit 0 "${paas[@]}" --json alert test --passphrase-fd 8 8<<<'open sesame 99'
expect_json .data.delivery sent

begin "the history is bounded and filtered"
expect_exit 0 "${paas[@]}" --json alert history --limit 2
expect_json .count 2
expect_exit 0 "${paas[@]}" --json alert history --severity warning
expect_equal "$(json '[.data[].severity] | unique | .[]')" warning
expect_exit 2 "${paas[@]}" alert history --severity fatal

begin "every alert is an event, and the chain holds"
expect_equal "$(jq -r --arg id "$down" 'select(.action == "alert.raise" and .fields.id == $id) |
  .severity' "$events/alerts.jsonl")" warning
expect_exit 0 "${paas[@]}" events verify

begin "R13: the secret is nowhere but sealed in the vault"
rm "$dir/secret" "$dir/receiver.py" "$dir/policy.json"
base64=$(printf '%s' "$secret" | base64 -w0)
hex=$(printf '%s' "$secret" | od -An -v -tx1 | tr -d ' \n')
for form in "$secret" "correct-horse/battery+staple-4711" "${base64%%=*}" "$hex"; do
  found=$(grep -raliF -- "$form" "$dir") && fail "the secret is in $found"
done
true
