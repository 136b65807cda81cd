#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two engines as two targets, the second on another machine over real OpenSSH. The network between
# them breaks in the middle of a deploy: nothing hangs, each target's truth is told, what can serve
# serves, and a second run brings them together. R24, R26, R66.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"
[ -x /usr/sbin/sshd ] || skip "there is no sshd (./check --deps installs it)"

machine=$repository/tests/servers/machine.sh
there=$dir/there
"$machine" "$there" &
on_exit kill $!
until_true 60 test -e "$there/ready"
busybox_image test/box:1
# One image, the same on both: a release names it by its id.
docker -H "unix://$SI_TEST_SOCKET" save test/box:1 | docker -H "unix://$there/docker.sock" load >/dev/null ||
  fail "the far engine took no image"

paas=(si paas --context t)
expect_exit 0 si paas context create t
expect_exit 0 "${paas[@]}" target add near --label zone=a --socket "$SI_TEST_SOCKET"
expect_exit 0 "${paas[@]}" target add far --label zone=a --ssh root@10.77.0.2 --identity "$there/user" \
  --host-key "$(cut -d' ' -f1,2 "$there/host.pub")" --socket "$there/docker.sock"

# stack SECONDS [LINE]: what runs is told apart by its number.
stack() {
  printf 'services:\n  web:\n    image: test/box:1\n    command: [sleep, "%s"]\n    init: true\n%s' "$1" \
    "${2:+    $2$'\n'}" >"$dir/app.yaml"
}
deploy() { run "${paas[@]}" --json deploy --app shop --stack "$dir/app.yaml" --target near --target far "$@"; }
rows() { expect_json '[.data.deployments[] | .target + " " + .status] | join(",")' "$1"; }
releases() {
  expect_exit "$1" "${paas[@]}" --json status --app shop
  expect_json '[.data[0].instances[] | .target + " " + (.release // "?")] | sort | join(",")' "$2"
}
runs_near() { docker -H "unix://$SI_TEST_SOCKET" ps --no-trunc | grep -q "sleep $1"; }
runs_far() { docker -H "unix://$there/docker.sock" ps --no-trunc | grep -q "sleep $1"; }
runs_on_both() { runs_near "$1" && runs_far "$1"; }

begin "both engines serve the first release"
stack 100001
deploy
expect_equal "$code" 0
rows "near ok,far ok"
expect_contains "near: 1 of 1 services ready" "$err"
expect_contains "far: container.start web" "$err"
until_true 5 runs_on_both 100001
releases 0 "far 1,near 1"

begin "a plan looks at both, and tells of targets that would be new"
plan() { run "${paas[@]}" --json plan --app shop --stack "$dir/app.yaml" "$@"; }
targets() { expect_json '[.data.targets[] | .name + " " + .change + " " + .release] | join(",")' "$1"; }
plan --output "$dir/held.plan"
targets "far keep 1,near keep 1"
expect_json '.data.services[0].state' running
docker -H "unix://$there/docker.sock" kill "$(docker -H "unix://$there/docker.sock" ps -q)" >/dev/null
plan
expect_json '.data.services[0] | .change + " " + .state' "keep differs"
deploy --plan "$dir/held.plan"
expect_json .error.code PLAN_STALE
plan --target near --target local
targets "near keep 1,local add "
deploy
expect_equal "$code" 0
runs_far 100001 || fail "the far one serves no more"

begin "the network breaks while the second target is deployed to"
stack 100002 "healthcheck: {test: [CMD, test, -e, /go], interval: 1s, retries: 1000}"
"$SI_PREFIX/bin/si" paas --context t --json deploy --app shop --stack "$dir/app.yaml" --target near \
  --target far >"$dir/broken" 2>/dev/null &
deploying=$!
until_true 60 runs_near 100002
docker -H "unix://$SI_TEST_SOCKET" exec "$(docker -H "unix://$SI_TEST_SOCKET" ps -q)" touch /go
until_true 60 runs_far 100002
before=$SECONDS
"$machine" --cut
wait "$deploying"
code=$? out=$(<"$dir/broken") last_command="deploy, the network broken"
[ $((SECONDS - before)) -lt 60 ] || fail "it took $((SECONDS - before)) s to find out"
expect_equal "$code" 1
expect_json .error.code DEPLOY_PARTIAL
expect_contains "1 of 2 targets serve release 2; far" "$(json .error.message)"
expect_contains "si paas --context t" "$(json .error.remediation)"
rows "near ok,far unknown"
expect_json .data.project.release 1
host_runs && fail "a provider's process is left"

begin "while it is broken nobody claims to know the far one"
run "${paas[@]}" --json status --app shop
expect_json '[.data[0].instances[] | .target + " " + (.release // "?")] | sort | join(",")' "far ?,near 2"
runs_near 100002 || fail "the near one serves no more"
stack 100003
deploy --continue-on-error
expect_equal "$code" 1
rows "near ok,far unknown"

begin "it heals, and a second run brings both together"
"$machine" --heal
deploy
expect_equal "$code" 0
rows "near ok,far ok"
until_true 5 runs_on_both 100003
expect_equal "$(docker -H "unix://$there/docker.sock" ps -aq | wc -l)" 1 "containers on the far engine"
releases 0 "far 3,near 3"
expect_exit 0 "${paas[@]}" --json reconcile

begin "one target fails, and all go back"
busybox_image test/only:1 # on the near one, and of another id than test/box
stack 100003 "pull_policy: never"
sed -i 's/box:1/only:1/' "$dir/app.yaml"
deploy --rollback-on-failure --keep-failed
expect_equal "$code" 2
run "${paas[@]}" --json deploy --app shop --stack "$dir/app.yaml" --target-label zone=b
expect_json .error.code TARGET_NOT_FOUND
stack 100013 "pull_policy: never"
sed -i 's/box:1/only:1/' "$dir/app.yaml"
deploy --rollback-on-failure
expect_equal "$code" 1
expect_json .error.code PROVIDER_NOT_FOUND
rows "near rolled_back,far rolled_back"
until_true 5 runs_on_both 100003
releases 0 "far 3,near 3"
stack 100003
run "${paas[@]}" --json deploy --app shop --stack "$dir/app.yaml" --target-label zone=a
expect_equal "$code" 0
rows "far ok,near ok"

begin "a name that means two images on two engines is no release"
SI_TEST_SOCKET=$there/docker.sock busybox_image test/two:1
sleep 1 # its id is made of its time
busybox_image test/two:1
stack 100023
sed -i 's/box:1/two:1/' "$dir/app.yaml"
deploy
expect_equal "$code" 1
rows "near ok,far rolled_back"
expect_contains "test/two:1 is another one by now" "$(json .error.message)"
until_true 5 runs_far 100003
stack 100003
deploy
expect_equal "$code" 0
until_true 5 runs_on_both 100003

begin "si is killed between the two; reconcile brings back the release that counts"
stack 100004 "healthcheck: {test: [CMD, test, -e, /go], interval: 1s, retries: 1000}"
"$SI_PREFIX/bin/si" paas --context t deploy --app shop --stack "$dir/app.yaml" --target near --target far \
  >/dev/null 2>&1 &
victim=$!
until_true 60 runs_near 100004
kill -KILL "$victim"
wait "$victim" 2>/dev/null
until_true 20 no_host_left
expect_exit 0 "${paas[@]}" --json reconcile --apply
until_true 5 runs_on_both 100003
releases 0 "far 3,near 3"

begin "the end reaches both"
expect_exit 0 "${paas[@]}" project delete shop --yes --confirm shop
expect_no_resources
SI_TEST_SOCKET=$there/docker.sock expect_no_resources
