#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Targets: an engine behind a real OpenSSH server, its host key pinned; deploys that reach one target
# and not the other tell the truth of each, and a second run brings them together. R24, R66.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"
[ -x /usr/sbin/sshd ] || skip "there is no sshd (./check --deps installs it)"

paas=(si paas --context t)
busybox_image test/box:1
expect_exit 0 si paas context create t

ssh=$dir/ssh
start_sshd() {
  rm -f "$ssh/ready"
  "$repository/tests/servers/sshd.sh" "$ssh" 2222 &
  server=$!
  until_true 20 test -e "$ssh/ready"
}
stop_sshd() {
  # What it serves already would go on without it: its sessions are ended first.
  local daemon
  daemon=$(pgrep -P "$server" -f /usr/sbin/sshd)
  [ -z "$daemon" ] || pkill -KILL -P "$daemon"
  kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
  return 0
}
start_sshd
on_exit stop_sshd
key() { cut -d' ' -f1,2 "$ssh/$1.pub"; }
nothing_left() {
  ! pgrep -f '^ssh -F none' >/dev/null || fail "ssh still runs"
  ! ls -d /tmp/si-target-* >/dev/null 2>&1 || fail "a directory is left: $(ls -d /tmp/si-target-*)"
}

begin "what is no target is refused, and nobody is reached"
add() { run "${paas[@]}" --json target add "$@"; }
refused() { # CODE TEXT
  [ "$code" != 0 ] || fail "it was added"
  expect_json .error.code "$1"
  expect_contains "$2" "$(json '.error.message + .error.remediation')"
}
good=(--identity "$ssh/user" --host-key "$(key host)")
add far --ssh root@127.0.0.1:2222 --identity "$ssh/user"
refused TARGET_INVALID "none is taken on trust"
for address in -oProxyCommand=x@h root@-oProxyCommand=x 'root@h;true' 'root@h h' 'root@%h' 'root@$HOME' root@ @h \
  h root@h: root@h:0 root@h:99999 'root@[::1' 'root@h:22x'; do
  add far --ssh="$address" "${good[@]}"
  refused TARGET_INVALID "$address"
done
for socket in relative '/run/%h.sock' '/run/a:b' '/run/${HOME}' '/run/a b' "/$(printf 'x%.0s' {1..120})"; do
  add far --ssh root@127.0.0.1:2222 "${good[@]}" --socket "$socket"
  refused TARGET_INVALID socket
done
add far --ssh root@127.0.0.1:2222 --identity "$ssh/user" --host-key "not a key"
refused TARGET_INVALID "no host key"
cp "$ssh/user" "$dir/open-key" && chmod 644 "$dir/open-key"
add far --ssh root@127.0.0.1:2222 --identity "$dir/open-key" --host-key "$(key host)"
refused TARGET_IDENTITY "chmod 600"
expect_equal "$code" 5
add local --socket "$SI_TEST_SOCKET"
refused TARGET_INVALID "always there"
add UPPER --socket "$SI_TEST_SOCKET"
refused TARGET_INVALID "no name"
expect_exit 2 si paas target add far --socket /run/x.sock
expect_exit 0 "${paas[@]}" --json target list
expect_json '.data | length' 0
! grep -q Connection "$ssh/log" || fail "somebody was reached"

begin "an engine over ssh, and one that shows another host key"
add far --ssh root@127.0.0.1:2222 "${good[@]}" --socket "$SI_TEST_SOCKET" --label zone=a
expect_equal "$code" 0
add far --socket "$SI_TEST_SOCKET"
refused TARGET_EXISTS far
add strange --ssh root@127.0.0.1:2222 --identity "$ssh/user" --host-key "$(key other)" --socket "$SI_TEST_SOCKET"
expect_equal "$code" 0
add nowhere --ssh root@127.0.0.1:2223 "${good[@]}"
expect_equal "$code" 0
expect_exit 0 "${paas[@]}" --json target check far
expect_json '.data | has("version")' true
expect_json '.data | [.os, .cpus > 0, .memory_bytes > 1000000, (.clock_skew_ms | fabs < 3000)]' \
  '["linux",true,true,true]'
expect_exit 6 "${paas[@]}" --json target check strange
expect_json .error.code TARGET_UNREACHABLE
expect_contains "HOST IDENTIFICATION" "$(json .error.message)"
expect_exit 6 "${paas[@]}" --json target check nowhere
expect_contains refused "$(json .error.message)"
expect_exit 3 "${paas[@]}" target check nobody
nothing_left
expect_exit 0 "${paas[@]}" --json target list
expect_json '[.data[] | .name + " " + .kind] | join(",")' "far ssh,nowhere ssh,strange ssh"
expect_json '.data[0].labels.zone' a
expect_exit 0 "${paas[@]}" --json target show far
expect_json '.data | [.name, .kind, .labels.zone, .config.ssh] | join(" ")' "far ssh a root@127.0.0.1:2222"
expect_exit 3 "${paas[@]}" target show nobody
[ "$(json '.data[0].checked_at')" != null ] || fail "the check is not noted"

begin "an app lives on the target that is in use"
cat >"$dir/app.yaml" <<'YAML'
services:
  web:
    image: test/box:1
    command: ["sh", "-c", "echo over-there; exec sleep 100000"]
    init: true
YAML
expect_exit 3 "${paas[@]}" target use nobody
expect_exit 0 "${paas[@]}" target use far
expect_exit 4 "${paas[@]}" target remove far
deploy() { run "${paas[@]}" --json deploy --app shop --stack "$dir/app.yaml" --config socket=/nowhere.sock "$@"; }
deploy
expect_equal "$code" 0
expect_equal "$(resources | grep -c '^container')" 1
expect_exit 0 "${paas[@]}" --json status --app shop
expect_json '.data[0].instances[0] | [.target, .release, .live.services[0].state] | join(" ")' "far 1 running"
expect_exit 0 "${paas[@]}" logs --app shop
expect_contains over-there
nothing_left
grep -q 'Accepted publickey for root' "$ssh/log" || fail "nobody came over ssh"

begin "one target is reached, the other is not: each one's truth, and a second run"
sed -i 's/100000/100001/' "$dir/app.yaml"
deploy --target far --target nowhere --continue-on-error
expect_equal "$code" 1
expect_json .error.code DEPLOY_PARTIAL
expect_contains "1 of 2 targets serve release 2; nowhere" "$(json .error.message)"
expect_json '[.data.deployments[] | .target + " " + .status] | join(",")' "far ok,nowhere unknown"
expect_json .data.project.release 1 "a release that is not everywhere counts already"
deploy --target nowhere --target far
expect_equal "$code" 6
expect_json '[.data.deployments[] | .target + " " + .status] | join(",")' "nowhere unknown,far skipped"
"$repository/tests/servers/sshd.sh" "$dir/ssh2" 2223 &
second=$!
on_exit kill "$second"
until_true 20 test -e "$dir/ssh2/ready"
# It is another machine by its host key: nobody is let in there unasked.
deploy --target nowhere
expect_equal "$code" 6
expect_contains "HOST IDENTIFICATION" "$(json .error.message)"
expect_exit 0 "${paas[@]}" --json status --app shop
expect_json '[.data[0].instances[] | .target + " " + (.release // "?")] | join(",")' "far 2,nowhere ?"
expect_exit 2 "${paas[@]}" --json logs --app shop
expect_json .error.code PAAS_TARGET_AMBIGUOUS
expect_contains "far, nowhere" "$(json .error.message)"
expect_exit 0 "${paas[@]}" --json logs --app shop --target far
expect_contains over-there
deploy --target far
expect_equal "$code" 0
expect_json .data.project.release 2

begin "a first deploy to several targets; what can be removed is, though one target is gone"
add away --ssh root@127.0.0.1:2224 "${good[@]}"
expect_equal "$code" 0
run "${paas[@]}" --json deploy --app pair --stack "$dir/app.yaml" --target far --target away
expect_equal "$code" 1
expect_json '[.data.deployments[] | .target + " " + .status] | join(",")' "far ok,away unknown"
expect_equal "$(resources | grep -c '^container')" 2
run "${paas[@]}" --json project delete pair --yes --confirm pair
expect_equal "$code" 6
expect_json .data.project.status deleting
expect_equal "$(resources | grep -c '^container')" 1 # of shop

begin "the connection breaks off in the middle"
cat >"$dir/app.yaml" <<'YAML'
services:
  web:
    image: test/box:1
    command: ["sleep", "100002"]
    init: true
    healthcheck: {test: [CMD, test, -e, /never], interval: 1s, retries: 1000}
YAML
"$SI_PREFIX/bin/si" paas --context t --json deploy --app shop --stack "$dir/app.yaml" --target far \
  --keep-failed >"$dir/broken" 2>/dev/null &
deploying=$!
started() { docker -H "$DOCKER_HOST" ps --no-trunc | grep -q 'sleep 100002'; }
until_true 60 started
stop_sshd
wait "$deploying"
code=$? out=$(<"$dir/broken") last_command="deploy, its connection broken"
expect_equal "$code" 7
expect_json .error.code TARGET_UNREACHABLE
expect_json '.data.deployments[0].status' unknown
nothing_left
start_sshd
sed -i '/healthcheck/d' "$dir/app.yaml"
deploy --target far
expect_equal "$code" 0
expect_json '.data.deployments[0].status' ok

begin "killed with the connection open: ssh ends, and the next one clears up"
sed -i 's/init: true/init: true\n    healthcheck: {test: [CMD, test, -e, \/never], interval: 1s, retries: 1000}/' "$dir/app.yaml"
sed -i 's/100002/100003/' "$dir/app.yaml"
"$SI_PREFIX/bin/si" paas --context t deploy --app shop --stack "$dir/app.yaml" --target far >/dev/null 2>&1 &
victim=$!
third() { docker -H "$DOCKER_HOST" ps --no-trunc | grep -q 'sleep 100003'; }
until_true 60 third
kill -KILL "$victim"
wait "$victim" 2>/dev/null
no_ssh() { ! pgrep -f '^ssh -F none' >/dev/null; }
until_true 20 no_ssh
expect_exit 0 "${paas[@]}" target check far
nothing_left

begin "the end: every target is asked before a project counts as gone"
run "${paas[@]}" --json project delete shop --yes --confirm shop
expect_equal "$code" 6
expect_json .data.project.status deleting
expect_no_resources
nothing_left
