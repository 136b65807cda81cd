#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pruning releases, on a real engine: what serves, what a target shows and what a rollback goes to
# stay, whatever is asked for; the store refuses to lose them; evidence and events stay. R24, R26, R27.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

paas=(si paas --context t)
busybox_image test/box:1
expect_exit 0 si paas context create t
config=(--provisioner local --config "socket=$SI_TEST_SOCKET")
deploy() { # NUMBER
  printf 'services:\n  web:\n    image: test/box:1\n    init: true\n    command: [sleep, "10000%s"]\n' "$1" >"$dir/stack.yaml"
  expect_exit 0 "${paas[@]}" --json deploy --app "${2:-shop}" --stack "$dir/stack.yaml" "${config[@]}"
}
pruned() { expect_json '[.data[] | .app + " " + .release] | join(",")' "$1"; }
for n in 1 2 3 4 5 6; do deploy "$n"; done
first=$(si paas --context t --json events list --limit 1000 | jq -r '[.data[] | select(.action == "app.deploy" or .action == "project.create") | .operation][-1]')

begin "nothing goes without the context's name, in a dry run, or while it is young or few"
expect_exit 2 si paas prune --keep 0
expect_exit 2 "${paas[@]}" prune --keep x
expect_exit 2 "${paas[@]}" prune --older-than yesterday
for flags in "" "--keep 6" "--keep 0 --older-than 30d" "--keep 0 --app nobody"; do
  # shellcheck disable=SC2086
  expect_exit 0 "${paas[@]}" --json prune $flags
  pruned ""
done
expect_exit 0 "${paas[@]}" --json prune --keep 0 --dry-run
pruned "shop 1,shop 2,shop 3,shop 4"
expect_exit 0 "${paas[@]}" --json releases --app shop
expect_json '[.data[] | select(.pruned_at)] | length' 0

begin "by number; what is gone is told, and cannot be gone back to"
expect_exit 0 "${paas[@]}" --json prune --keep 4
pruned "shop 1,shop 2"
expect_exit 0 "${paas[@]}" --json releases --app shop
expect_json '[.data[] | select(.pruned_at) | .release] | join(" ")' "2 1"
expect_exit 3 "${paas[@]}" --json rollback --app shop --to 1
expect_json .error.code RELEASE_PRUNED
expect_exit 0 "${paas[@]}" --json prune --keep 4
pruned ""

begin "after a rollback: what serves, what served before it, and the newest stay"
expect_exit 0 "${paas[@]}" rollback --app shop --to 4
expect_exit 0 "${paas[@]}" --json prune --keep 0 --dry-run
pruned "shop 5"
expect_exit 0 "${paas[@]}" --json prune --keep 0
pruned "shop 5"
expect_exit 0 "${paas[@]}" rollback --app shop # to 3, which a rollback goes to from 4
expect_exit 0 "${paas[@]}" --json app status --app shop
expect_json '.data[0] | [.status, .release, .instances[0].live.services[0].state] | join(" ")' "running 3 running"
expect_exit 0 "${paas[@]}" --json prune --keep 0
pruned ""

begin "the store refuses it to everybody"
command -v sqlite3 >/dev/null || skip "there is no sqlite3 (./check --deps installs it)"
store=$SI_PAAS_STATE_ROOT/contexts/t/state.db
for n in 3 4 6; do
  run sqlite3 "$store" "UPDATE releases SET stack='{}',pruned_at='2026-01-01T00:00:00.000Z' WHERE number=$n;"
  expect_contains "only what nobody needs"
done
run sqlite3 "$store" "UPDATE releases SET stack='{\"a\":1}',pruned_at=NULL WHERE number=1;"
expect_contains "only what nobody needs"
run sqlite3 "$store" "DELETE FROM releases WHERE number=1;"
expect_contains "never removed"
run sqlite3 "$store" "UPDATE projects SET release=1,spec_sha256=(SELECT spec_sha256 FROM releases WHERE number=1);"
expect_contains "cannot serve"

begin "the next release has a number of its own; evidence and events are whole"
deploy 7
expect_json .data.project.release 7
expect_exit 0 si runpack verify --context t --operation "$first"
expect_exit 0 si paas events verify --context t
expect_exit 0 "${paas[@]}" --json events list --limit 1000 --stream audit
expect_json '[.data[] | select(.action == "release.prune") | .fields.releases | join("+")] | join(",")' "shop 5,shop 1+shop 2"

begin "of a deleted app none is needed"
deploy 1 other
deploy 2 other
expect_exit 0 "${paas[@]}" app remove --app other --yes --confirm other
expect_exit 0 "${paas[@]}" --json prune --keep 0 --app other
pruned "other 1,other 2"
