#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A plugin that is not what it must be is refused before a line of it runs, and one that fails,
# dies, hangs or lies costs its operation and nothing else. R66, R74, R80.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

: "${SI_TEST_PLUGINS:?is the directory of the misbehaving plugins; ctest sets it}"
new_tree() {
  plugin_tree $(cd "$SI_TEST_PLUGINS" && printf '%s\n' *.so | sed 's/[.]so$//')
}

cat >"$dir/stack.yaml" <<'YAML'
services:
  web:
    image: x:1
YAML
paas=(si paas --context t)
expect_exit 0 si paas context create t
new_tree

# create NAME DO [OPTION...]: a project on the misbehaving provisioner.
create() {
  local name=$1 what=$2
  shift 2
  run "${paas[@]}" --json project create "$name" --stack "$dir/stack.yaml" \
    --provisioner misbehave --config "do=$what" "$@"
}

status_of() { si paas --context t --json project show "$1" --stored | jq -r .data.status; }

begin "every installed plugin is listed and trusted"
expect_exit 0 si --json plugin list
expect_json '[.data[] | select(.trusted | not)] | length' 0
expect_exit 0 si --json plugin info file
expect_json .data.kind artifact

begin "a provider of each kind says what it is"
expect_exit 0 si --json plugin info idle-backup
expect_json '[.data.kind, .data.provider, .data.extensions]' '["backup","idle-backup",[]]'
expect_exit 0 si --json plugin info locking-store
expect_json '[.data.kind, .data.extensions]' '["artifact",["si.retention/1"]]'
expect_exit 0 si plugin info locking-store
expect_contains si.retention/1
expect_exit 0 si --json plugin info bare-store
expect_json .data.extensions '[]'

begin "a kind that this si does not know is no reason to load it"
jq '.plugins |= map(if .id == "misbehave" then .kinds = ["oracle"] else . end)' \
  "$tree/manifest.json" >"$dir/manifest"
cat "$dir/manifest" >"$tree/manifest.json"
watch_constructor "$tree/misbehave.so"
expect_exit 1 si --json plugin info misbehave
expect_json .error.code PLUGIN_KIND
! constructor_ran || fail "its constructor ran"

begin "a plugin is refused before its constructor runs"
# refused WHY EXIT COMMAND...: the tree is changed by COMMAND, and the plugin refused for WHY.
refused() {
  local why=$1 wanted=$2
  shift 2
  new_tree
  "$@"
  watch_constructor "$tree/misbehave.so"
  expect_exit "$wanted" si --json plugin info misbehave
  expect_json .error.code "$why"
  ! constructor_ran || fail "its constructor ran"
}
change() { printf x >>"$tree/misbehave.so"; }
unlist() {
  jq '.plugins |= map(select(.id != "misbehave"))' "$tree/manifest.json" >"$dir/manifest"
  cat "$dir/manifest" >"$tree/manifest.json"
}
link_it() {
  mv "$tree/misbehave.so" "$tree/elsewhere.so"
  ln -s elsewhere.so "$tree/misbehave.so"
}
link_tree() {
  mv "$tree" "$dir/real-plugins"
  ln -s real-plugins "$tree"
}
refused PLUGIN_HASH 5 change
refused PLUGIN_NOT_LISTED 5 unlist
refused PLUGIN_SYMLINK 5 link_it
refused PLUGIN_WRITABLE 5 chmod g+w "$tree/misbehave.so"
refused PLUGIN_WRITABLE 5 chmod o+w "$tree/misbehave.so"
refused PLUGIN_MANIFEST_WRITABLE 5 chmod g+w "$tree/manifest.json"
refused PLUGIN_DIR_WRITABLE 5 chmod g+w "$tree"
refused PLUGIN_DIR_SYMLINK 5 link_tree
rm -rf "$tree" "$dir/real-plugins"
refused PLUGIN_UNREADABLE 3 rm "$tree/misbehave.so"
refused PLUGIN_MANIFEST_INVALID 8 sh -c 'echo "{" >"$1"' - "$tree/manifest.json"
new_tree
watch_constructor "$tree/misbehave.so"
expect_exit 0 si plugin info misbehave
constructor_ran || fail "the marker of a constructor is never written: no proof"

begin "a refused plugin fails the operation, not si; deleting needs the plugin again"
change
create changed good
expect_equal "$code" 5
expect_json .error.code PLUGIN_HASH
expect_equal "$(status_of changed)" failed
new_tree
expect_exit 0 "${paas[@]}" project delete changed --yes --confirm changed

begin "a descriptor that cannot be right is refused"
while read -r id why; do
  run si --json plugin info "$id"
  [ "$code" != 0 ] || fail "$id was accepted"
  expect_json .error.code "$why"
done <<'TABLE'
bad-magic PLUGIN_ABI
bad-draft PLUGIN_ABI
bad-small PLUGIN_TABLE
bad-huge PLUGIN_TABLE
bad-beyond PLUGIN_TABLE
bad-missing PLUGIN_TABLE
bad-endless PLUGIN_TABLE
bad-id PLUGIN_ID
bad-undefined PLUGIN_LOAD
short-backup PLUGIN_TABLE
huge-backup PLUGIN_TABLE
missing-backup PLUGIN_TABLE
outside-backup PLUGIN_TABLE
other-backup PLUGIN_KIND
vain-locking-store PLUGIN_TABLE
TABLE

begin "a provider that fails, dies or lies costs its operation alone"
while read -r what why; do
  create "p-$what" "$what" --timeout 3s
  [ "$code" != 0 ] || fail "$what: the operation is said to have worked"
  case ,$why, in
    *",$(json .error.code),"*) ;;
    *) fail "$what: code $(json .error.code) where one of $why was expected" ;;
  esac
  expect_equal "$(status_of "p-$what")" failed
  no_host_left || fail "$what: si-host outlived its operation"
done <<'TABLE'
segv PLUGIN_CRASHED,PLUGIN_EXITED
abort PLUGIN_CRASHED
exit PLUGIN_EXITED
open-segv PLUGIN_CRASHED,PLUGIN_EXITED
garbage PLUGIN_PROTOCOL
close-wire PLUGIN_EXITED,OPERATION_TIMED_OUT
bad-json PROVIDER_RESULT
no-result PROVIDER_RESULT
twice PLUGIN_PROTOCOL
silent-failure PROVIDER_UNAVAILABLE
odd-status PROVIDER_INTERNAL
lie-up PAAS_UNEXPECTED_SERVICE
nothing-up PAAS_HEALTH_CHECK_FAILED
TABLE
expect_exit 0 si paas --context t --json reconcile
expect_json .data.evidence_pending 0

begin "one that hangs is ended at the deadline"
create p-hang hang --timeout 1s
expect_equal "$code" 7
expect_json .error.code OPERATION_TIMED_OUT
expect_equal "$(status_of p-hang)" failed
no_host_left || fail "si-host outlived its operation"

begin "one that floods the log is cut short, and ended at the deadline"
create p-flood-log flood-log --timeout 1s
expect_equal "$code" 7
[ "$(wc -c <"$dir/.err")" -lt 1000000 ] || fail "the flood reached the terminal"
expect_contains "log lines of the provider were dropped"
create p-flood-some flood-some
expect_equal "$code" 0
create p-flood-stdout flood-stdout
expect_equal "$code" 0
expect_json .ok true

begin "what it started does not outlive the operation"
create p-fork fork
expect_equal "$code" 0
no_host_left || fail "a child of the plugin lives on"

begin "an interrupt stops it, and says so"
"$SI_PREFIX/bin/si" paas --context t project create p-stop --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=hang --timeout 30s >"$dir/stop" 2>&1 &
stopped=$!
until_true 10 host_runs
# TERM, because a shell's background job ignores INT. The second one means: at once.
kill -TERM "$stopped"
until_true 10 grep -q "once more to stop at once" "$dir/stop"
kill -TERM "$stopped"
wait "$stopped"
expect_equal $? 130
expect_equal "$(status_of p-stop)" failed
no_host_left || fail "si-host outlived its operation"

begin "a destroy that cannot prove everything gone stays deleting, and can be run again"
create p-left good-leftover
expect_equal "$code" 0
run "${paas[@]}" --json project delete p-left --yes --confirm p-left
expect_equal "$code" 1
expect_json .error.code PAAS_DELETE_UNPROVEN
expect_equal "$(status_of p-left)" deleting
