#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# reconcile finds what differs between state and engine, changes nothing without --apply, mends it
# with --apply, and touches nothing that is not this context's. R65, R68.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

busybox_image test/box:1
cat >"$dir/stack.yaml" <<'YAML'
services:
  web:
    image: test/box:1
    command: ["sleep", "100000"]
    init: true
    volumes: ["data:/data"]
volumes:
  data:
YAML
settings=(--config "socket=$SI_TEST_SOCKET" --config settle_ms=300 --config stop_timeout_s=1)
for context in a b; do
  expect_exit 0 si paas context create "$context"
  expect_exit 0 si paas --context "$context" project create app --stack "$dir/stack.yaml" \
    "${settings[@]}"
done
id_of() { jq -r .id "$SI_PAAS_STATE_ROOT/contexts/$1/config.json"; }
things_of() { resources "si.context=$(id_of "$1")" | sort; }
a_before=$(things_of a) b_before=$(things_of b)

begin "nothing to mend is said so"
expect_exit 0 si --json paas --context a reconcile
expect_json .data.clean true
expect_json '[.data.projects[].verdict]' '["ok"]'

begin "a container that is gone: found, not mended without --apply, then made again"
docker -H "$DOCKER_HOST" rm -f "$(things_of a | sed -n 's/^container //p')" >/dev/null
expect_exit 0 si --json paas --context a reconcile
expect_json '.data.projects[0] | [.verdict, .action]' '["drifted","converge"]'
expect_json .data.clean false
[ "$(things_of a)" != "$a_before" ] || fail "looking has changed something"
expect_exit 2 si paas reconcile --apply
expect_exit 0 si paas --context a reconcile --apply
expect_equal "$(things_of a)" "$a_before"
expect_exit 0 si --json paas --context a project show app
expect_json .data.status running
expect_json '[.data.operations[].kind]' '["provision","converge"]'

begin "a container that was stopped is started again"
docker -H "$DOCKER_HOST" stop -t 1 "$(things_of a | sed -n 's/^container //p')" >/dev/null
expect_exit 0 si paas --context a reconcile --apply
expect_exit 0 si --json paas --context a reconcile
expect_json .data.clean true

begin "orphans are found, then removed; unmarked and foreign things are not"
stray=(--label "si.context=$(id_of a)" --label si.project=prj-00000000000000000000)
docker -H "$DOCKER_HOST" volume create "${stray[@]}" stray-volume >/dev/null
docker -H "$DOCKER_HOST" network create "${stray[@]}" stray-network >/dev/null
docker -H "$DOCKER_HOST" run -d --init "${stray[@]}" --name stray-container \
  --network stray-network -v stray-volume:/data test/box:1 sleep 100000 >/dev/null
docker -H "$DOCKER_HOST" volume create --label si.context=ctx-another \
  --label si.project=prj-00000000000000000000 another-context >/dev/null
docker -H "$DOCKER_HOST" volume create unmarked >/dev/null
expect_exit 0 si --json paas --context a reconcile
expect_json '[.data.orphans[].name] | sort' '["stray-container","stray-network","stray-volume"]'
expect_contains stray-volume "$(resources)"
expect_exit 0 si --json paas --context a reconcile --apply
expect_json '[.data.orphans[].outcome] | unique' '["ok"]'
expect_exit 0 si --json paas --context a events list --stream audit --limit 3
expect_json '[.data[] | .action, .status] | unique' '["ok","orphan.remove"]'
expect_exit 0 si --json paas --context a events verify
expect_equal "$(things_of a)" "$a_before"
expect_equal "$(things_of b)" "$b_before"
for name in another-context unmarked; do
  engine GET "/volumes/$name" >/dev/null || fail "the volume $name was removed"
done

begin "deleting one context's project leaves the other's"
expect_exit 0 si paas --context a project delete app --yes --confirm app
expect_equal "$(things_of a)" ""
expect_equal "$(things_of b)" "$b_before"

begin "evidence that could not be stored stays pending, and is stored by reconcile"
config=$SI_PAAS_STATE_ROOT/contexts/b/config.json
cp "$config" "$dir/config.json"
jq '.audit_sink.config.root = "/proc/nowhere/evidence"' "$dir/config.json" >"$config"
expect_exit 0 si paas --context b project delete app --yes --confirm app
expect_contains "evidence stays pending"
expect_exit 0 si --json paas --context b reconcile
expect_json .data.evidence_pending 1
run si --json paas --context b reconcile --apply
[ "$code" != 0 ] || fail "evidence that cannot be stored is no failure"
cat "$dir/config.json" >"$config"
expect_exit 0 si --json paas --context b reconcile --apply
expect_json .data.evidence_pending 0
expect_json .data.clean true
