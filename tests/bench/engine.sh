# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Deploys against docker-compose on a real engine (tests/servers/engine.sh), which engine-turns takes
# by turns beside it. Sourced by tests/bench/run, whose functions it uses.
#
#   BENCH_TURNS  turns of each (default 5)

bench_engine() {
  local tool code=0 plain ours ratio
  for tool in docker-compose dockerd busybox; do
    command -v "$tool" >/dev/null || die "there is no $tool"
  done
  "$root/tests/servers/engine.sh" "$root/tests/bench/engine-turns" "$si" "$work" "${BENCH_TURNS:-5}" ||
    code=$?
  [ "$code" = 0 ] || die "the turns beside the engine failed ($code)"
  read -r plain ours ratio < <(laps "$work/engine.deploy")
  row engine "10 services: docker-compose up -d" "$plain" ms
  row engine "10 services: si paas deploy, settle_ms=0" "$ours" ms
  row engine "deploy to started, against docker-compose" "$ratio" x 1
  read -r _ ours ratio < <(laps "$work/engine.proof")
  row engine "10 services: si paas deploy, seen to stay up" "$ours" ms
  row engine "deploy to proven, against docker-compose" "$ratio" x
  read -r plain ours ratio < <(laps "$work/engine.status")
  row engine "2 x 100 services: docker-compose ps, twice" "$plain" ms
  row engine "2 x 100 services: si paas status" "$ours" ms
  row engine "status, against docker-compose ps" "$ratio" x 1
}
