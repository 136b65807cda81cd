#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every request of an export, and of a verification, goes wrong in every way, between si and a real
# object store. What happens once and passes is made good. What stays ends in a clear error, in
# time, with nothing in the store that claims to be complete and is wrong; and then the same export
# works. R47 to R50, R65, R80.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
. "$(dirname "$0")/../s3-functions.sh"
needs_s3 "$@"

workers=8
things_to_export 5300000 # two parts
s3_bucket si-test
s3_store direct

# --- which requests there are --------------------------------------------------------------------

# requests: of a proxy's log, a line of JSON each: {"method", "path": regex with @RUN@, "nth": which
# of those that look the same}.
requests() {
  faults_log "$1" '
    reduce (.[] | {method, path: (.path
        | gsub("(?<c>[.+*?^$(){}|])"; "\\\(.c)") | gsub("uploadId=[^&]+"; "uploadId=[^&]+")
        | gsub("/probe/"; "/@RUN@/") | gsub("%2Fprobe%2F"; "%2F@RUN@%2F"))}) as $one
      ({seen: {}, all: []};
       ($one | tojson) as $name | .seen[$name] += 1 | .all += [$one + {nth: .seen[$name]}])
    | .all[] | tojson'
}

faults_start "$dir/probe"
s3_store probe "{\"endpoint\": \"$(cat "$dir/probe/url")\"}"

begin "what an export and a verification ask the store for"
faults "$dir/probe"
expect_exit 0 s3_export probe probe
requests "$dir/probe" >"$dir/export.requests"
faults "$dir/probe"
expect_exit 0 s3_verify probe probe
requests "$dir/probe" >"$dir/verify.requests"
expect_exit 0 s3_export direct good
for what in PUT POST GET; do
  grep -q "\"$what\"" "$dir/export.requests" || fail "an export without a $what: $(cat "$dir/export.requests")"
done

# --- what goes wrong with them -------------------------------------------------------------------

# cases: JSON lines {"n", "what", "good": must it succeed?, "wrong": must it fail?, "rule"}.
cases() {
  jq -cn --slurpfile export "$dir/export.requests" --slurpfile verify "$dir/verify.requests" '
    def passing: # what a second try makes good
      {fault: "error"}, {fault: "error", status: 503, retry_after: 0}, {fault: "reset"},
      {fault: "close"}, {fault: "reset_after"}, {fault: "reset_reply"}, {fault: "truncate"},
      {fault: "error", status: 429, retry_after: 1},
      if .method == "PUT" then {fault: "reset_request"}, {fault: "flip_request"} else empty end;
    def lying: # what no second try finds out
      {fault: "shorten"}, {fault: "flip_reply"}, {fault: "redirect", location: "http://127.0.0.1:1/"};
    def staying:
      {fault: "error", times: 0}, {fault: "reset_after", times: 0};
    def of(what; requests):
      requests[] as $r | $r
      | (passing | {good: true, rule: .}), (lying | {good: false, rule: .}),
        (staying | {good: false, rule: .}),
        (select($r.path | test("manifest|uploadId")) | {good: false, rule: {fault: "hang"}})
      # Bytes of an artifact or of the manifest, changed: no verification passes.
      | .wrong = (what == "verify" and .rule.fault == "flip_reply" and $r.method == "GET"
          and ($r.path | test("artifacts|manifest")) and ($r.path | test("empty") | not))
      | .rule = $r + .rule | .what = what;
    [of("export"; $export), of("verify"; $verify)] | to_entries[] | .value + {n: .key}'
}

# try CASE: in a worker; leaves the case and what came of it in $dir/failed if it was not as it must.
try() {
  local case=$1 n what good wrong run rule
  read -r n what good wrong < <(jq -r '[.n, .what, .good, .wrong] | @tsv' <<<"$case")
  run=good
  [ "$what" = verify ] || run=c$n
  rule=$(jq -c --arg run "$run" '.rule | .path |= sub("@RUN@"; $run)' <<<"$case")
  doing="$what, $rule"
  faults "$dir/proxy" "$rule"
  # A hanging store is waited for at most so long; the rest ends by itself.
  run "s3_$what" worker "$run" --timeout "$([[ $rule == *hang* ]] && echo 8s || echo 60s)"
  [ "$(faults_log "$dir/proxy" '[.[] | select(.fault)] | length')" -gt 0 ] ||
    fail "the fault never came"
  [ "$good" = false ] || [ "$code" = 0 ] || fail "a second try would have made it good"
  [ "$wrong" = false ] || [ "$code" = 8 ] || fail "changed bytes were not found"
  [ "$code" = 0 ] || typed_failure
  [ "$what" = verify ] || after_export "$run" "$code"
}

typed_failure() {
  expect_json .ok false
  [[ $(json .error.code) =~ ^[A-Z][A-Z_0-9]+$ ]] || fail "no code is told"
  [ -n "$(json .error.message)" ] || fail "no reason is told"
  case $code in
    1 | 5 | 6 | 7 | 8) ;;
    2) expect_contains "bucket lies elsewhere" "$(json .error.message)" ;; # redirected
    *) fail "exit code $code says that something was wrong with the command" ;;
  esac
}

# after_export RUN CODE: past the proxy, what the store holds is right, or says that it is not whole.
after_export() {
  run s3_verify direct "$1"
  case $code.$(json '.error.code // ""') in
    0. | 8.RUNPACK_INCOMPLETE | 3.RUNPACK_NOT_FOUND) ;;
    *) fail "the store holds a wrong runpack" ;;
  esac
  [ "$2" != 0 ] || [ "$code" = 0 ] || fail "the export said that it worked"
  [ "$2" != 0 ] || return 0
  run s3_export direct "$1"
  [ "$code.$(json '.error.code // ""')" = 4.RUNPACK_EXISTS ] || [ "$code" = 0 ] ||
    fail "the same export does not work now"
  expect_exit 0 s3_verify direct "$1"
}

# work N: every workers-th case, with a proxy and files of its own.
work() {
  local all=$dir case
  dir=$dir/worker$1
  mkdir "$dir"
  cp -al "$all/from" "$all/spec.json" "$all/credentials" "$all/direct.json" "$dir/"
  ("$repository/tests/servers/faults.py" "$dir/proxy" "$S3_PORT" &)
  printf 'http://127.0.0.1:%s' "$(await_port "$dir/proxy")" >"$dir/proxy/url"
  s3_store worker "{\"endpoint\": \"$(cat "$dir/proxy/url")\"}"
  while read -r case; do
    (try "$case") 2>>"$all/failed"
  done < <(awk -v n="$1" -v of="$workers" 'NR % of == n' "$all/cases")
}

begin "every request goes wrong in every way"
cases >"$dir/all-cases"
n=0
while read -r case; do
  n=$((n + 1))
  ! in_sweep "$n" || printf '%s\n' "$case"
done <"$dir/all-cases" >"$dir/cases"
: >"$dir/failed"
pids=()
for ((i = 0; i < workers; i++)); do
  work "$i" &
  pids+=("$!")
done
wait "${pids[@]}"
printf '  %s requests of an export, %s of a verification: %s cases\n' \
  "$(wc -l <"$dir/export.requests")" "$(wc -l <"$dir/verify.requests")" \
  "$(wc -l <"$dir/cases") of $(wc -l <"$dir/all-cases")"
last_command=
[ ! -s "$dir/failed" ] || fail "$(grep -c ^FAILED "$dir/failed") cases: $(cat "$dir/failed")"
