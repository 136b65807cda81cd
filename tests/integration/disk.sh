#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A state store that is full or read-only: a clear error, nothing half-written, and all is well once
# there is room again. R65, R68, R80.
# shellcheck disable=SC2154
if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" = 0 ] || {
    echo "skipped: a file system of its own needs root" >&2
    exit 77
  }
  exec unshare --mount --propagation private "$0" --inside
fi
. "$(dirname "$0")/../functions.sh"

: "${SI_TEST_PLUGINS:?is the directory of the misbehaving plugins; ctest sets it}"
plugin_tree misbehave
mkdir "$dir/disk"
mount -t tmpfs -o size=2m,mode=700 tmpfs "$dir/disk"
on_exit umount "$dir/disk"
export SI_PAAS_STATE_ROOT=$dir/disk/state
printf 'services:\n  web:\n    image: x:1\n' >"$dir/stack.yaml"
paas=(si paas --context t)

# fill KIB: leaves so much free.
fill() {
  local free
  free=$(df --output=avail -k "$dir/disk" | tail -n 1)
  [ "$free" -le "$1" ] || head -c $(((free - $1) * 1024)) /dev/zero >"$dir/disk/ballast"
}
make_room() { rm -f "$dir/disk/ballast"; }

create() {
  run "${paas[@]}" --json project create "$1" --stack "$dir/stack.yaml" --provisioner misbehave \
    --config do=steps
}

whole() {
  expect_exit 0 sqlite3 "$SI_PAAS_STATE_ROOT/contexts/t/state.db" "PRAGMA integrity_check"
  expect_equal "$out" ok
}

begin "a full disk: no context is made, or half of one"
fill 0
run si --json paas context create t
[ "$code" != 0 ] || fail "a context was made on a full disk"
[ -n "$(json .error.message)" ] || fail "no error is told"
make_room
expect_exit 0 si --json paas context list
expect_json '[.data[].name]' '[]'
expect_exit 0 si paas context create t

begin "a disk with little room: a create is refused before it begins, or goes through"
for ((free = 0; free <= 120; free += 8)); do
  fill "$free"
  create "p$free"
  first=$code
  if [ "$first" != 0 ]; then
    [ "$first" = 1 ] || fail "exit code $first, with $free KiB free"
    [ -n "$(json .error.message)" ] || fail "no error is told"
  fi
  make_room
  whole
  expect_exit 0 "${paas[@]}" --json reconcile --apply
  # Either it never was, or it is whole: running, or failed with a reason and fit to be tried again.
  run "${paas[@]}" --json project show "p$free" --stored
  case $code in
    3) [ "$first" != 0 ] || fail "p$free was made, and is not there" ;;
    0)
      case $(json .data.status) in
        running) ;;
        failed)
          [ "$first" != 0 ] || fail "p$free was made, and failed"
          expect_exit 0 "${paas[@]}" project retry "p$free"
          ;;
        *) fail "p$free is $(json .data.status)" ;;
      esac
      ;;
    *) fail "p$free cannot be shown" ;;
  esac
done
expect_exit 0 "${paas[@]}" --json reconcile
expect_json .data.clean true

begin "a disk that fills while an operation runs: the provider stops, and nothing is lost"
"$SI_PREFIX/bin/si" -v paas --context t --json project create midway --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=slow-steps >"$dir/midway" 2>"$dir/midway.err" &
midway=$!
until_true 10 grep -q "step done: thing.make" "$dir/midway.err"
head -c 4000000 /dev/zero >"$dir/disk/ballast" 2>/dev/null
wait "$midway"
expect_equal $? 1
out=$(cat "$dir/midway")
expect_json .error.code STATE_FULL
expect_contains "reconcile --apply" "$(json .error.remediation)"
expect_contains "could not be journalled" "$(json .error.detail)"
make_room
whole
expect_exit 0 "${paas[@]}" --json project show midway --stored
expect_json .data.status provisioning
expect_exit 0 "${paas[@]}" --json reconcile --apply
expect_exit 0 "${paas[@]}" --json project show midway --stored
expect_json .data.status running
expect_json '[.data.operations[].status]' '["interrupted","ok"]'

begin "a read-only store: reading works, changing is refused with the reason"
before=$(sha256sum "$SI_PAAS_STATE_ROOT/contexts/t/state.db")
mount -o remount,ro "$dir/disk"
expect_exit 0 "${paas[@]}" --json project list
create readonly
[ "$code" != 0 ] || fail "a project was made in a read-only store"
expect_json .error.code STATE_READONLY
mount -o remount,rw "$dir/disk"
expect_equal "$(sha256sum "$SI_PAAS_STATE_ROOT/contexts/t/state.db")" "$before"
expect_exit 3 "${paas[@]}" project show readonly
create readonly
expect_equal "$code" 0
