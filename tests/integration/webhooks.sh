#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pushes that deploy: signed as each git server signs them, taken once, for the branches that were
# mapped, and for nothing else. R14, R24.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

paas=(si paas --context t)
secret=a-secret-of-sixteen-bytes-and-more
expect_exit 0 si paas context create t
expect_exit 0 si vault init --context t
printf '%s' "$secret" >"$dir/secret"
busybox_image test/box:1
stack() { # SECONDS [LINE]
  printf 'services:\n  web:\n    image: test/box:1\n    command: [sleep, "%s"]\n    init: true\n%s' "$1" \
    "${2:+    $2$'\n'}" >"$dir/app.yaml"
}
runs() { docker -H "$DOCKER_HOST" ps --no-trunc | grep -q "sleep $1"; }

# push REF COMMIT [MORE]: a body of the form that all three servers share.
push() {
  printf '{"ref":"%s","before":"%040d","after":"%s","repository":{"full_name":"shop/web"}%s}' \
    "$1" 1 "$2" "${3:-}" >"$dir/body"
}
commit() { printf '%040x' "$1"; }
mac() { openssl dgst -sha256 -hmac "$secret" -r <"${1:-$dir/body}" | cut -d' ' -f1; }
github() { printf 'X-GitHub-Event: push\r\nX-GitHub-Delivery: %s\r\nX-Hub-Signature-256: sha256=%s\r\n' "$1" "$(mac)" >"$dir/head"; }
ingest() { run si paas --context t --json webhook ingest "${1:-shop}" --headers "$dir/head" --body "$dir/body"; }
outcome() {
  expect_equal "$code" 0
  expect_json .data.outcome "$1"
}
refused() { # EXIT CODE
  expect_equal "$code" "$1"
  expect_json .error.code "$2"
}
serves() { # RELEASE
  expect_exit 0 "${paas[@]}" --json status --app shop
  expect_json '.data[0].instances[0].release' "$1"
}

begin "nothing is enabled that does not hold"
map=("${paas[@]}" --json webhook map add)
stack 100001
good=(--app shop --stack "$dir/app.yaml" --branch main --branch 'release/*' --source github --secret HOOK)
run "${map[@]}" shop "${good[@]}"
refused 3 SECRET_NOT_FOUND
expect_exit 0 si vault set --context t HOOK --file "$dir/secret"
run "${map[@]}" Shop "${good[@]}"
refused 2 WEBHOOK_INVALID
run "${map[@]}" shop --app shop --stack "$dir/app.yaml" --branch 'a*b' --source github --secret HOOK
refused 2 WEBHOOK_INVALID
run "${map[@]}" shop --app shop --stack "$dir/app.yaml" --branch main --source svn --secret HOOK
refused 2 WEBHOOK_INVALID
run "${map[@]}" shop "${good[@]}" --target nowhere
refused 3 TARGET_NOT_FOUND
run "${map[@]}" shop --app shop --stack "$dir/none.yaml" --branch main --source github --secret HOOK
refused 3 STACK_UNREADABLE
stack 100001 "privileged: true"
run "${map[@]}" shop "${good[@]}"
refused 2 STACK_UNSUPPORTED_KEY
stack 100001 "cap_add: [SYS_ADMIN]"
run "${map[@]}" shop "${good[@]}"
refused 9 STACK_GUARD
stack 100001
expect_exit 0 "${paas[@]}" --json webhook map list
expect_json '.data | length' 0
expect_exit 0 "${map[@]}" shop "${good[@]}"
run "${map[@]}" shop "${good[@]}"
refused 4 WEBHOOK_EXISTS
expect_exit 0 "${paas[@]}" --json webhook map list
expect_json '.data[0] | [.name, .app, .branches[1], .stack] | join(" ")' "shop shop release/* $dir/app.yaml"

begin "who does not know the secret is told nothing, and it is written down"
push refs/heads/main "$(commit 1)"
github one
sed -i 's/sha256=.\{4\}/sha256=0000/' "$dir/head"
ingest
refused 5 WEBHOOK_SIGNATURE
printf 'X-GitHub-Event: push\n' >"$dir/head"
ingest
refused 5 WEBHOOK_SIGNATURE
github one
printf '%s' ' ' >>"$dir/body"
ingest
refused 5 WEBHOOK_SIGNATURE
github one
cat "$dir/head" "$dir/head" >"$dir/twice" && mv "$dir/twice" "$dir/head"
ingest
refused 5 WEBHOOK_SIGNATURE
printf 'no header\n' >"$dir/head"
ingest
refused 2 WEBHOOK_MALFORMED
printf '{"ref": not json' >"$dir/body"
github one
ingest
refused 2 WEBHOOK_MALFORMED
push refs/heads/main "../../etc"
github one
ingest
refused 2 WEBHOOK_MALFORMED
ingest nobody
refused 3 WEBHOOK_NOT_FOUND
head -c 1100000 /dev/zero | tr '\0' ' ' >"$dir/body"
github one
ingest
refused 1 WEBHOOK_MALFORMED
expect_exit 0 si paas events list --context t --json
expect_contains '"webhook.refused"'
expect_exit 0 "${paas[@]}" --json webhook pushes shop
expect_json '.data | length' 0

begin "an app's first deploy is the operator's"
push refs/heads/main "$(commit 1)"
github one
ingest
refused 3 PAAS_PROJECT_NOT_FOUND
expect_contains "si paas --context t deploy --app shop" "$(json .error.remediation)"
expect_exit 0 "${paas[@]}" deploy --app shop --stack "$dir/app.yaml" --provisioner local --config "socket=$SI_TEST_SOCKET"

begin "a push to a branch that was mapped deploys, once"
stack 100002
push refs/heads/main "$(commit 2)"
github two
ingest
outcome deployed
expect_json .data.commit "$(commit 2)"
until_true 5 runs 100002
serves 2
expect_exit 0 "${paas[@]}" --json releases --app shop
expect_contains "webhook shop: branch main, commit $(commit 2)"
stack 100003
github another-name
ingest
outcome replayed
runs 100002 || fail "a push that came before was deployed again"
push refs/heads/release/1.0 "$(commit 3)"
github three
ingest
outcome deployed
serves 3
expect_exit 0 si paas events list --context t --json
expect_contains '"source":"webhook"'

begin "what is not mapped is passed over"
stack 100004
for ref in refs/heads/other refs/heads/release refs/tags/v1; do
  push "$ref" "$(commit 4)"
  github four
  ingest
  outcome ignored
done
push refs/heads/main "$(commit 0)" ',"deleted":true'
github five
ingest
outcome ignored
printf '{"zen":"Keep it logically awesome."}' >"$dir/body"
github six
sed -i 's/Event: push/Event: ping/' "$dir/head"
ingest
outcome ignored
serves 3

begin "a deploy that fails is told; the same push may be tried again"
stack 100005 "entrypoint: [\"false\"]"
push refs/heads/main "$(commit 5)"
github seven
ingest
expect_equal "$code" 1
expect_json .data.outcome failed
runs 100003 || fail "the release before does not serve"
stack 100005
ingest
outcome deployed
until_true 5 runs 100005
expect_exit 0 "${paas[@]}" --json webhook pushes shop
expect_json '[.data[] | .outcome] | join(" ")' \
  "deployed ignored ignored ignored ignored ignored deployed deployed failed"

begin "killed in the middle: it is known as pending, and taken again"
stack 100006 "healthcheck: {test: [CMD, test, -e, /go], interval: 1s, retries: 1000}"
push refs/heads/main "$(commit 6)"
github eight
"$SI_PREFIX/bin/si" paas --context t webhook ingest shop --headers "$dir/head" --body "$dir/body" >/dev/null 2>&1 &
victim=$!
until_true 30 runs 100006
kill -KILL "$victim"
wait "$victim" 2>/dev/null
until_true 20 no_host_left
expect_exit 0 "${paas[@]}" --json webhook pushes shop --limit 1
expect_json '.data[0].outcome' pending
stack 100006
ingest
outcome deployed
until_true 5 runs 100006

begin "the same push twice at once deploys once"
stack 100008
push refs/heads/main "$(commit 8)"
github nine
release=$(si paas --context t --json status --app shop | jq -r '.data[0].instances[0].release')
for turn in 1 2; do
  "$SI_PREFIX/bin/si" paas --context t --json webhook ingest shop --headers "$dir/head" --body "$dir/body" \
    >"$dir/at-once.$turn" 2>/dev/null &
done
wait
outcomes=$(jq -rs '[.[] | .data.outcome // .error.code] | sort | join(" ")' "$dir"/at-once.*)
case $outcomes in
  "PAAS_OPERATION_RUNNING deployed" | "deployed replayed") ;;
  *) fail "two at once came to: $outcomes" ;;
esac
until_true 5 runs 100008
serves "$((release + 1))"
expect_exit 0 "${paas[@]}" --json webhook pushes shop --limit 1
expect_json '.data[0].outcome' deployed

begin "each source signs in its own way"
expect_exit 0 "${map[@]}" tea --app shop --stack "$dir/app.yaml" --branch main --source gitea --secret HOOK
expect_exit 0 "${map[@]}" lab --app shop --stack "$dir/app.yaml" --branch main --source gitlab --secret HOOK
expect_exit 0 "${map[@]}" own --app shop --stack "$dir/app.yaml" --branch '*' --source si --secret HOOK
push refs/heads/other "$(commit 7)"
printf 'X-Gitea-Event: push\nX-Gitea-Signature: %s\n' "$(mac)" >"$dir/head"
ingest tea
outcome ignored
ingest shop
refused 5 WEBHOOK_SIGNATURE
printf 'X-Gitlab-Event: Push Hook\nX-Gitlab-Token: %s\n' "$secret" >"$dir/head"
ingest lab
outcome ignored
printf 'X-Gitlab-Event: Push Hook\nX-Gitlab-Token: %s\n' "${secret}x" >"$dir/head"
ingest lab
refused 5 WEBHOOK_SIGNATURE
si_signed() { # SECONDS FROM NOW
  local at
  at=$(($(date +%s) + $1))
  { printf '%s.' "$at" && cat "$dir/body"; } >"$dir/signed"
  printf 'X-Si-Timestamp: %s\nX-Si-Signature: sha256=%s\n' "$at" "$(mac "$dir/signed")" >"$dir/head"
}
si_signed -400
ingest own
refused 9 WEBHOOK_STALE
si_signed 400
ingest own
refused 9 WEBHOOK_STALE
si_signed 0
ingest own
outcome deployed

begin "a webhook that was removed takes nothing; no secret stands anywhere"
expect_exit 0 "${paas[@]}" webhook map remove shop
ingest shop
refused 3 WEBHOOK_NOT_FOUND
! grep -rqF "$secret" "$SI_PAAS_STATE_ROOT" || fail "the secret stands in $(grep -rlF "$secret" "$SI_PAAS_STATE_ROOT")"
expect_exit 0 si paas events verify --context t
expect_exit 0 "${paas[@]}" project delete shop --yes --confirm shop
expect_no_resources
