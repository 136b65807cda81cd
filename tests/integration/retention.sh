#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Evidence under lock (R54, R55): policies, exports, copies, locks, legal holds, what is told of them,
# attestations and the compliance report, on a store that locks and on one that only says so.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

: "${SI_TEST_PLUGINS:?is the directory of the misbehaving plugins; ctest sets it}"
plugin_tree locker bare-store
mkdir "$dir/results"
printf 'hello\n' >"$dir/results/a.txt"
head -c 300000 /dev/urandom >"$dir/results/b.bin"
printf '{"what":"a test"}' >"$dir/spec.json"
root=$dir/locked
DAY=86400

error_is() {
  local wanted=$1 why=$2
  expect_equal "$code" "$wanted" "the exit code"
  expect_json .error.code "$why"
}
# seconds TIME: since 1970.
seconds() { date -d "$1" +%s; }
# near TIME SECONDS: is it so far from now, give or take a minute?
near() {
  local found
  found=$(($(seconds "$1") - $(date +%s) - $2))
  [ "${found#-}" -lt 60 ] || fail "$1 is not $2 s from now"
}
# export_as RUN [OPTION...]
export_as() {
  local run=$1
  shift
  run si --json runpack export --from "$dir/results" --spec "$dir/spec.json" --tenant t \
    --namespace n --scenario s --run "$run" --generated-at 1000 "$@"
}
in_locker=(--sink locker --config "root=$root")
# of COMMAND URI [OPTION...]: on the locker, outside of any context.
of() {
  local command=$1
  shift
  run si --json runpack "$command" "$@" "${in_locker[@]}"
}
# versions ROOT: every version's lock, as the store keeps it.
versions() { (cd "$1/objects" && find . -name '.v*' -type f | sort); }
contents() { (cd "$1/objects" && find . -name '.v*' -type f ! -name '*.lock' -exec sha256sum {} + | sort -k2); }
chain() { cat "$SI_PAAS_STATE_ROOT/contexts/$1/events/audit.jsonl"; }
# last_event CONTEXT: the newest line of its chain.
last_event() { chain "$1" | tail -n 1; }

# --- outside of contexts -------------------------------------------------------------------------

begin "an export is locked as it was asked for, and says so"
export_as r1 "${in_locker[@]}" --retain-for 30d --lock-mode compliance --verify
expect_equal "$code" 0
expect_json .data.lock.mode COMPLIANCE
near "$(json .data.lock.until)" $((30 * DAY))
uri=$(json .data.storage_uri)
of status "$uri"
expect_equal "$code" 0
expect_json '[.data.complete, .data.all_locked, .data.weakest_mode, .data.held]' \
  '[true,true,"COMPLIANCE",0]'
expect_json '[.data.objects[] | .key] | sort' \
  '["artifacts/a.txt","artifacts/b.bin","artifacts/compliance.json","artifacts/spec.json","manifest.json"]'
expect_exit 0 si runpack status "$uri" "${in_locker[@]}"
expect_contains "all: 5 of 5 objects"

begin "without a lock asked for nothing is locked, and status says that"
export_as plain "${in_locker[@]}"
expect_equal "$code" 0
expect_json .data.lock null
plain=$(json .data.storage_uri)
of status "$plain"
expect_json '[.data.all_locked, .data.weakest_mode, .data.earliest_until, (.data.objects | length)]' \
  '[false,"none",null,4]'

begin "a store that does not lock is refused before anything is stored, and said so by every command"
mkdir "$dir/files"
in_file=(--sink file --config "root=$dir/files")
export_as r1 "${in_file[@]}" --retain-for 1d
error_is 1 LOCK_UNSUPPORTED
export_as r1 "${in_file[@]}" --hold 'a case'
error_is 1 LOCK_UNSUPPORTED
[ -z "$(find "$dir/files" -type f)" ] || fail "something was stored"
export_as r1 "${in_file[@]}"
expect_equal "$code" 0
file_uri=$(json .data.storage_uri)
openssl genpkey -algorithm ed25519 -out "$dir/own.key" 2>/dev/null
chmod 600 "$dir/own.key"
openssl pkey -in "$dir/own.key" -pubout -out "$dir/own.pem"
for command in "status" "lock --retain-for 1d" "hold --reason x" "release --reason x" \
  "attest --sign-key $dir/own.key"; do
  # shellcheck disable=SC2086
  run si --json runpack $command "$file_uri"
  error_is 1 LOCK_UNSUPPORTED
done
run si --json runpack copy "$file_uri" --to-sink file --to-config "root=$dir/other" --retain-for 1d
error_is 1 LOCK_UNSUPPORTED
[ -z "$(find "$dir/other" -type f 2>/dev/null)" ] || fail "something was copied"
run si --json runpack export --from "$dir/results" --spec "$dir/spec.json" --tenant t --namespace n \
  --scenario s --run nl --sink locker --config "root=$dir/nl" --config fault=not-locking --retain-for 1d
error_is 1 LOCK_UNSUPPORTED

begin "options that make no sense are usage errors"
while IFS='|' read -r options; do
  # shellcheck disable=SC2086
  export_as bad "${in_locker[@]}" $options
  expect_equal "$code" 2 "$options"
  # shellcheck disable=SC2086
  [ "${options#--hold}" != "$options" ] || { of lock "$uri" $options && expect_equal "$code" 2 "$options"; }
done <<TABLE
--retain-for 0s
--retain-for 5
--retain-for 5x
--retain-for -5d
--retain-for 36501d
--retain-until yesterday
--retain-until 2026-13-01
--retain-for 1d --retain-until 2099-01-01
--retain-for 1d --lock-mode hard
--lock-mode compliance
TABLE
export_as bad "${in_locker[@]}" --hold ''
expect_equal "$code" 2
of lock "$uri"
error_is 2 CLI_USAGE
of hold "$uri"
expect_equal "$code" 2
of release "$uri" --reason ''
expect_equal "$code" 2
export_as bad "${in_locker[@]}" --retain-until 2001-01-01
error_is 2 LOCK_TIME
of lock "$uri" --retain-until 2001-01-01
error_is 2 LOCK_TIME
of status "locker://$root/tenant/t/namespace/n/scenario/s/run/none/$(printf '%064d' 0)"
error_is 3 RUNPACK_NOT_FOUND

begin "a lock is made longer and stronger, never shorter or weaker, and the present end is told"
export_as grow "${in_locker[@]}" --retain-for 10d --lock-mode governance
grow=$(json .data.storage_uri)
present=$(json .data.lock.until)
before=$(versions "$root")
of lock "$grow" --retain-for 9d
error_is 4 LOCK_SHORTEN
expect_contains "$present" "$(json .error.message)"
of lock "$grow" --retain-for 20d --lock-mode compliance
expect_equal "$code" 0
expect_json '[.data.all_locked, .data.weakest_mode]' '[true,"COMPLIANCE"]'
near "$(json .data.earliest_until)" $((20 * DAY))
of lock "$grow" --retain-for 30d --lock-mode governance
error_is 4 LOCK_DOWNGRADE
expect_contains COMPLIANCE "$(json .error.message)"
of lock "$grow" --retain-for 30d # in the mode that it has
expect_equal "$code" 0
expect_json .data.weakest_mode COMPLIANCE
of lock "$grow" --retain-until "$(json .data.earliest_until)" # the same again is fine
expect_equal "$code" 0
expect_equal "$(versions "$root")" "$before" "no version was made by locking"
of lock "$plain" --retain-for 1h
expect_equal "$code" 0
expect_json '[.data.all_locked, .data.weakest_mode]' '[true,"GOVERNANCE"]'

begin "a legal hold is put on every object, and ended"
of hold "$grow" --reason 'case 7'
expect_equal "$code" 0
expect_json '[.data.held, ([.data.objects[] | select(.held)] | length)]' '[5,5]'
of hold "$grow" --reason 'case 7'
expect_equal "$code" 0
of release "$grow" --reason 'closed'
expect_equal "$code" 0
expect_json .data.held 0
expect_json .data.all_locked true
export_as held "${in_locker[@]}" --hold 'from the beginning'
expect_equal "$code" 0
expect_json '[.data.lock.mode, .data.lock.held]' '["none",true]'
held=$(json .data.storage_uri)
of status "$held"
expect_json '[.data.held, .data.all_locked]' '[5,false]'

begin "a provider that swallows locks, weakens them, or lies of them does not get by"
for fault in swallow weaker short no-tell lies; do
  faulty=(--sink locker --config "root=$dir/$fault" --config "fault=$fault")
  export_as r "${faulty[@]}" --retain-for 1d --lock-mode compliance --verify
  expect_equal "$code" 4 "$fault"
  case $fault in
    lies) expect_json .error.code LOCK_MISSING ;; # it took its own report to find that out
    *) expect_json .error.code LOCK_UNPROVEN ;;
  esac
  export_as q --sink locker --config "root=$dir/$fault"
  expect_equal "$code" 0
  run si --json runpack lock "$(json .data.storage_uri)" "${faulty[@]}" --retain-for 1d \
    --lock-mode compliance
  expect_equal "$code" 4 "lock, $fault"
done
run si --json runpack hold "$(si --json runpack list --sink locker --config "root=$dir/lies" |
  jq -r '.data[] | select(.run == "q") | .storage_uri')" --sink locker --config "root=$dir/lies" \
  --config fault=lies --reason x
error_is 4 LOCK_UNPROVEN
expect_contains "as the store tells it now"
for fault in foreign endless; do
  run si --json runpack status "${grow}" --sink locker --config "root=$root" --config "fault=$fault"
  [ "$code" != 0 ] || fail "a report that is $fault was believed"
done

begin "a clock that is off is warned of, and stands in what is told"
echo -3600000 >"$root/clock-offset"
export_as skewed "${in_locker[@]}" --retain-for 1d
expect_equal "$code" 0
expect_contains "ahead of the store's"
skewed=$(json .data.storage_uri)
near "$(json .data.lock.until)" $((DAY - 3600))
[ "$(json .data.lock.skew_ms)" -gt 3590000 ] || fail "the skew is not told"
of status "$skewed"
expect_contains "ahead of the store's"
[ "$(json .data.clock.skew_ms)" -gt 3590000 ] || fail "the skew is not told"
rm "$root/clock-offset"
of status "$skewed"
case $err in *"the store's"*) fail "warned of a clock that is right" ;; esac

begin "a copy is locked at its destination, by the options"
export_as fromfile "${in_file[@]}"
run si --json runpack copy "$(json .data.storage_uri)" --to-sink locker --to-config "root=$dir/copied" \
  --retain-for 3d --lock-mode compliance
expect_equal "$code" 0
expect_json .data.lock.mode COMPLIANCE
run si --json runpack status "$(json .data.storage_uri)" --sink locker --config "root=$dir/copied"
expect_json '[.data.complete, .data.all_locked, .data.weakest_mode]' '[true,true,"COMPLIANCE"]'

# --- a context with a policy ---------------------------------------------------------------------

# with_policy CONTEXT JSON: sets it.
with_policy() {
  printf '%s' "$2" >"$dir/policy.json"
  run si --json paas --context "$1" retention set --file "$dir/policy.json"
}
# sink_of CONTEXT PROVIDER JSON: its audit sink, as an operator would write it.
sink_of() {
  local config=$SI_PAAS_STATE_ROOT/contexts/$1/config.json
  jq --arg p "$2" --argjson c "$3" '.audit_sink = {provider: $p, config: $c}' "$config" >"$dir/.config"
  cat "$dir/.config" >"$config"
}
store=$dir/store
expect_exit 0 si paas context create a
sink_of a locker "{\"root\":\"$store\"}"

begin "a policy is set, shown and cleared; what is none is refused with what is wrong"
expect_exit 0 si --json paas --context a retention show
expect_json .data null
with_policy a '{"mode":"compliance","rules":[{"scenario":"op.*","min":"30d","max":"3650d"},{"scenario":"s","min":"10d","max":"20d"}]}'
expect_equal "$code" 0
expect_exit 0 si --json paas --context a retention show
expect_json '[.data.mode, .data.rules[1].min]' '["compliance","10d"]'
expect_exit 0 si paas --context a retention show
expect_contains "op.*"
expect_exit 0 si --json paas context show a
expect_json .data.retention.mode compliance
good=$(<"$SI_PAAS_STATE_ROOT/contexts/a/config.json")
while IFS='|' read -r policy why; do
  with_policy a "$policy"
  error_is 2 RETENTION_POLICY
  expect_contains "$why" "$(json .error.message)"
done <<'TABLE'
[]|no JSON object
{"rules":[]}|mode
{"mode":"hard","rules":[{"scenario":"*","min":"1d","max":"2d"}]}|mode
{"mode":"compliance","rules":[]}|rules
{"mode":"compliance","rules":[{"scenario":"*","min":"2d","max":"1d"}]}|less than min
{"mode":"compliance","rules":[{"scenario":"*","min":"2","max":"1d"}]}|min
{"mode":"compliance","rules":[{"scenario":"a*b","min":"1d","max":"1d"}]}|scenario
{"mode":"compliance","rules":[{"scenario":"*","min":"1d","max":"1d","mid":"1d"}]}|mid
{"mode":"compliance","rules":[{"scenario":"*","min":"1d","max":"1d"}],"replica":{"provider":"x"}}|replica
{"mode":"compliance","rules":[{"scenario":"*","min":"1d","max":"1d"}],"extra":1}|extra
TABLE
expect_equal "$(<"$SI_PAAS_STATE_ROOT/contexts/a/config.json")" "$good"
expect_exit 2 si paas retention clear
expect_equal "$(chain a | jq -r 'select(.action == "retention.set") | .status' | sort | uniq -c | xargs)" \
  '10 failed 1 ok'

begin "within the policy, or refused, with the limit in words; each is an event"
of_a() {
  local run=$1
  shift
  run si --json runpack --context a export --from "$dir/results" --spec "$dir/spec.json" \
    --namespace n --scenario "${scenario:-s}" --run "$run" --generated-at 1000 "$@"
}
of_a short --retain-for 9d
error_is 9 RETENTION_BELOW_MIN
expect_contains 10d "$(json .error.message)"
expect_equal "$(last_event a | jq -c '[.action,.status,.error.code,.fields["retain-for"]]')" \
  '["runpack.export","refused","RETENTION_BELOW_MIN","9d"]'
of_a long --retain-until 2099-01-01
error_is 9 RETENTION_ABOVE_MAX
expect_contains 20d "$(json .error.message)"
of_a weak --retain-for 10d --lock-mode governance
error_is 9 RETENTION_MODE
[ ! -e "$store/objects" ] || fail "something was stored"
of_a kept
expect_equal "$code" 0
expect_json .data.lock.mode COMPLIANCE
near "$(json .data.lock.until)" $((10 * DAY))
kept=$(json .data.storage_uri)
expect_equal "$(last_event a | jq -c '[.action,.status,.fields.mode,.fields.until]')" \
  "[\"runpack.export\",\"ok\",\"COMPLIANCE\",\"$(json .data.lock.until)\"]"
scenario=free of_a unruled
expect_json .data.lock null
run si --json runpack --context a lock "$kept" --retain-for 21d
error_is 9 RETENTION_ABOVE_MAX
run si --json runpack --context a lock "$kept" --retain-for 1d
error_is 4 LOCK_SHORTEN
expect_equal "$(last_event a | jq -c '[.action,.status,.error.code]')" \
  '["runpack.lock","failed","LOCK_SHORTEN"]'
expect_equal "$(chain a | jq -c 'select(.action == "runpack.lock" and .status == "started")')" ''
run si --json runpack --context a lock "$kept" --retain-for 15d
expect_equal "$code" 0
expect_equal "$(chain a | tail -n 2 | jq -c '[.action,.status,.fields.mode,.fields.runpack != null]')" \
  '["runpack.lock","started","COMPLIANCE",true]
["runpack.lock","ok","COMPLIANCE",true]'
export SI_PAAS_CONTEXT=a
run si --json runpack lock "$kept" --retain-for 16d
error_is 2 PAAS_CONTEXT_EXPLICIT
unset SI_PAAS_CONTEXT
run si --json runpack --context a copy "$kept" --to-sink locker --to-config "root=$dir/copy-a" --retain-for 1d
error_is 9 RETENTION_BELOW_MIN
run si --json runpack --context a copy "$kept" --to-sink file --to-config "root=$dir/copy-f"
error_is 1 LOCK_UNSUPPORTED
run si --json runpack --context a copy "$kept" --to-sink locker --to-config "root=$dir/copy-a"
expect_equal "$code" 0
near "$(json .data.lock.until)" $((10 * DAY))

begin "status tells who holds it and why, as the chain has it"
run si --json runpack --context a hold "$kept" --reason 'case <7> & "more"'
expect_equal "$code" 0
expect_exit 0 si --json runpack --context a status "$kept"
expect_json '.data.holds | map(.reason)' '["case <7> & \"more\""]'
[ -n "$(json '.data.holds[0].who')" ] || fail "nobody holds it"
expect_exit 0 si runpack --context a status "$kept"
expect_contains 'case <7>'
run si --json runpack --context a release "$kept" --reason done
expect_json .data.held 0
expect_exit 0 si --json runpack --context a status "$kept"
expect_json .data.holds '[]'
run si --json runpack --context a hold "$kept" --reason 'case 8'

# --- the evidence of operations ------------------------------------------------------------------

cat >"$dir/stack.yaml" <<'YAML'
services:
  web:
    image: test/nowhere:1
YAML
# operate CONTEXT NAME: an operation that fails, for there is no engine, and leaves its evidence.
operate() {
  run si --json paas --context "$1" project create "$2" --stack "$dir/stack.yaml" \
    --provisioner local --config "socket=$dir/no.sock"
  [ "$code" != 0 ] || fail "an operation without an engine succeeded"
  run si --json paas --context "$1" project show "$2" --stored
  operation=$(json '.data.operations[0].id')
  evidence=$(json '.data.operations[0].evidence')
}

begin "the evidence of an operation is locked by the policy before it counts as stored"
operate a first
expect_equal "$evidence" stored
expect_exit 0 si --json runpack --context a status --operation "$operation"
expect_json '[.data.complete, .data.all_locked, .data.weakest_mode]' '[true,true,"COMPLIANCE"]'
near "$(json .data.earliest_until)" $((30 * DAY))
expect_equal "$(chain a | jq -c 'select(.action == "evidence.store") | .fields.mode')" '"COMPLIANCE"'
expect_exit 0 si --json runpack verify --context a --operation "$operation" --require signed

begin "a sink that cannot lock leaves it pending, with nothing stored, until that is mended"
sink_of a file "{\"root\":\"$dir/unlocked\"}"
operate a second
expect_equal "$evidence" pending
[ -z "$(find "$dir/unlocked" -type f 2>/dev/null)" ] || fail "something was stored"
expect_equal "$(last_event a | jq -c '[.action,.status,.error.code]')" \
  '["runpack.export","failed","LOCK_UNSUPPORTED"]'
sink_of a locker "{\"root\":\"$store\",\"fault\":\"swallow\"}"
run si --json paas --context a reconcile --apply
run si --json paas --context a project show second --stored
expect_json '.data.operations[0].evidence' pending
sink_of a locker "{\"root\":\"$store\"}"
run si --json paas --context a reconcile --apply
run si --json paas --context a project show second --stored
expect_json '.data.operations[0].evidence' stored
expect_exit 0 si --json runpack --context a status --operation "$operation"
expect_json .data.all_locked true

begin "evidence that is complete and was never locked is locked before it counts"
cp "$SI_PAAS_STATE_ROOT/contexts/a/config.json" "$dir/with-policy.json"
sink_of a locker "{\"root\":\"$store\",\"fault\":\"not-locking\"}"
operate a third
expect_equal "$evidence" pending
expect_exit 0 si --json runpack export --context a --operation "$operation" --sink locker \
  --config "root=$dir/elsewhere"
expect_exit 0 si paas --context a retention clear
expect_exit 0 si runpack export --context a --operation "$operation" --sink locker --config "root=$store"
cat "$dir/with-policy.json" >"$SI_PAAS_STATE_ROOT/contexts/a/config.json"
expect_exit 0 si --json runpack --context a status --operation "$operation"
expect_json '[.data.complete, .data.all_locked]' '[true,false]'
run si --json paas --context a reconcile --apply
expect_exit 0 si --json runpack --context a status --operation "$operation"
expect_json '[.data.complete, .data.all_locked]' '[true,true]'
run si --json paas --context a project show third --stored
expect_json '.data.operations[0].evidence' stored

begin "an export that dies between an object and its lock is gone on with, whichever object it was"
for at in 1 3 6 7; do
  mkdir -p "$dir/crash-$at"
  echo "$at" >"$dir/crash-$at/crash-at"
  sink_of a locker "{\"root\":\"$dir/crash-$at\",\"fault\":\"crash-after-put\"}"
  operate a "crash-$at"
  expect_equal "$evidence" pending "at $at"
  [ "$at" != 7 ] || find "$dir/crash-7" -path '*/manifest.json/*' -delete
  found=$(contents "$dir/crash-$at")
  expect_exit 0 si --json runpack --context a status --operation "$operation" --sink locker \
    --config "root=$dir/crash-$at"
  sink_of a locker "{\"root\":\"$dir/crash-$at\"}"
  expect_exit 0 si --json runpack --context a status --operation "$operation"
  expect_json .data.complete false
  [ "$at" = 1 ] || [ "$(json '[.data.objects[] | select(.mode == "COMPLIANCE")] | length')" -gt 0 ] ||
    fail "the locked parts are not told"
  # The policy may have changed meanwhile: what is locked tells of the one before, and must stay.
  if [ "$at" = 7 ]; then
    with_policy a '{"mode":"compliance","rules":[{"scenario":"*","min":"40d","max":"3650d"}]}'
    expect_equal "$code" 0
  fi
  run si --json paas --context a reconcile --apply
  run si --json paas --context a project show "crash-$at" --stored
  expect_json '.data.operations[0].evidence' stored
  expect_exit 0 si --json runpack --context a status --operation "$operation"
  expect_json '[.data.complete, .data.all_locked]' '[true,true]'
  [ "$at" != 7 ] || near "$(json .data.earliest_until)" $((40 * DAY))
  expect_exit 0 si runpack verify --context a --operation "$operation"
  while read -r line; do
    expect_contains "$line" "$(contents "$dir/crash-$at")"
  done <<<"$found"
done
cat "$dir/with-policy.json" >"$SI_PAAS_STATE_ROOT/contexts/a/config.json"
compliance=$(find "$dir/crash-7" -path '*/compliance.json/*' -name '.v*' ! -name '*.lock')
expect_equal "$(wc -l <<<"$compliance")" 1
expect_equal "$(jq -r .policy.rule.min "$compliance")" 30d

begin "a replica has the same, under lock, before the evidence counts; it is caught up with"
with_policy a "{\"mode\":\"compliance\",\"rules\":[{\"scenario\":\"op.*\",\"min\":\"30d\",\"max\":\"60d\"}],
  \"replica\":{\"provider\":\"locker\",\"config\":{\"root\":\"$dir/replica\",\"fault\":\"swallow\"}}}"
expect_equal "$code" 0
sink_of a locker "{\"root\":\"$store\"}"
operate a replicated
expect_equal "$evidence" pending
expect_contains replica "$(last_event a | jq -r .error.message)"
with_policy a "{\"mode\":\"compliance\",\"rules\":[{\"scenario\":\"op.*\",\"min\":\"30d\",\"max\":\"60d\"}],
  \"replica\":{\"provider\":\"locker\",\"config\":{\"root\":\"$dir/replica\"}}}"
run si --json paas --context a reconcile --apply
run si --json paas --context a project show replicated --stored
expect_json '.data.operations[0].evidence' stored
for place in "$store" "$dir/replica"; do
  expect_exit 0 si --json runpack --context a status --operation "$operation" --sink locker \
    --config "root=$place"
  run si --json runpack --context a status "locker://$place/$(json .data.prefix)" --sink locker \
    --config "root=$place"
  expect_json '[.data.complete, .data.all_locked, .data.weakest_mode]' '[true,true,"COMPLIANCE"]'
done
cat "$dir/with-policy.json" >"$SI_PAAS_STATE_ROOT/contexts/a/config.json"
sink_of a locker "{\"root\":\"$store\"}"

begin "the log of an operation does not change once its evidence was begun"
compared=0
for log in "$SI_PAAS_STATE_ROOT"/contexts/a/operations/*.log; do
  id=$(basename "$log" .log)
  stored=$(find "$store" "$dir"/crash-* -path "*/run/$id/*/log.txt/.v*" ! -name '*.lock' | head -n 1)
  [ -n "$stored" ] || continue
  cmp "$log" "$stored" || fail "the log of $id has grown"
  compared=$((compared + 1))
done
[ "$compared" -ge 7 ] || fail "only $compared logs were compared"

# --- pruning, two at once ------------------------------------------------------------------------

begin "what is locked is not pruned, and named with its end; the rest goes"
pruned=$dir/pruned
export_as locked --sink locker --config "root=$pruned" --retain-for 30d
locked_until=$(json .data.lock.until)
locked_uri=$(json .data.storage_uri)
export_as free --sink locker --config "root=$pruned"
export_as part --sink locker --config "root=$pruned"
part=$(json .data.prefix)
find "$pruned/objects/$part/manifest.json" -delete
run si --json runpack lock "locker://$pruned/$part" --sink locker --config "root=$pruned" --retain-for 5d
expect_equal "$code" 0
expect_json '[.data.complete, .data.all_locked]' '[false,true]'
# One of its objects is free again.
rm "$pruned/objects/$part/artifacts/a.txt"/.v*.lock
find "$pruned" -exec touch -h -d '2 days ago' {} +
prune=(si --json runpack prune --sink locker --config "root=$pruned" --incomplete --complete --older-than 1d --yes)
run "${prune[@]}" --dry-run
expect_equal "$code" 0
expect_json '[.data.items[] | select(.locked_until) | .prefix] | length' 2
run "${prune[@]}"
error_is 1 RUNPACK_PRUNE_LOCKED
expect_json '[.data.items[] | [.kind, .outcome]] | sort' \
  '[["complete","kept"],["complete","removed"],["incomplete","kept"]]'
expect_contains "$locked_until" "$(json '.data.items[] | select(.kind == "complete" and .outcome == "kept") | .message')"
run si --json runpack status "$locked_uri" --sink locker --config "root=$pruned"
expect_json '[.data.complete, .data.all_locked]' '[true,true]'
run si --json runpack status "locker://$pruned/$part" --sink locker --config "root=$pruned"
expect_json '[.data.objects[] | .key]' '["artifacts/b.bin","artifacts/spec.json"]'

begin "two that lock the same at once both end well, or one is told why not"
export_as both "${in_locker[@]}"
both=$(json .data.storage_uri)
for days in 10 20 30; do
  si --json runpack lock "$both" "${in_locker[@]}" --retain-for "${days}d" >"$dir/both.$days" 2>&1 &
done
wait
of status "$both"
expect_json .data.all_locked true
for days in 10 20 30; do
  jq -e '.ok or .error.code == "LOCK_SHORTEN" or .error.code == "LOCK_MISSING"' "$dir/both.$days" >/dev/null ||
    fail "$(cat "$dir/both.$days")"
done
near "$(json .data.earliest_until)" $((30 * DAY))
for i in 1 2; do
  export_as race "${in_locker[@]}" --retain-for 1d >/dev/null 2>&1 &
done
wait
export_as race "${in_locker[@]}" --retain-for 1d
error_is 4 RUNPACK_EXISTS

# --- attestations --------------------------------------------------------------------------------

begin "an attestation is what openssl verifies, and si checks offline"
run si --json runpack --context a attest "$kept" --output "$dir/attestation.json"
expect_equal "$code" 0
statement=$dir/attestation.json
expect_equal "$(jq -c '[.schema, .all_locked, .weakest_mode, (.objects | length), ([.objects[] | select(.sha256)] | length)]' \
  "$statement")" '["si.attestation/1",true,"COMPLIANCE",5,5]'
expect_equal "$(jq -c '[.objects[] | .held] | unique' "$statement")" '[true]'
si runpack key show --context a >"$dir/a.pem"
printf 'si.attestation/1 sha256:%s' \
  "$(jq -jcS 'del(.signature)' "$statement" | sha256sum | cut -d' ' -f1)" >"$dir/message"
printf '%b' "$(jq -r .signature.value "$statement" | sed 's/../\\x&/g')" >"$dir/signature"
openssl pkeyutl -verify -pubin -inkey "$dir/a.pem" -rawin -in "$dir/message" \
  -sigfile "$dir/signature" >/dev/null || fail "openssl does not verify it"
away=(env SI_PAAS_STATE_ROOT="$dir/nowhere" "$SI_PREFIX/bin/si" --json runpack attest --check)
run "${away[@]}" "$statement" --key "$dir/a.pem" --require signed
expect_equal "$code" 0
expect_json '[.data.trusted, .data.statement.all_locked]' '[true,true]'
run "${away[@]}" "$statement"
expect_equal "$code" 0
expect_json .data.trusted false
run "${away[@]}" "$statement" --key "$dir/own.pem"
error_is 8 ATTESTATION_UNTRUSTED_KEY
run "${away[@]}" "$statement" --require signed
expect_equal "$code" 2
expect_exit 0 si runpack attest --check "$statement" --context a
expect_contains "COMPLIANCE"
expect_equal "$(last_event a | jq -c '[.action, .status, .fields.mode]')" '["runpack.attest","ok","COMPLIANCE"]'
jq -cjS '.earliest_until = "2999-01-01T00:00:00.000Z"' "$statement" >"$dir/forged.json"
run "${away[@]}" "$dir/forged.json" --key "$dir/a.pem"
error_is 8 ATTESTATION_SIGNATURE
jq . "$statement" >"$dir/pretty.json"
run "${away[@]}" "$dir/pretty.json" --key "$dir/a.pem"
error_is 8 ATTESTATION_INVALID
echo '{}' >"$dir/empty.json"
run "${away[@]}" "$dir/empty.json"
error_is 8 ATTESTATION_INVALID
run "${away[@]}" "$dir/none.json"
expect_equal "$code" 3
of attest "$uri"
error_is 2 CLI_USAGE
of attest "$uri" --sign-key "$dir/own.key"
expect_equal "$code" 0
printf '%s' "$out" | jq -cjS .data >"$dir/own.json"
run "${away[@]}" "$dir/own.json" --key "$dir/own.pem"
expect_equal "$code" 0
of attest "$plain" --sign-key "$dir/own.key" # not for as long as others: it says so
expect_json .data.weakest_mode GOVERNANCE
printf x >>"$(find "$dir/swallow" -path '*run/q/*/a.txt/.v*' ! -name '*.lock')"
run si --json runpack attest "$(si --json runpack list --sink locker --config "root=$dir/swallow" |
  jq -r '.data[] | select(.run == "q") | .storage_uri')" --sink locker --config "root=$dir/swallow" \
  --sign-key "$dir/own.key"
error_is 8 RUNPACK_VERIFY_FAILED

# --- the report ----------------------------------------------------------------------------------

begin "the report has every attempt with its outcome, and how every runpack is locked now"
report() {
  run si --json runpack --context a compliance-report --from 2026-01-01 --to "$(date -d '+1 day' +%F)" \
    --output "$dir/report.json" --page "$dir/report.html" "$@"
}
report
expect_equal "$code" 0
told=$(jq -c 'select(.action | test("^(runpack\\.(lock|hold|release|prune|export|copy|attest)|evidence\\.store|retention\\.(set|clear))$"))' \
  <<<"$(chain a)" | wc -l)
expect_equal "$(jq '.attempts | length' "$dir/report.json")" "$told"
expect_equal "$(jq -r '[.schema, .chain.status, .policy.mode] | join(" ")' "$dir/report.json")" \
  'si.compliance-report/1 good compliance'
for code_of in RETENTION_BELOW_MIN RETENTION_ABOVE_MAX RETENTION_MODE LOCK_SHORTEN LOCK_UNSUPPORTED; do
  jq -e --arg c "$code_of" '.attempts[] | select(.code == $c and .outcome != "ok")' "$dir/report.json" \
    >/dev/null || fail "$code_of is not in the report"
done
jq -e --arg p "${kept#locker://"$store"/}" \
  '.runpacks[] | select(.prefix == $p and .all_locked and .held == 5 and .weakest_mode == "COMPLIANCE")' \
  "$dir/report.json" >/dev/null || fail "a runpack is not told as it is locked"
expect_equal "$(jq '[.runpacks[] | .prefix] | length' "$dir/report.json")" \
  "$(jq '[.runpacks[] | .prefix] | unique | length' "$dir/report.json")"
expect_equal "$(jq -r '.attempts[] | select(.action == "runpack.hold") | .reason' "$dir/report.json" | sort -u |
  head -n 1)" 'case 8'
grep -q 'case &lt;7&gt; &amp; &quot;more&quot;' "$dir/report.html" || fail "a reason is not escaped"
! grep -qi '<script\|http-equiv="refresh"\|src=\|href=' "$dir/report.html" || fail "the page is not self-contained"
python3 - "$dir/report.html" <<'PY' || fail "the page is not well-formed"
import sys
from html.parser import HTMLParser
class P(HTMLParser):
    stack = []
    def handle_starttag(self, tag, attrs):
        if tag != "meta": self.stack.append(tag)
    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, tag
p = P(); p.feed(open(sys.argv[1]).read()); p.close()
assert not p.stack, p.stack
PY
run si --json runpack --context a compliance-report --from 2001-01-01 --to 2001-01-02
expect_equal "$code" 0
expect_json '.data.attempts | length' 0
[ "$(json '.data.runpacks | length')" -gt 2 ] || fail "what stands in the store is not told"
run si runpack --context a compliance-report --from 2026-02-01 --to 2026-01-01
expect_equal "$code" 2
mkdir -p "$dir/work/.git/objects" "$dir/work/.git/refs"
printf 'ref: refs/heads/main\n' >"$dir/work/.git/HEAD"
report --output "$dir/work/report.json"
[ "$code" != 0 ] || fail "a report went into a repository"

begin "a store that is away keeps nothing back of the chain; a clock that is off is told"
echo -7200000 >"$store/clock-offset"
report
[ "$(jq .store.clock.skew_ms "$dir/report.json")" -gt 7190000 ] || fail "the skew is not told"
rm "$store/clock-offset"
sink_of a locker "{\"root\":\"/proc/nowhere\"}"
report
[ "$code" != 0 ] || fail "a store that is away was passed over"
expect_equal "$(jq '.attempts | length' "$dir/report.json")" "$told"
sink_of a locker "{\"root\":\"$store\"}"

begin "a broken chain is said in the report, with what came before"
events=$SI_PAAS_STATE_ROOT/contexts/a/events/audit.jsonl
cp "$events" "$dir/events"
sed -i '20s/"severity":"[a-z]*"/"severity":"minor"/' "$events"
report
error_is 8 EVENTS_TAMPERED
expect_equal "$(jq -r .chain.status "$dir/report.json")" broken
[ "$(jq '.attempts | length' "$dir/report.json")" -lt "$told" ] || fail "what comes behind was believed"
grep -q BROKEN "$dir/report.html" || fail "the page does not say it"
cat "$dir/events" >"$events"
report
expect_equal "$code" 0
expect_exit 0 si paas events verify --context a

begin "the policy goes with a context's settings to another"
expect_exit 0 si paas context export a --output "$dir/a.json"
expect_exit 0 si paas context import "$dir/a.json" --name b
expect_exit 0 si --json paas --context b retention show
expect_json .data.mode compliance

begin "an export by hand that dies is gone on with by those who store pending evidence"
mkdir "$dir/by-hand"
sink_of a file "{\"root\":\"$dir/unlocked\"}"
operate a by-hand
expect_equal "$evidence" pending
echo 7 >"$dir/by-hand/crash-at"
run si --json runpack --context a export --operation "$operation" --sink locker \
  --config "root=$dir/by-hand" --config fault=crash-after-put --retain-for 31d --hold 'by hand'
[ "$code" != 0 ] || fail "it did not die"
find "$dir/by-hand" -path '*/manifest.json/*' -delete
sink_of a locker "{\"root\":\"$dir/by-hand\"}"
run si --json paas --context a reconcile --apply
run si --json paas --context a project show by-hand --stored
expect_json '.data.operations[0].evidence' stored
expect_exit 0 si --json runpack --context a status --operation "$operation"
expect_json '[.data.complete, .data.all_locked]' '[true,true]'
