#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every command that changes something leaves an event in its context's chain, in the same
# transaction as the change; a chain that was touched is found out. R13, R19, R24, R26.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

: "${SI_TEST_PLUGINS:?is the directory of the misbehaving plugins; ctest sets it}"
plugin_tree misbehave
printf 'services:\n  web:\n    image: x:1\n' >"$dir/stack.yaml"
printf 'services:\n  web:\n    image: x:1\n    privileged: true\n' >"$dir/bad.yaml"

events_of() { printf '%s/contexts/%s/events' "$SI_PAAS_STATE_ROOT" "$1"; }
lines_of() { cat "$(events_of "$1")/$2.jsonl" 2>/dev/null || true; }
count_of() { cat "$(events_of "$1")"/*.jsonl | wc -l; }
verified() {
  expect_exit 0 si --json paas --context "$1" events verify
  expect_json '[.data[].events] | add' "$(count_of "$1")"
}

# told CONTEXT STREAM FILTER: the last event of the stream is so.
told() {
  local last
  last=$(lines_of "$1" "$2" | tail -n 1)
  [ "$(printf '%s' "$last" | jq "$3")" = true ] || fail "the last event of $2 is not $3: $last"
}

create() {
  local name=$1 what=$2
  run si --json paas --context a project create "$name" --stack "$dir/stack.yaml" \
    --provisioner misbehave --config "do=$what"
}

begin "making a context is the first event of its chain"
expect_exit 0 si paas context create a
expect_exit 0 si paas context create b
told a audit '.seq == 1 and .action == "context.create" and .status == "ok" and .target == "a"'
told a audit ".actor.uid == $(id -u) and .source == \"cli\" and .actor.user == \"$(id -un)\""
expect_equal "$(stat -c %a "$(events_of a)/audit.jsonl")" 600
expect_exit 0 si paas context use a
told a audit '.action == "context.use" and .status == "ok" and .target == "a"'
expect_exit 0 si paas context init a
expect_equal "$(count_of a)" 2 # nothing was made
verified a

begin "a project's making is told from its beginning to the anchor of its evidence"
create blog good
expect_equal "$code" 0
operation=$(json .data.operation.id)
manifest=$(json .data.operation.manifest_sha256)
expect_equal "$(lines_of a deployments | jq -c '[.action, .status, .operation]')" \
  "[\"project.create\",\"started\",\"$operation\"]
[\"project.create\",\"ok\",\"$operation\"]"
expect_equal "$(lines_of a audit | tail -n 3 | jq -c '[.action, .status, .operation]')" \
  "[\"project.create\",\"ok\",\"$operation\"]
[\"evidence.key\",\"ok\",null]
[\"evidence.store\",\"ok\",\"$operation\"]"
told a audit ".fields.manifest_sha256 == \"$manifest\""
expect_equal "$(find "$SI_PAAS_STATE_ROOT/contexts/a/runpacks" -path "*$operation*" \
  -name manifest.json -exec sha256sum {} + | cut -d' ' -f1)" "$manifest"
verified a

begin "what fails, and what is refused before anything runs, is told too"
create broken silent-failure
[ "$code" != 0 ] || fail "the provider failed, and the command did not"
told a deployments '.action == "project.create" and .status == "failed" and .target == "broken"'
expect_equal "$(lines_of a audit | jq -c 'select(.target == "broken") | .error.code' | wc -l)" 1
before=$(count_of a)
expect_exit 2 si paas --context a project create bad --stack "$dir/bad.yaml"
told a audit '.action == "project.create" and .status == "failed" and .severity == "warning"'
told a audit '.error.stage == "stack"'
expect_exit 3 si paas --context a project delete nobody --yes --confirm nobody
told a audit '.action == "project.delete" and .status == "failed" and .target == "nobody"'
told a audit '.error.code == "PAAS_PROJECT_NOT_FOUND"'
expect_exit 4 si paas --context a project create blog --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=good
told a audit '.action == "project.create" and .error.code == "PAAS_PROJECT_EXISTS"'
run si --no-input paas --context a project delete blog
[ "$code" != 0 ] || fail "it was deleted without a confirmation"
told a audit '.action == "project.delete" and .target == "blog" and .status != "ok"'
expect_equal "$(count_of a)" "$((before + 4))"

begin "so is what names its context by itself, where there is a chain to tell it to"
before=$(count_of a)
expect_exit 4 si paas context create a
told a audit '.action == "context.create" and .status == "failed" and .target == "a"'
expect_exit 4 si paas context init --name a --type customer
told a audit '.action == "context.init" and .error.code == "PAAS_CONTEXT_EXISTS"'
expect_exit 0 si paas context export a --output "$dir/settings.json"
expect_exit 4 si paas context import "$dir/settings.json" --name a
told a audit '.action == "context.import" and .status == "failed" and .target == "a"'
run si --no-input paas context adopt a
told a audit '.action == "context.adopt" and .status != "ok" and .target == "a"'
expect_exit 3 si paas context use nobody
nothing() { env SI_PLUGIN_DIR="$dir/nothing" "$SI_PREFIX/bin/si" paas --context a "$@"; }
run nothing reconcile
run nothing reconcile --apply
[ "$code" != 0 ] || fail "it reconciled without a provider"
told a audit '.action == "reconcile" and .status == "failed" and .target == "a"'
expect_equal "$(count_of a)" "$((before + 5))"

begin "evidence that is put into the context's store by hand is told"
mkdir "$dir/folder"
printf "{}" >"$dir/spec.json"
printf '{}' >"$dir/folder/notes.json"
evidence=(--from "$dir/folder" --spec "$dir/spec.json" --namespace n --scenario s --run r)
expect_exit 0 si --json runpack --context a export "${evidence[@]}"
told a audit ".action == \"runpack.export\" and .fields.manifest_sha256 == \"$(json .data.manifest_sha256)\""
expect_exit 4 si runpack --context a export "${evidence[@]}"
told a audit '.action == "runpack.export" and .status == "failed"'

begin "a retry and a delete are told; reading tells nothing"
expect_exit 0 si paas --context a project retry broken --config do=good
told a deployments '.action == "project.retry" and .status == "ok" and .target == "broken"'
expect_exit 0 si paas --context a project delete broken --yes --confirm broken
told a deployments '.action == "project.delete" and .status == "ok" and .target == "broken"'
before=$(count_of a)
for command in "project list" "project show blog --stored" "events list" "events verify"; do
  # shellcheck disable=SC2086
  expect_exit 0 si paas --context a $command
done
expect_exit 2 si paas project delete blog
expect_equal "$(count_of a)" "$before"
verified a

begin "an operation whose process died is told when it is found"
"$SI_PREFIX/bin/si" -q paas --context a project create dead --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=hang >/dev/null 2>&1 &
pid=$!
is_begun() { lines_of a deployments | tail -n 1 | jq -e '.target == "dead"' >/dev/null; }
until_true 20 is_begun
told a deployments '.status == "started"'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
expect_exit 0 si paas --context a project delete dead --yes --confirm dead
expect_equal "$(lines_of a audit | jq -c 'select(.target == "dead") | [.action, .status]')" \
  '["operation.recover","interrupted"]
["project.delete","ok"]'
expect_equal "$(lines_of a alerts | jq -r 'select(.fields.dedupe ==
  "operation/dead/provision/PAAS_INTERRUPTED") | [.action, .severity] | join(" ")')" \
  "alert.raise warning"
verified a

begin "the newest come first, filtered and limited (R24)"
expect_exit 0 si --json paas --context a events list --limit 5
expect_json .count 5
expect_json '[.data[].at] | . == (sort | reverse)' true
expect_exit 0 si --json paas --context a events list --status failed --stream audit
expect_json '[.data[] | .status, .stream] | unique' '["audit","failed"]'
expect_exit 0 si --json paas --context a events list --severity warning
expect_json '[.data[].severity] | unique - ["critical", "warning"]' '[]'
expect_exit 0 si --json paas --context a events list --since 1h --limit 1000
expect_json .count "$(count_of a)"
expect_exit 0 si --json paas --context a events list --since 2099-01-01
expect_json .count 0
expect_exit 0 si --json paas --context a events list --since 2001-02-03T04:05:06Z --limit 1000
expect_json .count "$(count_of a)"
for since in yesterday 2001-02-30 2001-02-03T04:05:06+01:00; do
  expect_exit 2 si paas --context a events list --since "$since"
done
expect_exit 2 si paas --context a events list --stream gossip
expect_exit 0 si paas --context a events list --limit 3
expect_contains evidence.store

begin "events are followed as they come, until interrupted"
"$SI_PREFIX/bin/si" --json paas --context a events list --follow --limit 1 >"$dir/followed" &
pid=$!
until_true 20 test -s "$dir/followed"
expect_exit 3 si paas --context a project delete stranger --yes --confirm stranger
until_true 20 grep -q '"target":"stranger"' "$dir/followed"
kill -TERM "$pid" # the shell has its background commands ignore SIGINT
wait "$pid"
expect_equal "$?" 130
expect_equal "$(grep -c '"seq"' "$dir/followed")" 2

begin "a follower whom nobody reads any more ends"
"$SI_PREFIX/bin/si" paas --context a events list --follow 2>"$dir/err" | head -n 1 >/dev/null

begin "no event of one context shows in another (R19)"
expect_exit 3 si paas --context b project delete other --yes --confirm other
expect_exit 0 si --json paas --context b events list
expect_json '[.data[].context] | unique' '["b"]'
expect_json .count 2
expect_exit 0 si --json paas --context a events list --limit 1000
expect_json '[.data[].context] | unique' '["a"]'

begin "what looks like a secret is in no event (R13)"
expect_exit 2 si paas --context a project create 'password=canary4711' --stack "$dir/stack.yaml"
told a audit '.error.message | contains("<redacted>")'
if grep -r canary4711 "$SI_PAAS_STATE_ROOT"; then fail "the secret is on the disk"; fi

begin "a chain that was touched is found, and the line named"
file=$(events_of a)/audit.jsonl
cp "$file" "$dir/good"
# touched LINE WHY COMMAND...: the good file through COMMAND is refused.
touched() {
  local line=$1 why=$2
  shift 2
  "$@" <"$dir/good" >"$file"
  expect_exit 8 si --json paas --context a events verify
  expect_json .error.code EVENTS_TAMPERED
  expect_json .data.stream audit
  expect_json .data.line "$line"
  expect_contains "$why" "$(json .data.message)"
  cat "$dir/good" >"$file"
}
last=$(wc -l <"$dir/good")
touched 3 "not that of its content" sed '3s/"status":"ok"/"status":"no"/'
touched 3 "holds event 4" sed -n '3{h;n;G};p'
touched 4 "holds event 3" sed '3p'
touched 3 "holds event 4" sed 3d
touched "$last" "is missing" sed '$d'
touched "$last" "cut off" head -c -20
touched 1 "is missing" true
touched 1 "context (b)" cat "$(events_of b)/audit.jsonl" -
verified a
expect_exit 0 si paas --context a events verify
expect_contains "$last"

begin "a file that cannot be written delays its lines and fails nothing"
mv "$file" "$dir/aside"
mkdir "$file"
expect_exit 0 si paas --context a project delete blog --yes --confirm blog
expect_contains "the events stay in state.db"
rmdir "$file"
mv "$dir/aside" "$file"
expect_equal "$(lines_of a audit | wc -l)" "$last"
verify_json() { si --json paas --context a events verify | jq "$1"; }
expect_equal "$(verify_json '.data[0].events')" "$((last + 2))" # what waits counts
expect_exit 0 si paas --context a reconcile --apply
expect_equal "$(lines_of a audit | wc -l)" "$((last + 2))"
verified a
