#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong on an engine, from outside: the project is `failed`, its last_error names the
# service, the reason and the last log lines, and a retry after mending keeps the data. R62 to R65.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

paas=(si paas --context t)
busybox_image test/box:1
expect_exit 0 si paas context create t

create() {
  local name=$1
  shift
  run "${paas[@]}" --json project create "$name" --stack "$dir/$name.yaml" --provisioner local \
    --config "socket=$SI_TEST_SOCKET" "$@"
}
retry() {
  run "${paas[@]}" --json project retry "$1" --stack "$dir/$1.yaml"
}
delete() {
  expect_exit 0 "${paas[@]}" project delete "$1" --yes --confirm "$1"
}

# failed NAME SERVICE TEXT: the create failed as it must, and state says the same.
failed() {
  expect_equal "$code" 1
  expect_json .ok false
  expect_json .error.target "$2"
  expect_contains "$3" "$(json .error.message)"
  [ -n "$(json '.error.remediation // ""')" ] || fail "no next step is told"
  expect_exit 0 "${paas[@]}" --json project show "$1" --stored
  expect_json .data.status failed
  expect_json .data.last_error.target "$2"
  expect_contains "$3" "$(json .data.last_error.message)"
}

begin "an image that is not there"
cat >"$dir/noimage.yaml" <<'YAML'
services:
  web:
    image: test/nowhere:7
    pull_policy: never
YAML
create noimage
failed noimage web test/nowhere:7
expect_no_resources
sed -i 's/nowhere:7/box:1/; $a\    command: ["sleep", "100000"]\n    init: true' "$dir/noimage.yaml"
retry noimage
expect_json .data.project.status running
delete noimage

begin "a port that is taken"
# The engine's own side holds it: another project publishes the same port.
cat >"$dir/first.yaml" <<'YAML'
services:
  web:
    image: test/box:1
    command: ["httpd", "-f", "-p", "80", "-h", "/www"]
    init: true
    ports: ["18080:80"]
YAML
cp "$dir/first.yaml" "$dir/second.yaml"
create first
expect_equal "$code" 0
create second
failed second web 18080
sed -i 's/18080/18081/' "$dir/second.yaml"
retry second
expect_json .data.project.status running
expect_exit 0 curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:18081/
expect_equal "$out" 404
delete first
delete second

begin "a container that exits at once, with its last words"
cat >"$dir/exits.yaml" <<'YAML'
services:
  web:
    image: test/box:1
    command: ["sh", "-c", "echo these are my last words >&2; exit 3"]
YAML
create exits
failed exits web "code 3"
expect_contains "these are my last words" "$(json .data.last_error.detail)"
expect_exit 0 "${paas[@]}" project show exits
expect_contains "these are my last words"
delete exits

begin "a health check that never passes; a retry keeps the volume's data"
cat >"$dir/sick.yaml" <<'YAML'
services:
  web:
    image: test/box:1
    command: ["sh", "-c", "echo kept >>/data/file; echo I feel sick; sleep 100000"]
    init: true
    volumes: ["data:/data"]
    healthcheck:
      test: ["CMD", "test", "-e", "/data/healthy"]
      interval: 1s
      retries: 2
volumes:
  data:
YAML
create sick --config ready_timeout_ms=20000
failed sick web health
expect_contains "I feel sick" "$(json .data.last_error.detail)"
sed -i 's#/data/healthy#/data/file#' "$dir/sick.yaml"
retry sick
expect_json .data.project.status running
container=$(resources | sed -n 's/^container //p')
expect_exit 0 docker -H "$DOCKER_HOST" exec "$container" cat /data/file
expect_equal "$out" $'kept\nkept' "the volume was made anew"
delete sick

begin "a one-shot that fails, then works"
cat >"$dir/once.yaml" <<'YAML'
services:
  seed:
    image: test/box:1
    command: ["sh", "-c", "echo no seed today; exit 1"]
  web:
    image: test/box:1
    command: ["sleep", "100000"]
    init: true
    depends_on:
      seed:
        condition: service_completed_successfully
YAML
create once
failed once seed "code 1"
expect_contains "no seed today" "$(json .data.last_error.detail)"
sed -i 's/exit 1/exit 0/' "$dir/once.yaml"
retry once
expect_json .data.project.status running
delete once

begin "an engine that is not there"
cp "$dir/first.yaml" "$dir/nowhere.yaml"
run "${paas[@]}" --json project create nowhere --stack "$dir/nowhere.yaml" \
  --config "socket=$dir/no.sock"
expect_equal "$code" 6
expect_contains "$dir/no.sock" "$(json .error.message)"
expect_exit 0 "${paas[@]}" --json project show nowhere
expect_json .data.status failed
run "${paas[@]}" --json project retry nowhere --config "socket=$SI_TEST_SOCKET"
expect_json .data.project.status running

begin "two creates of one name at once: one wins, the other is told"
for round in 1 2 3; do
  for n in a b; do
    "$SI_PREFIX/bin/si" paas --context t --json project create "race$round" \
      --stack "$dir/noimage.yaml" --config "socket=$SI_TEST_SOCKET" >"$dir/race.$n" 2>&1 &
    eval "pid_$n=$!"
  done
  # shellcheck disable=SC2154
  wait "$pid_a"
  code_a=$?
  # shellcheck disable=SC2154
  wait "$pid_b"
  code_b=$?
  expect_equal "$(printf '%s\n' "$code_a" "$code_b" | sort -n | xargs)" "0 4" \
    "$(cat "$dir/race.a" "$dir/race.b")"
  delete "race$round"
done

begin "what is wrong with the command changes nothing"
before=$(resources | sort)
expect_exit 2 "${paas[@]}" project create UPPER --stack "$dir/first.yaml"
expect_exit 2 "${paas[@]}" project create "" --stack "$dir/first.yaml"
expect_exit 2 "${paas[@]}" project create x
expect_exit 2 "${paas[@]}" project create x --stack "$dir/first.yaml" --nonsense
expect_exit 3 "${paas[@]}" project create x --stack "$dir/none.yaml"
expect_exit 2 si paas project create x --stack "$dir/first.yaml"
expect_exit 2 si paas project list
expect_contains "--context"
expect_exit 3 "${paas[@]}" project retry none
expect_exit 4 "${paas[@]}" project retry nowhere
expect_exit 3 "${paas[@]}" project delete none --yes --confirm none
expect_exit 2 "${paas[@]}" project delete nowhere --yes --confirm other
expect_exit 3 si paas --context nobody project list
printf 'services:\n  web:\n    image: test/box:1\n    privileged: true\n' >"$dir/bad.yaml"
expect_exit 2 "${paas[@]}" project create x --stack "$dir/bad.yaml"
expect_contains "privileged"
expect_contains "bad.yaml:4"
: >"$dir/empty.yaml"
expect_exit 2 "${paas[@]}" project create x --stack "$dir/empty.yaml"
head -c 3000000 /dev/zero | tr '\0' '#' >"$dir/huge.yaml"
expect_exit 2 "${paas[@]}" project create x --stack "$dir/huge.yaml"
expect_equal "$(resources | sort)" "$before"
expect_exit 0 "${paas[@]}" --json project list
expect_json '[.data[].name]' '["nowhere"]'
delete nowhere

begin "another's things of the same name are left alone"
cat >"$dir/mine.yaml" <<'YAML'
services:
  web:
    image: test/box:1
    command: ["sleep", "100000"]
    init: true
    volumes: ["data:/data"]
volumes:
  data:
YAML
create mine
volume=$(resources | sed -n 's/^volume //p')
delete mine
engine POST /volumes/create -H 'Content-Type: application/json' \
  -d "{\"Name\":\"$volume\",\"Labels\":{\"whose\":\"somebody else's\"}}" >/dev/null
create mine
[ "$code" != 0 ] || fail "a foreign volume was taken"
expect_contains "$volume" "$(json .error.message)"
delete mine
expect_equal "$(engine GET "/volumes/$volume" | jq -r .Labels.whose)" "somebody else's"
expect_no_resources

begin "what a delete cannot remove is named, kept in the evidence, and deleted once it is free"
create mine
[ "$code" != 0 ] || fail "a foreign volume was taken"
delete mine
engine DELETE "/volumes/$volume" >/dev/null
create mine
expect_equal "$code" 0
docker -H "$DOCKER_HOST" run -d --init --name stranger -v "$volume:/data" test/box:1 \
  sleep 100000 >/dev/null
run "${paas[@]}" --json project delete mine --yes --confirm mine
expect_equal "$code" 1
expect_contains "$volume" "$(json '.error.message + .error.target + .error.detail')"
expect_json .data.project.status deleting
pack=$SI_PAAS_STATE_ROOT/contexts/t/runpacks/$(json .data.operation.runpack)
expect_exit 0 si runpack verify "$pack"
expect_equal "$(jq -r '.result.remaining[].name' "$pack/artifacts/result.json")" "$volume"
expect_equal "$(docker -H "$DOCKER_HOST" inspect -f '{{.State.Running}}' stranger)" true
expect_exit 4 "${paas[@]}" project create mine --stack "$dir/mine.yaml"
docker -H "$DOCKER_HOST" rm -f stranger >/dev/null
expect_exit 0 "${paas[@]}" --json reconcile --apply
expect_json '[.data.projects[] | select(.slug == "mine") | .status]' '["deleted"]'
expect_no_resources
