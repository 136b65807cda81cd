#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kit itself: every check passes for the references and fails for its bad plugin, with the reason
# that it must give; and what the program promises about options, exit codes, seeds and output.
# Needs CONFORM (the program) and BUILT (the build directory); jq. EVERY=n tries every n-th bad plugin
# alone, where processes are slow to begin (sanitizers).
set -u
: "${CONFORM:?is the si-conform to test}" "${BUILT:?is the build directory}"
command -v jq >/dev/null || {
  echo 'skipped: there is no jq (./check --deps installs it)' >&2
  exit 77
}
here=$(dirname "$(readlink -f "$0")")
plugins=$BUILT/tests/conform
dir=$(mktemp -d "${TMPDIR:-/tmp}/si-kit.XXXXXX")
trap 'rm -rf "$dir"' EXIT
export TMPDIR=$dir CONFORM plugins dir here
printf 'canary/+ s3cr&t"value-0123456789-abcdef\n' >"$dir/canary"

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# conform ARGUMENT...: with the configuration that the references take.
conform() {
  "$CONFORM" --config 'root={dir}/o' --config token=vault:TOKEN --secret "TOKEN=@$dir/canary" "$@"
}

# expect CODE ARGUMENT...: leaves stdout in $out.
expect() {
  local wanted=$1 code
  shift
  out=$(conform "$@" 2>"$dir/err")
  code=$?
  [ "$code" = "$wanted" ] ||
    fail "exit code $code where $wanted was expected: si-conform $* $(tail -5 <<<"$out") $(<"$dir/err")"
}

echo '- every check has a bad plugin, and nothing else has'
"$CONFORM" --list | awk '{print $2}' >"$dir/ids"
grep -v '^#' "$here/expected.txt" | cut -d' ' -f1 >"$dir/expected"
diff "$dir/ids" "$dir/expected" >&2 || fail 'expected.txt is not what si-conform --list shows'
[ "$(wc -l <"$dir/ids")" -ge 100 ] || fail 'fewer than 100 checks'
[ -z "$(sort "$dir/ids" | uniq -d)" ] || fail 'two checks have one id'
while read -r id; do
  [ -s "$plugins/bad/$id.so" ] || fail "there is no bad plugin for $id"
done <"$dir/ids"

echo '- the references pass every check of their kind, and none is skipped'
for kind in store stack backup; do
  expect 0 --json --stream-mb 64 --config label=plain "$plugins/good/$kind.so"
  jq -r '.checks[] | select(.verdict != "pass" and (.id | startswith("store.lock.") | not)) |
    "\(.verdict) \(.id): \(.reason)"' <<<"$out" >"$dir/others"
  [ ! -s "$dir/others" ] || fail "$kind: $(<"$dir/others")"
  jq -r '.checks[] | select(.verdict == "pass").id' <<<"$out" >>"$dir/passed"
done
printf '{"root": "{dir}/o"}\n' >"$dir/lock.json"
out=$("$CONFORM" --json --jobs 12 --config-file "$dir/lock.json" --only store.lock \
  "$plugins/good/lock.so") ||
  fail "the store that locks: $out"
jq -r '.checks[] | select(.verdict != "pass") | "\(.verdict) \(.id): \(.reason)"' <<<"$out" \
  >"$dir/others"
[ ! -s "$dir/others" ] || fail "lock: $(<"$dir/others")"
jq -r '.checks[].id' <<<"$out" >>"$dir/passed"
out=$("$CONFORM" --config-file "$dir/lock.json" --config fault=not-locking --only store.lock \
  "$plugins/good/lock.so") || fail "a store that does not lock where it is: $out"
grep -q '^0 passed, 0 failed' <<<"$out" || fail "a store that does not lock was tried: $out"
diff <(sort -u "$dir/passed") <(sort "$dir/ids") >&2 || fail 'a check is passed by no reference'

echo '- each bad plugin is found by its check, for the right reason'
find_bad() {
  local id=${1%% *} words=${1#* } out code stream=8
  [ "$id" != store.stream.memory ] || stream=160
  local token=(--config token=vault:TOKEN --secret "TOKEN=@$dir/canary")
  [[ $id != store.lock.* ]] || token=()
  out=$("$CONFORM" --jobs 1 --seed 4711 --timeout 20s --stream-mb "$stream" --config 'root={dir}/o' \
    "${token[@]}" --only "$id" "$plugins/bad/$id.so" 2>&1)
  code=$?
  # What breaks the descriptor keeps the other checks from being run, and no more.
  case $out in
    *"fail   $id: "*"$words"*) [ "$code" = 1 ] || printf '%s: exit code %s\n' "$id" "$code" ;;
    *) printf '%s: "%s" was expected in: %s\n' "$id" "$words" "$out" ;;
  esac
}
export -f find_bad
grep -v '^#' "$here/expected.txt" | awk -v every="${EVERY:-1}" 'NR % every == 0' | tr '\n' '\0' |
  xargs -0 -n 1 -P 2 bash -c 'find_bad "$1"' find_bad >"$dir/missed"
[ ! -s "$dir/missed" ] || fail "$(<"$dir/missed")"

echo '- what the plugin does to its process is the verdict of that check alone'
expect 1 --only life.opens --only load "$plugins/bad/life.opens.so"
grep -q 'crashed: ended by SIGABRT in close(), at life.opens.so+0x' <<<"$out" ||
  fail "a crash is not told: $out"
[ "$(grep -c '^pass' <<<"$out")" -ge 8 ] || fail "a crash ended more than its check: $out"
expect 1 --only life.opens --timeout 300ms "$plugins/odd/hangs.so"
grep -q 'it hung' <<<"$out" || fail "a hang is not told: $out"
expect 1 --only life.opens "$plugins/odd/exits.so"
grep -q 'ended the process: exit code 3' <<<"$out" || fail "an exit is not told: $out"
expect 1 --only store.stat.missing "$plugins/odd/crashes.so"
grep -q 'ended by SIGSEGV in stat(), at crashes.so+0x' <<<"$out" || fail "no place is told: $out"
at=$(grep -oE 'addr2line -e crashes.so 0x[0-9a-f]+' <<<"$out" | grep -oE '0x[0-9a-f]+$')
if file=$(addr2line -f -e "$plugins/odd/crashes.so" "$at" 2>/dev/null); then
  grep -q '^ref_stat' <<<"$file" || fail "the place is $file, not ref_stat"
fi
[ -z "$(find "$dir" -maxdepth 1 -name 'si-conform.*')" ] || fail 'it leaves its directories behind'

echo '- what a table says of its size must be there, whichever table it is'
for odd in plugin:descriptor.size provider:provider.size table:provider.table-size; do
  expect 1 --only "${odd#*:}" "$plugins/odd/${odd%:*}-beyond.so"
  grep -q "^fail   ${odd#*:}: size .*is 4000, and .*ends outside of the plugin" <<<"$out" ||
    fail "$odd: a size beyond the plugin is not told: $out"
done

echo '- one cause is told once: a configuration that open() refuses, a file that is no ELF file'
expect 1 --only life --offline "$plugins/odd/closed.so"
grep -q '^the plugin does not open with this configuration.*there is no such room; give it with' \
  <<<"$out" || fail "it does not say why the plugin does not open: $out"
expect 1 --only life --offline --json "$plugins/odd/closed.so"
[[ $(jq -r .not_opened <<<"$out") == *'there is no such room' ]] || fail "not_opened: $out"
expect 1 --only life.again --only life.opens "$plugins/bad/life.again.so"
! grep -q 'does not open with' <<<"$out" || fail "it opens, at first: $out"
expect 1 "$plugins/bad/elf.object.so"
[ "$(grep -cE '^(pass|fail|skip)' <<<"$out")" = 1 ] || fail "more than one verdict: $out"
expect 1 --only life.memory "$plugins/odd/silent.so"
grep -q 'ordinary work failed: sink_open() failed (.*), and recorded no reason (si_fail)' <<<"$out" || fail "a silent failure is not told: $out"

echo '- the seed gives the same numbers again'
expect 1 --json --seed 4711 --only store.range.any "$plugins/bad/store.range.any.so"
first=$(jq -r '.checks[0].reason' <<<"$out")
[ "$(jq -r .seed <<<"$out")" = 4711 ] || fail 'the report does not tell the seed'
expect 1 --json --seed 4711 --only store.range.any "$plugins/bad/store.range.any.so"
[ "$(jq -r '.checks[0].reason' <<<"$out")" = "$first" ] || fail 'the same seed, another range'
expect 1 --json --seed 4712 --only store.range.any "$plugins/bad/store.range.any.so"
[ "$(jq -r '.checks[0].reason' <<<"$out")" != "$first" ] || fail 'another seed, the same range'

echo '- one JSON document, whatever the outcome'
expect 0 --json --only store.write "$plugins/good/store.so"
jq -e --arg sha "$(sha256sum "$plugins/good/store.so" | cut -d' ' -f1)" \
  '.schema == "si.conform/1" and .sha256 == $sha and .counts.pass == (.checks | length) and
   .counts.fail == 0 and (.checks | all(.seconds >= 0 and .provider == "reference"))' \
  <<<"$out" >/dev/null || fail "the document is not as documented: $out"
! grep -q 's3cr' <<<"$out" || fail 'the report shows a secret'

echo '- wrong use is exit code 2, a missing file 3'
for wrong in --nonsense '--timeout soon' '--seed -1' '--jobs 0' '--only nothing.at.all' \
  '--provider nobody --only store' '--secret TOKEN=plain' '--config x' '--stack /dev/null'; do
  # shellcheck disable=SC2086 # these are words
  expect 2 $wrong "$plugins/good/store.so"
  grep -q '^next: ' "$dir/err" || fail "$wrong: it does not say what to do"
done
expect 2 --nonsense=1 "$plugins/good/store.so"
grep -q -- '--nonsense is no option' "$dir/err" || fail "the option is not named: $(<"$dir/err")"
expect 2 "$plugins/good/store.so" --jobs
grep -q -- '--jobs lacks its value' "$dir/err" || fail "the option is not named: $(<"$dir/err")"
expect 2 --config label=vault:OTHER "$plugins/good/store.so"
grep -q 'give --secret OTHER=@FILE' "$dir/err" || fail "no secret is asked for: $(<"$dir/err")"
expect 2
expect 3 "$dir/none.so"
expect 0 --help
expect 0 --version

echo "- si's own plugins: the file store whole, what needs a peer as far as it goes without"
own() {
  local file=$1
  shift
  "$CONFORM" "$@" "$BUILT/plugins/$file" >"$dir/own" 2>&1 || fail "$file: $(grep -v '^pass\|^skip' "$dir/own")"
  grep -qE '^[1-9][0-9]* passed, 0 failed' "$dir/own" || fail "$file: $(tail -2 "$dir/own")"
}
own local/store/file.so --config 'root={dir}/o' --stream-mb 64
own local/local.so --offline
own s3/s3.so --offline --config bucket=conform --config auth=vault --config access_key_id=ID \
  --config secret_access_key=vault:KEY --secret "KEY=@$dir/canary"
