#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of si, and of si-host, all along a create and a delete: afterwards one command brings the
# project to running or deleted, nothing is left that state does not know, and another project's
# resources are never touched. R64, R65, R68.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

points=${SI_TEST_CRASH_POINTS:-10}
settings=(--config "socket=$SI_TEST_SOCKET" --config settle_ms=300 --config stop_timeout_s=1)
busybox_image test/box:1
cat >"$dir/stack.yaml" <<'YAML'
services:
  db:
    image: test/box:1
    command: ["sleep", "100000"]
    init: true
    volumes: ["data:/data"]
    healthcheck: {test: ["CMD", "true"], interval: 200ms}
  web:
    image: test/box:1
    command: ["sleep", "100000"]
    init: true
    depends_on:
      db: {condition: service_healthy}
volumes:
  data:
YAML
expect_exit 0 si paas context create t
paas=(si paas --context t)
expect_exit 0 "${paas[@]}" project create bystander --stack "$dir/stack.yaml" "${settings[@]}"
# The context's own provisioner is asked for orphans too: let it be the same engine.
config=$SI_PAAS_STATE_ROOT/contexts/t/config.json
jq --arg socket "$SI_TEST_SOCKET" '.provisioner = {provider: "local", config: {socket: $socket}}' \
  "$config" >"$dir/config.json"
cat "$dir/config.json" >"$config"

# Everything of the bystander with its ids: must stay the same to the last character.
bystander_id=$(si paas --context t --json project list | jq -r '.data[0].id')
bystander() {
  engine GET /containers/json -G -d all=1 \
    --data-urlencode "filters={\"label\":[\"si.project=$bystander_id\"]}" |
    jq -r '.[] | .Id + .State' | sort
  resources "si.project=$bystander_id" | sort
}
bystander_before=$(bystander)

status_of() {
  si paas --context t --json project show "$1" --stored --deleted | jq -r '.data.status // "unknown"'
}

# kill_at N WHO COMMAND...: runs si, and kills WHO (si or si-host) when the N-th step event shows.
# The kill is as late as the pipe makes it: anywhere behind that event.
kill_at() {
  local n=$1 who=$2 seen=0 line pid victim
  shift 2
  mkfifo "$dir/pipe"
  "$SI_PREFIX/bin/si" -v "$@" >/dev/null 2>"$dir/pipe" &
  pid=$!
  exec 9<"$dir/pipe"
  rm "$dir/pipe"
  while read -r line <&9; do
    case $line in *"step begin: "* | *"step done: "*) seen=$((seen + 1)) ;; esac
    if [ "$seen" = "$n" ]; then
      victim=$pid
      [ "$who" = si ] || victim=$(cat "/proc/$pid/task/$pid/children")
      # shellcheck disable=SC2086
      [ -z "$victim" ] || kill -9 $victim 2>/dev/null
      break
    fi
  done
  cat <&9 >/dev/null
  exec 9<&-
  wait "$pid"
} 2>/dev/null

# What the engine holds belongs to projects that live.
known_resources_only() {
  local live left
  live=$(si paas --context t --json project list | jq -r '.data[].id')
  left=$(for type in containers/json?all=1 volumes networks; do
    engine GET "/$type" | jq -r 'if type == "object" then .Volumes // [] else . end
      | .[] | select(.Labels["si.context"]?) | .Labels["si.project"]'
  done | sort -u | grep -vxF "$live")
  [ -z "$left" ] || fail "resources of projects that do not live: $left"
}

mended() {
  expect_equal "$(status_of victim)" "$1" "after $2"
  known_resources_only
  expect_equal "$(bystander)" "$bystander_before" "the bystander was touched"
  run "${paas[@]}" --json reconcile
  expect_json .data.clean true
}

point=0
for who in si si-host; do
  begin "kill -9 of $who along a create"
  for ((n = 1; n <= points; n++)); do
    in_sweep $((point += 1)) || continue
    kill_at "$n" "$who" paas --context t project create victim --stack "$dir/stack.yaml" \
      "${settings[@]}"
    if [ $((n % 2)) = 0 ] && [ "$(status_of victim)" != running ]; then
      run "${paas[@]}" project retry victim
      mended running "killing at event $n and a retry"
    else
      run "${paas[@]}" reconcile --apply
      mended running "killing at event $n and reconcile --apply"
    fi
    expect_exit 0 "${paas[@]}" project delete victim --yes --confirm victim
  done

  begin "kill -9 of $who along a delete"
  for ((n = 1; n <= points; n++)); do
    in_sweep $((point += 1)) || continue
    expect_exit 0 "${paas[@]}" project create victim --stack "$dir/stack.yaml" "${settings[@]}"
    kill_at "$n" "$who" paas --context t project delete victim --yes --confirm victim
    if [ $((n % 2)) = 0 ] && [ "$(status_of victim)" != deleted ]; then
      run "${paas[@]}" project delete victim --yes --confirm victim
    else
      run "${paas[@]}" reconcile --apply
    fi
    mended deleted "killing at event $n"
  done
done

begin "the two at once, where no step is: at any moment"
for delay in 0.005 0.02 0.05 0.1 0.2; do
  in_sweep $((point += 1)) || continue
  "$SI_PREFIX/bin/si" paas --context t project create victim --stack "$dir/stack.yaml" \
    "${settings[@]}" >/dev/null 2>&1 &
  pid=$!
  sleep "$delay"
  kill -9 "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  expect_exit 0 "${paas[@]}" reconcile --apply
  run "${paas[@]}" --json project show victim --stored
  if [ "$code" = 0 ]; then
    mended running "a kill after $delay s"
    expect_exit 0 "${paas[@]}" project delete victim --yes --confirm victim
  else
    expect_equal "$code" 3 # killed before anything was written down
    known_resources_only
  fi
done

begin "every operation left evidence that verifies"
expect_exit 0 "${paas[@]}" --json reconcile --apply
expect_json .data.evidence_pending 0
expect_exit 0 si --json runpack list --context t
expect_json '[.data[] | select(.complete | not)] | length' 0
while read -r prefix; do
  expect_exit 0 si runpack verify "$SI_PAAS_STATE_ROOT/contexts/t/runpacks/$prefix"
done < <(si --json runpack list --context t | jq -r '.data[].prefix' | tail -n 15)
