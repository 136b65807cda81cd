#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Images come from a real registry where the engine has them not. What cannot be had leaves the
# release that serves as it is; a rollback runs what ran then, or nothing. R25, R66.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"
command -v docker-registry >/dev/null || skip "there is no docker-registry (./check --deps installs it)"

paas=(si paas --context t)
hub=127.0.0.1:5000/shop/web
expect_exit 0 si paas context create t

start_registry() {
  rm -f "$dir/registry/ready"
  "$repository/tests/servers/registry.sh" "$dir/registry" &
  registry=$!
  until_true 20 test -e "$dir/registry/ready"
}
stop_registry() { kill "$registry" 2>/dev/null && wait "$registry" 2>/dev/null; }
on_exit stop_registry
start_registry
docker() { HOME=$dir command docker -H "$DOCKER_HOST" "$@"; }

# push TAG WORD: an image whose file /word says WORD; the engine keeps none of it. Its id is $id.
busybox_image test/box:1
push() {
  local made
  made=$(docker create test/box:1 true) && printf '%s\n' "$2" >"$dir/word" &&
    docker cp -q "$dir/word" "$made:/word" && docker commit "$made" "$hub:$1" >/dev/null &&
    docker rm "$made" >/dev/null && docker push -q "$hub:$1" >/dev/null || fail "$hub:$1 was not pushed"
  id=$(docker inspect -f '{{.Id}}' "$hub:$1")
  digest=$(docker inspect -f '{{index .RepoDigests 0}}' "$hub:$1")
  docker rmi "$hub:$1" >/dev/null
}
stack() { # IMAGE [LINE]
  printf 'services:\n  web:\n    image: %s\n    command: [sleep, "100000"]\n    init: true\n%s' "$1" \
    "${2:+    $2$'\n'}" >"$dir/app.yaml"
}
deploy() { run "${paas[@]}" --json deploy --app shop --stack "$dir/app.yaml" --provisioner local --config "socket=$SI_TEST_SOCKET" "$@"; }
container() { docker ps -q --no-trunc --filter label=si.project; }
word() { docker exec "$(container)" cat /word; }
# unharmed: what served before still does, and was not touched.
unharmed() { expect_equal "$(container)" "$serving" "another container serves"; }

begin "an image that the engine has not is pulled, and said to be"
push 1 one
first=$id
stack "$hub:1"
deploy
expect_equal "$code" 0
expect_contains "image.pull web" "$err"
expect_equal "$(word)" one
expect_equal "$(docker inspect -f '{{.Image}}' "$(container)")" "$first"
serving=$(container)
deploy
expect_equal "$code" 0
case $err in *image.pull*) fail "it was pulled a second time" ;; esac
unharmed

begin "what cannot be pulled leaves what serves alone"
stack "$hub:none"
deploy
expect_equal "$code" 1
expect_json .error.target web
expect_contains "$hub:none is not on this engine" "$(json .error.message)"
expect_contains "pulling $hub:none: manifest for" "$(json .error.message)"
unharmed
push 2 two
second=$id
stack "$hub:2" "pull_policy: never"
deploy
expect_contains "pull_policy is never" "$(json .error.message)"
unharmed
stop_registry
stack "$hub:2"
deploy
expect_equal "$code" 6
expect_contains "connection refused" "$(json .error.message)"
expect_contains "serves" "$(json .error.remediation)"
unharmed
stack "nowhere.invalid/shop/web:1"
deploy
expect_equal "$code" 6
unharmed
start_registry

begin "a newer version by its tag, one by its digest"
stack "$hub:2"
deploy
expect_equal "$code" 0
expect_equal "$(word)" two
two=$(json .data.project.release)
push 3 three
stack "$digest"
deploy
expect_equal "$code" 0
expect_equal "$(word)" three
stack "${digest%@*}@sha256:$(printf '0%.0s' {1..64})"
serving=$(container)
deploy
[ "$code" != 0 ] || fail "an image of no such digest was deployed"
unharmed

begin "a rollback runs what ran then, pulled again where it is gone, and never what the tag means now"
docker rmi -f "$first" >/dev/null
! docker inspect "$first" >/dev/null 2>&1 || fail "the first image is still there"
expect_exit 0 "${paas[@]}" --json rollback --app shop --to 1
expect_equal "$(word)" one
expect_equal "$(docker inspect -f '{{.Image}}' "$(container)")" "$first"
serving=$(container)
push 2 other
docker rmi -f "$second" >/dev/null 2>&1
run "${paas[@]}" --json rollback --app shop --to "$two"
expect_equal "$code" 1
expect_contains "is another one by now" "$(json .error.message)"
unharmed

begin "the end"
expect_exit 0 "${paas[@]}" project delete shop --yes --confirm shop
expect_no_resources
