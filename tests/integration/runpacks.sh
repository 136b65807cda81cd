#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runpacks in their stores: found by URI, copied between two of them, and pruned, also of what a
# killed writer left. R47, R48, R50, R52, R65.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

: "${SI_TEST_PLUGINS:?is the directory of the misbehaving plugins; ctest sets it}"
one=$dir/one two=$dir/two
mkdir "$dir/results" "$dir/results/logs"
printf 'hello\n' >"$dir/results/a.txt"
head -c 300000 /dev/urandom >"$dir/results/logs/b.bin"
printf '{"what":"a test"}' >"$dir/spec.json"

# export_to ROOT RUN [CLOCK]
export_to() {
  local root=$1 run=$2 clock=${3:-1000}
  run si --json runpack export --from "$dir/results" --spec "$dir/spec.json" --tenant t \
    --namespace n --scenario s --run "$run" --generated-at "$clock" --sink file \
    --config "root=$root"
}
# of_store ROOT COMMAND...
of_store() {
  local root=$1
  shift
  run si --json runpack "$@" --sink file --config "root=$root"
}
error_is() {
  local wanted=$1 why=$2
  expect_equal "$code" "$wanted"
  expect_json .error.code "$why"
}
files() { (cd "$1" && find . -type f -printf '%P\n' | sort); }
sums() { (cd "$1" && find . -type f -exec sha256sum {} + | sort); }
age() { find "$1" -exec touch -h -d "$2" {} +; }
temporary() { find "$1" -name '.si-*' 2>/dev/null | grep -q .; }

# --- URIs ----------------------------------------------------------------------------------------

begin "an export tells where it is, and it verifies by that URI and by its directory"
export_to "$one" r1
expect_equal "$code" 0
prefix=$(json .data.prefix)
uri=$(json .data.storage_uri)
expect_equal "$uri" "file://$one/$prefix"
for place in "$uri" "$uri/" "$one/$prefix"; do
  expect_exit 0 si runpack verify "$place"
done
expect_exit 0 si runpack verify "$uri/" --sink file --config "root=$one/"
expect_exit 0 si runpack verify "$uri" --config "root=$one"
of_store "$one" list
expect_json '[.data[] | [.run, .complete, .objects, .storage_uri]]' \
  "[[\"r1\",true,\"4\",\"$uri\"]]"
expect_exit 0 si --json runpack show "$uri"
expect_json .data.storage_uri "$uri"
expect_exit 0 si runpack list --sink file --config "root=$one"
expect_contains AGE "$out"

begin "a URI that is none, or not of a runpack in the store that is configured, is refused"
mkdir "$two"
while read -r what root; do
  run si --json runpack verify "$what" ${root:+--config "root=$root"}
  error_is 2 RUNPACK_URI
done <<TABLE
$uri $two
file://$one/tenant/t $one
file://$one $one
file://$one-else/$prefix $one
file://${one}x$prefix $one
$uri/artifacts $one
file://relative
file:///a%2
file:///a%00b
File:///$one
TABLE
run si --json runpack verify "s3://bucket/$prefix" --sink file --config "root=$one"
error_is 2 RUNPACK_URI
run si --json runpack verify "s3://bucket/$prefix"
expect_equal "$code" 2 # no store is named
odd="$dir/with space%"
cp -r "$one" "$odd"
of_store "$odd" list
odd_uri=$(json '.data[0].storage_uri')
expect_contains "/with%20space%25/tenant/" "$odd_uri"
expect_exit 0 si runpack verify "$odd_uri"

# --- copying -------------------------------------------------------------------------------------

# copy_to ROOT PLACE [OPTION...]
copy_to() {
  local root=$1
  shift
  run si --json runpack copy "$@" --to-sink file --to-config "root=$root"
}

begin "a copy has every byte, at the same place, and verifies"
copy_to "$two" "$uri"
expect_equal "$code" 0
expect_json .data.storage_uri "file://$two/$prefix"
expect_json .data.already false
diff -r "$one" "$two" || fail "the copy differs"
expect_exit 0 si runpack verify "file://$two/$prefix"
before=$(sums "$two")

begin "what is there already is success, and another runpack at its place is never overwritten"
copy_to "$two" "$one/$prefix"
expect_equal "$code" 0
expect_json .data.already true
other=$dir/other
export_to "$other" r1 2000 # the same ids, another manifest
expect_equal "$(json .data.prefix)" "$prefix"
copy_to "$two" "file://$other/$prefix"
error_is 4 RUNPACK_EXISTS
expect_equal "$(sums "$two")" "$before"

begin "a plain directory goes to the place that its manifest says"
cp -r "$one/$prefix" "$dir/plain"
copy_to "$dir/three" "$dir/plain"
expect_equal "$code" 0
diff -r "$one" "$dir/three" || fail "the copy differs"

begin "what does not verify is not copied"
cp -r "$one" "$dir/bad"
printf x >>"$dir/bad/$prefix/artifacts/a.txt"
copy_to "$dir/four" "$dir/bad/$prefix"
error_is 8 RUNPACK_VERIFY_FAILED
expect_json .error.stage source
expect_json .error.target artifacts/a.txt
[ -z "$(ls -A "$dir/four" 2>/dev/null)" ] || fail "something was copied"
mkdir -p "$dir/repository/.git/objects" "$dir/repository/.git/refs"
printf 'ref: refs/heads/main\n' >"$dir/repository/.git/HEAD"
copy_to "$dir/repository/store" "$uri"
error_is 9 STATE_ROOT_IN_REPOSITORY

# --- a killed writer -----------------------------------------------------------------------------

begin "a copy that is killed is incomplete; what it left is swept, or another copy completes it"
mkdir "$dir/large"
truncate -s 256M "$dir/large/zeros"
big=(--max-artifact-bytes 1000000000)
run si --json runpack export --from "$dir/large" --spec "$dir/spec.json" --tenant t --namespace n \
  --scenario s --run big --sink file --config "root=$dir/source" "${big[@]}"
expect_equal "$code" 0
big_prefix=$(json .data.prefix)
# killed ROOT COMMAND...: killed without a word while an object is being written below ROOT.
killed() {
  local root=$1 writer
  shift
  "$SI_PREFIX/bin/si" "$@" >/dev/null 2>&1 &
  writer=$!
  until temporary "$root"; do
    kill -0 "$writer" 2>/dev/null || fail "it was too fast to be killed"
  done
  kill -9 "$writer"
  wait "$writer" 2>/dev/null
}
killed "$dir/target" runpack copy "$dir/source/$big_prefix" "${big[@]}" --to-sink file \
  --to-config "root=$dir/target"
until_true 10 temporary "$dir/target"
[ ! -e "$dir/target/$big_prefix/manifest.json" ] || fail "it has a manifest"
of_store "$dir/target" prune --incomplete --yes
expect_equal "$code" 0
expect_json .data.planned 0 # all of it is young
temporary "$dir/target" || fail "a writer's object was taken from it"
cp -r "$dir/target" "$dir/again"
age "$dir/target" "2 days ago"
of_store "$dir/target" prune --incomplete --yes
expect_equal "$code" 0
expect_json '[.data.items[] | select(.outcome != "removed")]' '[]'
expect_equal "$(files "$dir/target")" ''
copy_to "$dir/again" "$dir/source/$big_prefix" "${big[@]}"
expect_equal "$code" 0
expect_exit 0 si runpack verify "$dir/again/$big_prefix" "${big[@]}"
age "$dir/again" "2 days ago"
of_store "$dir/again" prune --incomplete --yes
expect_equal "$code" 0
expect_equal "$(files "$dir/again")" "$(files "$dir/source")" # the first copier's object went
rm -rf "$dir/again" "$dir/target" "$dir/source"

begin "of an export that is killed nothing is left after a prune"
killed "$dir/target" runpack export --from "$dir/large" --spec "$dir/spec.json" --tenant t \
  --namespace n --scenario s --run big --sink file --config "root=$dir/target" "${big[@]}"
printf 'mine' >"$dir/target/readme"
age "$dir/target" "2 days ago"
of_store "$dir/target" prune --incomplete --yes
expect_equal "$code" 0
expect_json '[.data.items[].kind] | unique | index("unfinished") != null' true
expect_equal "$(files "$dir/target")" readme
rm -rf "$dir/target" "$dir/large"

# --- pruning -------------------------------------------------------------------------------------

store=$dir/store
for name in whole dead fresh; do
  export_to "$store" "$name"
  expect_equal "$code" 0
done
place_of() { find "$store/tenant" -path "*/run/$1/*" -prune; }
rm "$(place_of dead)/manifest.json"
printf 'mine' >"$(place_of dead)/notes.txt"
printf 'mine' >"$store/readme"
age "$store" "3 days ago"
rm "$(place_of fresh)/manifest.json"
touch "$(place_of fresh)/artifacts/a.txt"
before=$(sums "$store")

begin "a dry run shows what would go, and why, and changes nothing"
expect_exit 0 si runpack prune --incomplete --sink file --config "root=$store" --dry-run
expect_contains "incomplete: it has no manifest" "$out"
of_store "$store" prune --incomplete --dry-run
expect_json '[.data.items[] | [.kind, .outcome, .objects]]' '[["incomplete","planned","3"]]'
expect_json '[.data.young, .data.foreign, .data.removed]' '["1","2","0"]'
expect_equal "$(sums "$store")" "$before"

begin "what is to go, and how old it must be, is said; nothing goes unasked"
of_store "$store" prune
error_is 2 CLI_USAGE
of_store "$store" prune --complete
error_is 2 CLI_USAGE
for age in 0d 5 3x -1h 40000d 00d; do
  of_store "$store" prune --incomplete "--older-than=$age"
  error_is 2 CLI_USAGE
done
of_store "$store" prune --incomplete
error_is 2 CLI_CONFIRM_REQUIRED
of_store "$store" prune --incomplete --no-input
error_is 2 CLI_CONFIRM_REQUIRED
of_store "$store" prune --incomplete --under ../t --yes
error_is 2 RUNPACK_ID_INVALID
expect_equal "$(sums "$store")" "$before"

begin "the age is respected"
of_store "$store" prune --incomplete --older-than 4d --yes
expect_equal "$code" 0
expect_json .data.planned 0
of_store "$store" prune --complete --older-than 96h --yes
expect_json .data.planned 0
of_store "$store" prune --incomplete --under tenant/other --yes
expect_json .data.planned 0
expect_equal "$(sums "$store")" "$before"

begin "an incomplete runpack goes, and nothing else"
of_store "$store" prune --incomplete --yes
expect_equal "$code" 0
expect_json '[.data.planned, .data.removed, .data.kept]' '["1","1","0"]'
expect_equal "$(sums "$store" | grep -v /dead/)" "$(printf '%s\n' "$before" | grep -v /dead/)"
expect_equal "$(find "$(place_of dead)" -type f -printf '%P')" notes.txt
expect_exit 0 si runpack verify "$(place_of whole)"
of_store "$store" prune --incomplete --yes
expect_json .data.planned 0

begin "a complete runpack goes where that was asked for"
of_store "$store" prune --complete --older-than 2d --yes
expect_equal "$code" 0
expect_json '[.data.items[] | [.kind, .outcome]]' '[["complete","removed"]]'
expect_equal "$(place_of whole)" ''
[ -f "$(place_of fresh)/artifacts/a.txt" ] || fail "a young one went"

begin "what cannot be removed is named, and does not keep the others"
touch "$store/probe"
if chattr +i "$store/probe" 2>/dev/null; then
  chattr -i "$store/probe"
  export_to "$store" locked && export_to "$store" zlast
  age "$store" "3 days ago"
  chattr +i "$(place_of locked)/manifest.json"
  on_exit chattr -R -i "$store"
  of_store "$store" prune --complete --older-than 1d --yes
  chattr -i "$(place_of locked)/manifest.json"
  [ "$code" != 0 ] || fail "it is said to have worked"
  expect_exit 0 si runpack verify "$(place_of locked)" # its artifacts stayed
else
  printf '  (not run: no file can be made immutable here)\n'
fi

# --- a store that lacks something ----------------------------------------------------------------

begin "a store that cannot remove, or tell the unfinished, says so by name"
plugin_tree bare-store vain-store
for id in bare-store vain-store; do
  expect_exit 0 si --json runpack list --sink "$id"
  expect_json '[.data[] | [.run, .complete, .storage_uri]]' '[["r",false,null]]'
  expect_exit 0 si --json runpack prune --incomplete --sink "$id" --dry-run
  expect_json '[.data.planned, .data.unfinished_known]' '["1",false]'
  run si --json runpack prune --incomplete --sink "$id" --yes
  error_is 1 PROVIDER_UNSUPPORTED
  expect_contains "the store \"$id\" cannot remove objects" "$(json .error.message)"
  run si --json runpack verify "$id://x/y"
  expect_equal "$code" 2
  run si --json runpack verify "$id://x/y" --sink "$id"
  error_is 1 PROVIDER_UNSUPPORTED
done

# --- a store that does not keep what it took ------------------------------------------------------

begin "an export that is read back from a store that keeps nothing has failed"
plugin_tree misbehave forgetful-store
expect_exit 0 si runpack export --from "$dir/results" --spec "$dir/spec.json" --tenant t \
  --namespace n --scenario s --run r --sink forgetful-store
run si --json runpack export --from "$dir/results" --spec "$dir/spec.json" --tenant t \
  --namespace n --scenario s --run r --sink forgetful-store --verify
error_is 8 RUNPACK_VERIFY_FAILED
expect_contains "holds nothing of it" "$(json .error.message)"

begin "evidence in a store that keeps nothing stays pending, and goes where it is kept"
printf 'services:\n  web:\n    image: x:1\n' >"$dir/stack.yaml"
expect_exit 0 si paas context create f
config=$SI_PAAS_STATE_ROOT/contexts/f/config.json
kept=$(cat "$config")
jq '.audit_sink = {provider: "forgetful-store", config: {}}' <<<"$kept" >"$config"
expect_exit 0 si paas --context f project create blog --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=good
expect_contains "the evidence stays pending: the store took the runpack, and holds nothing of it"
pending() {
  expect_exit 0 si --json paas --context f project show blog --stored
  expect_json '.data.operations[0].evidence' "$1"
}
pending pending
run si --json paas --context f reconcile --apply
expect_equal "$code" 8
pending pending
printf '%s\n' "$kept" >"$config"
expect_exit 0 si paas --context f reconcile --apply
pending stored

# --- a context's own store -----------------------------------------------------------------------

begin "the evidence of a context is pruned and copied with its name, and each is in its chain"
plugin_tree misbehave
expect_exit 0 si paas context create c
expect_exit 0 si paas context create d
for name in c d; do
  expect_exit 0 si paas --context "$name" project create blog --stack "$dir/stack.yaml" \
    --provisioner misbehave --config do=good
done
operation=$(si --json paas --context c project show blog --stored | jq -r '.data.operations[0].id')
expect_exit 0 si paas context use c
copy_to "$dir/safe" --context c --operation "$operation"
expect_equal "$code" 0
operation_prefix=$(json .data.prefix)
expect_exit 0 si runpack verify "$dir/safe/$operation_prefix"
packs=$SI_PAAS_STATE_ROOT/contexts/c/runpacks
expect_exit 0 si runpack verify "file://$packs/$operation_prefix"
run si --json runpack verify --context c "s3://bucket/$operation_prefix"
error_is 2 RUNPACK_URI
expect_contains '"file"' "$(json .error.message)"
age "$packs" "3 days ago"
before=$(sums "$packs")
run si --json runpack prune --complete --older-than 1d --yes
error_is 2 PAAS_CONTEXT_EXPLICIT
run si --json runpack prune --context c --complete --older-than 1d --yes --under tenant/d
error_is 2 RUNPACK_PRUNE_UNDER
run si --json runpack prune --context c --complete --older-than 1d --yes --under tenant/cc
error_is 2 RUNPACK_PRUNE_UNDER
expect_equal "$(sums "$packs")" "$before"
expect_exit 0 si --json runpack prune --context c --complete --older-than 1d --yes
expect_json '[.data.planned, .data.removed, .data.under]' '["1","1","tenant/c"]'
expect_equal "$(files "$packs")" ''
expect_exit 0 si runpack verify "$dir/safe/$operation_prefix"
expect_exit 0 si --json paas --context c events list --limit 6
expect_json '[.data[] | select(.action | startswith("runpack.")) | .action[8:] + " " + .status]' \
  '["prune ok","prune started","prune failed","prune failed","copy ok"]'
expect_json '[.data[] | select(.status == "started")][0].fields.runpacks[0]' "$operation_prefix"
expect_exit 0 si paas --context c events verify
expect_exit 0 si paas --context d events verify

# --- a full destination --------------------------------------------------------------------------

if [ "$(id -u)" != 0 ]; then
  printf '  (not run, a full destination: mounting needs root)\n'
  exit 0
fi
begin "a destination that is full: a clear error, no manifest, and well once there is room"
unset SI_PLUGIN_DIR
# shellcheck disable=SC2016
expect_exit 0 unshare --mount --propagation private bash -c '
  si=$1 place=$2 prefix=$3 small=$4
  mkdir "$small" && mount -t tmpfs -o size=200k,mode=700 tmpfs "$small" || exit 77
  "$si" --json runpack copy "$place" --to-sink file --to-config "root=$small/s" >"$small.out"
  echo "$? $(jq -r .error.code "$small.out")"
  find "$small" -name manifest.json -o -name ".si-*"
  mount -o remount,size=4m "$small"
  "$si" -q runpack copy "$place" --to-sink file --to-config "root=$small/s" >"$small.out" &&
    "$si" -q runpack verify "$small/s/$prefix" >"$small.out" && echo copied
' - "$SI_PREFIX/bin/si" "$one/$prefix" "$prefix" "$dir/small"
expect_equal "$out" $'1 PROVIDER_QUOTA\ncopied'
