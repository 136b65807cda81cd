#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many writers of one runpack, and writers that die in the middle: one manifest at most, no runpack
# that looks whole and is not, and what the dead left behind can be found and removed. R47 to R50,
# R65, R74.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
. "$(dirname "$0")/../s3-functions.sh"
needs_s3 "$@"

things_to_export 5300000 # two parts
s3_bucket si-test
s3_store direct

# race RUN LOSS...: sixteen writers at once of $dir/from; one makes it, the others lose by one of the
# codes.
race() {
  local run=$1 writers=16 winner='' manifest='' objects i
  shift
  objects=$(find "$dir/from" -type f | wc -l)
  for ((i = 1; i <= writers; i++)); do
    # Each with a time of its own, so that no two manifests are the same.
    (
      s3_export direct "$run" --generated-at "$i" --timeout 120s >"$dir/race.$i" 2>&1
      echo "$?" >"$dir/race.$i.code"
    ) &
  done
  wait
  for ((i = 1; i <= writers; i++)); do
    code=$(cat "$dir/race.$i.code") out=$(cat "$dir/race.$i") err='' last_command="writer $i"
    if [ "$code" = 0 ]; then
      [ -z "$winner" ] || fail "writers $winner and $i both say that they made it"
      winner=$i manifest=$(json .data.manifest_sha256)
    else
      expect_equal "$code" 4
      case " $* " in
        *" $(json .error.code) "*) ;;
        *) fail "it lost for another reason" ;;
      esac
    fi
  done
  [ -n "$winner" ] || fail "nobody made it"
  expect_exit 0 s3_verify direct "$run"
  expect_json .data.manifest_sha256 "$manifest"
  # The artifacts, the spec and the manifest.
  expect_equal "$(s3_keys si-test "$(s3_run "$run")" | wc -l)" $((objects + 2))
  expect_equal "$(s3_uploads si-test)" ""
  expect_equal "$(s3 GET "si-test/$(s3_run "$run")/manifest.json" | jq .generated_at.value)" "$winner"
}

begin "sixteen writers of one runpack: one makes the manifest, and it is the one that verifies"
mv "$dir/from/logs" "$dir/logs"
race race RUNPACK_EXISTS
mv "$dir/logs" "$dir/from/logs"

# Some lose already an artifact in parts, which another one replaced.
begin "the same with an artifact in parts"
race parts RUNPACK_EXISTS PROVIDER_CONFLICT

# --- writers that die ----------------------------------------------------------------------------

faults_start "$dir/proxy"
s3_store proxied "{\"endpoint\": \"$(cat "$dir/proxy/url")\"}"

# stopped RUN N FAULT: starts an export, $writer, that comes to rest at its Nth request. Fails where
# it ended without making so many.
stopped() {
  faults "$dir/proxy" "{\"nth\": $2, \"fault\": \"$3\"}"
  s3_export proxied "$1" --timeout 60s >"$dir/out" 2>&1 &
  writer=$!
  until [ "$(faults_log "$dir/proxy" '[.[] | select(.fault)] | length')" != 0 ]; do
    kill -0 "$writer" 2>/dev/null || return 1
    sleep 0.05
  done
  # hang_after: only once the store has done it.
  [ "$3" = hang ] || until_true 30 answered
}
answered() {
  [ "$(faults_log "$dir/proxy" '[.[] | select(.fault)][0].status')" != null ]
}

# Of si itself ($writer is a shell's function that runs it) and of its child.
si_of() { pgrep -P "$writer" -x si || echo "$writer"; }
host_of() { pgrep -P "$(si_of)" -x si-host; }

# afterwards RUN: incomplete, or whole and right; the same export then works, or is there already.
afterwards() {
  until_true 10 hosts_gone
  run s3_verify direct "$1"
  case $code.$(json '.error.code // ""') in
    0. | 8.RUNPACK_INCOMPLETE | 3.RUNPACK_NOT_FOUND) ;;
    *) fail "a dead writer left a wrong runpack" ;;
  esac
  run s3_export direct "$1"
  case $code.$(json '.error.code // ""') in
    0. | 4.RUNPACK_EXISTS) ;;
    *) fail "the same export does not work any more" ;;
  esac
  expect_exit 0 s3_verify direct "$1"
  expect_json .data.status pass
}

begin "si is killed at every request of an export"
faults "$dir/proxy"
expect_exit 0 s3_export proxied whole
requests=$(faults_log "$dir/proxy" length)
[ "$requests" -gt 8 ] || fail "an export of four artifacts with $requests requests"
for ((n = 1; n <= requests; n++)); do
  in_sweep "$n" || continue
  stopped "si$n" "$n" hang || fail "it ended without its request $n"
  kill -KILL "$(si_of)"
  wait "$writer"
  afterwards "si$n"
done
begin "its provider is killed at every request of an export, the store having done it"
for ((n = 1; n <= requests; n++)); do
  in_sweep $((requests + n)) || continue
  stopped "host$n" "$n" hang_after || fail "it ended without its request $n"
  kill -KILL "$(host_of)"
  wait "$writer"
  code=$? out=$(cat "$dir/out") err='' last_command="export host$n"
  case $code in
    1 | 6 | 7) expect_json .ok false ;;
    *) fail "exit code $code where the provider was killed" ;;
  esac
  [ -n "$(json .error.message)" ] || fail "no reason is told"
  afterwards "host$n"
done

begin "what dead writers left is listed, and removed when it is told to; nothing else is"
stopped left 9 hang || fail "an export with fewer than nine requests"
kill -KILL "$(si_of)"
wait "$writer"
until_true 10 hosts_gone
expect_exit 8 s3_verify direct left
expect_json .error.code RUNPACK_INCOMPLETE
uploads=$(s3_uploads si-test | sort)
[ -n "$uploads" ] || fail "no writer was killed in the middle of its parts"
keys=$(s3_keys si-test | sort)
prune() {
  run si --json runpack prune --incomplete --sink s3 --config "$dir/direct.json" "$@"
  expect_equal "$code" 0
}
unchanged() {
  expect_equal "$(s3_keys si-test | sort)" "$keys"
  expect_equal "$(s3_uploads si-test | sort)" "$uploads"
}
prune --yes # a day old, by default
expect_json '[.data.planned, .data.young != "0"]' '["0",true]'
unchanged
sleep 1.1 # an age of less than a second is none
prune --older-than 1s --dry-run
expect_json '[.data.items[] | select(.kind == "incomplete") | .prefix]' "[\"$(s3_run left)\"]"
expect_equal "$(json '.data.items[] | select(.kind == "unfinished") | .key' | sort)" "$uploads"
unchanged
prune --older-than 1s --yes
expect_json .data.kept 0
expect_equal "$(s3_uploads si-test)" ""
expect_equal "$(s3_keys si-test | sort)" "$(grep -v "/run/left/" <<<"$keys")"
expect_exit 3 s3_verify direct left
expect_exit 0 s3_verify direct race
