#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One container, from nothing to nothing: what every other test beside an engine does first, in a few
# seconds. It is the one that is run under sanitizers, too; those that wait for engines are run once.
# R62 to R66.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

paas=(si paas --context t)
settings=(--provisioner local --config "socket=$SI_TEST_SOCKET" --config settle_ms=300
  --config stop_timeout_s=1)
busybox_image test/box:1
cat >"$dir/stack.yaml" <<'YAML'
x-si-secrets:
  PASSWORD: {generate: password}
services:
  web:
    image: test/box:1
    command: ["sh", "-c", "echo came up; exec sleep 100000"]
    init: true
    volumes: ["data:/data"]
    environment: {PASSWORD: "${PASSWORD}"}
    healthcheck: {test: ["CMD", "true"], interval: 200ms}
volumes:
  data:
YAML
expect_exit 0 si paas context create t
expect_exit 0 si vault init --context t

begin "it comes up, healthy, with its secret"
expect_exit 0 "${paas[@]}" --json project create app --stack "$dir/stack.yaml" "${settings[@]}"
expect_exit 0 "${paas[@]}" --json project show app
expect_json .data.status running
expect_json '.data.live.services | map([.name, .state, .health])' '[["web","running","healthy"]]'
expect_equal "$(resources | cut -d ' ' -f 1 | sort | tr '\n' ' ')" "container network volume "
secret=$("${paas[@]}" secret get --app app PASSWORD)
expect_equal "$(engine GET "/containers/$(resources | sed -n 's/^container //p')/json" |
  jq -r '.Config.Env[] | select(startswith("PASSWORD="))')" "PASSWORD=$secret"

begin "what is missing is found, and brought back"
engine DELETE "/containers/$(resources | sed -n 's/^container //p')?force=1" >/dev/null
run "${paas[@]}" --json reconcile
[ "$code" != 0 ] || expect_contains web
expect_exit 0 "${paas[@]}" --json reconcile --apply
expect_exit 0 "${paas[@]}" --json project show app
expect_json '.data.live.services | map([.name, .state])' '[["web","running"]]'

begin "one that cannot come up has failed, with its last words"
sed 's/echo came up; exec sleep 100000/echo last words; exit 3/' "$dir/stack.yaml" >"$dir/broken.yaml"
expect_exit 1 "${paas[@]}" --json project create broken --stack "$dir/broken.yaml" "${settings[@]}"
expect_json .error.target web
expect_contains "last words"

begin "both are deleted, and nothing is left"
for name in app broken; do
  expect_exit 0 "${paas[@]}" project delete "$name" --yes --confirm "$name"
done
expect_no_resources
expect_exit 0 "${paas[@]}" events verify
