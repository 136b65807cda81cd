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
