#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A property: random commands in one context leave every byte, mode, owner, time and inode of every
# other context as it was. Two bystanders, one of them with a --state-root; both hold a project, its
# evidence, events, and secrets, under the same names as the context that is worked on. R6, R8, R19.
#
#   SI_PROPERTY_N     how many commands (default 2000, or a part of it: SI_TEST_EVERY)
#   SI_PROPERTY_SEED  which ones; a failure tells the seed
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

: "${SI_TEST_PLUGINS:?is the directory of the misbehaving plugins; ctest sets it}"
plugin_tree misbehave
count=${SI_PROPERTY_N:-$(swept 2000)}
seed=${SI_PROPERTY_SEED:-$((($(date +%s) + $$) % 32768))}
RANDOM=$seed
contexts=$SI_PAAS_STATE_ROOT/contexts
printf 'services:\n  web:\n    image: x:1\n' >"$dir/stack.yaml"
printf 'a value of a secret' >"$dir/value"


# --- the bystanders ------------------------------------------------------------------------------

populate() { # CONTEXT
  expect_exit 0 si paas --context "$1" project create wiki --stack "$dir/stack.yaml" \
    --provisioner misbehave --config do=good
  expect_exit 1 si paas --context "$1" project create broken --stack "$dir/stack.yaml" \
    --provisioner misbehave --config do=abort
  expect_exit 0 si vault init --context "$1" --no-input
  expect_exit 0 si vault set TOKEN --context "$1" --file "$dir/value"
}
expect_exit 0 si paas context create worked --type demo
expect_exit 0 si paas context create beside --type demo
expect_exit 0 si paas context create away --state-root "$dir/disk/away" --type demo
for name in worked beside away; do populate "$name"; done
places=("$contexts/beside" "$contexts/away" "$dir/disk/away")
keys=$SI_PAAS_STATE_ROOT/keys

# Everything about them that can be told apart, but when they were read.
snapshot() {
  {
    find "${places[@]}" -printf '%p %y %i %m %U %G %s %T@ %l\n'
    [ ! -d "$keys" ] || find "$keys" \( -name 'beside*' -o -name 'away*' \) -printf '%p %i %m %s %T@\n'
  } | LC_ALL=C sort
  find "${places[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  [ ! -d "$keys" ] || find "$keys" \( -name 'beside*' -o -name 'away*' \) -type f -print0 |
    LC_ALL=C sort -z | xargs -0r sha256sum
}
snapshot >"$dir/before"

# --- the commands --------------------------------------------------------------------------------

# @P: a project's name, @K: a secret's, @O: an operation, @F: a new file, @S: a seed of ours. The
# bystanders are named only by what must not change them: reading, and `init` of what is there. A
# refused attempt to replace one would be told in its own audit chain (events.sh).
table=(
  "paas --context worked project create @P --stack $dir/stack.yaml --provisioner misbehave --config do=good"
  "paas --context worked project create @P --stack $dir/stack.yaml --provisioner misbehave --config do=abort"
  "paas --context worked project create @P --stack $dir/stack.yaml --provisioner nobody"
  "paas --context worked project retry @P --config do=good"
  "paas --context worked project delete @P --yes --confirm @P"
  "paas --context worked project list --all"
  "paas --context worked --json project show @P --stored"
  "paas --context worked reconcile"
  "paas --context worked reconcile --apply"
  "paas context use worked"
  "paas context list"
  "paas context show worked"
  "paas context show beside"
  "paas context show away"
  "paas context init beside --type demo"
  "paas context init away --type demo --state-root $dir/disk/away"
  "paas context create greedy --vault-file $contexts/beside/vault/secrets.env"
  "paas context export worked --output @F"
  "paas context export beside"
  "paas context import $dir/export.json --name made-@N"
  "paas context create made-@N"
  "paas context remove made-@N --yes --confirm made-@N"
  "paas context reset worked --yes --confirm worked"
  "paas context adopt worked --yes --confirm worked"
  "paas --context worked events list --limit 5"
  "paas --context worked events verify"
  "paas --context beside events list"
  "paas --context beside events verify"
  "paas --context away project list"
  "runpack list --context worked"
  "runpack list --context beside"
  "runpack export --context worked --operation @O --sink file --config root=$dir/evidence"
  "runpack verify --context worked --operation @O"
  "runpack copy --context worked --operation @O --to-sink file --to-config root=$dir/copies"
  "runpack prune --context worked --incomplete --yes"
  "vault set @K --context worked --file $dir/value"
  "vault list --context worked"
  "vault list --context beside"
  "vault unset @K --context worked"
  "vault rotate --context worked --no-input"
  "vault recipients list --context worked"
  "paas secret set --context worked --app @P @K --file $dir/value"
  "paas secret list --context worked --app @P"
  "paas secret unset --context worked --app @P @K"
  "paas --context worked alert policy show"
  "paas --context worked alert test"
  "paas --context worked alert history"
  "paas --context beside alert history"
  "paas doctor --context worked"
  "plugin list"
)
projects=(wiki broken p1 p2 p3)
secrets=(TOKEN DB_PASSWORD KEY_1)
expect_exit 0 si paas context export worked --output "$dir/export.json"

operation() {
  si --json paas --context worked project show wiki --stored --deleted 2>/dev/null |
    jq -r '.data.operations[0].id // "op-none"'
}

begin "$count random commands in one context change nothing of the others (seed $seed)"
declare -A worked
recent=()
for ((i = 1; i <= count; i++)); do
  row=$((RANDOM % ${#table[@]}))
  line=${table[row]}
  line=${line//@P/${projects[RANDOM % ${#projects[@]}]}}
  line=${line//@K/${secrets[RANDOM % ${#secrets[@]}]}}
  line=${line//@N/$((RANDOM % 4))}
  line=${line//@F/$dir/out-$i.json}
  case $line in *@O*) line=${line//@O/$(operation)} ;; esac
  # shellcheck disable=SC2086
  run si $line </dev/null
  [ "$code" -lt 128 ] || [ "$code" = 130 ] || fail "si died of it: $line"
  [ "$code" != 0 ] || worked[$row]=1
  recent+=("$code si $line")
  if [ $((i % 10)) = 0 ] || [ "$i" = "$count" ]; then
    snapshot >"$dir/after"
    cmp -s "$dir/before" "$dir/after" || {
      diff "$dir/before" "$dir/after" >&2
      printf '  %s\n' "${recent[@]}" >&2
      fail "one of these changed another context; SI_PROPERTY_SEED=$seed"
    }
    recent=()
  fi
done

begin "most of them did something, so there was something to leak"
printf '  %s of %s kinds of command went through at least once\n' "${#worked[@]}" "${#table[@]}"
[ "${#worked[@]}" -ge $((count < 400 ? 5 : 25)) ] || fail "too few went through"
[ "$(jq -s length "$contexts/worked/events/audit.jsonl")" -gt $((count / 20)) ] ||
  fail "the context that was worked on has hardly an event"
for name in worked beside away; do expect_exit 0 si paas --context "$name" events verify; done
