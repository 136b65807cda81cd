#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The operator's day around apps, on a real engine: a stack to begin with, what there is, a reset,
# a removal that looks at every target, and one that cannot be proven. R24, R26, R28, R66, R72.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

paas=(si paas --context t)
busybox_image test/box:1
mkdir "$dir/image"
printf 'FROM test/box:1\nCMD ["sh","-c","date +%%N >>/data/starts; exec sleep 100000"]\n' >"$dir/image/Dockerfile"
docker -H "$DOCKER_HOST" build -q -t test/app:1 "$dir/image" >/dev/null 2>&1 || fail "no image"
expect_exit 0 si paas context create t
ln -s "$SI_TEST_SOCKET" "$dir/near.sock"
config=(--provisioner local --config "socket=$dir/near.sock")
container_of() { # SERVICE
  engine GET /containers/json -G --data-urlencode "filters={\"label\":[\"si.service=$1\"]}" | jq -r '.[].Id'
}

begin "a stack to begin with: it can be checked and deployed, and registers nothing"
expect_exit 2 si paas app init
expect_exit 2 si paas app init --app "No Name" --dir "$dir"
expect_exit 2 si paas app init --app shop --dir "$dir" --image 'a: b'
expect_exit 3 si paas app init --app shop --dir "$dir/nowhere"
[ ! -e "$dir/stack.yaml" ] || fail "a file was made"
expect_exit 0 si --json paas app init --app shop --dir "$dir" --image test/app:1
expect_json .data.file "$dir/stack.yaml"
expect_exit 0 si paas stack check "$dir/stack.yaml"
cp "$dir/stack.yaml" "$dir/before"
expect_exit 4 si --json paas app init --app other --dir "$dir"
expect_json .error.code APP_FILE_EXISTS
cmp "$dir/before" "$dir/stack.yaml" || fail "it was written over"
ln -s "$dir/elsewhere" "$dir/image/stack.yaml"
expect_exit 4 si paas app init --app shop --dir "$dir/image"
[ ! -e "$dir/elsewhere" ] || fail "a link was followed"
expect_exit 0 "${paas[@]}" --json app list
expect_json .count 0
sed -i 's|# volumes: \["data|volumes: ["data|; s|^# volumes: {data|volumes: {data|' "$dir/stack.yaml"
expect_exit 0 si paas stack check "$dir/stack.yaml"

begin "what there is: apps, their releases, their targets"
expect_exit 0 "${paas[@]}" deploy --app shop --stack "$dir/stack.yaml" "${config[@]}"
expect_exit 0 "${paas[@]}" --json app list
expect_json '.data[0] | [.name, .status, .release, .instances[0].target, .instances[0].release] | join(" ")' "shop running 1 local 1"
expect_exit 0 "${paas[@]}" --json app status --app shop
expect_json '.data[0].instances[0].live.services[0] | [.name, .state] | join(" ")' "web running"
expect_exit 3 "${paas[@]}" app status --app nobody
expect_exit 2 "${paas[@]}" app status
id=$("${paas[@]}" --json app list | jq -r '.data[0].id')
web=$(container_of web)

begin "a reset needs the name, and then begins with empty volumes, in evidence"
for flags in "" "--yes" "--yes --confirm other"; do
  # shellcheck disable=SC2086
  expect_exit 2 "${paas[@]}" --no-input app reset --app shop $flags
done
expect_equal "$(container_of web)" "$web" "something was done without a word"
expect_exit 3 "${paas[@]}" app reset --app nobody --yes --confirm nobody
expect_exit 2 si paas app reset --app shop --yes --confirm shop
# What the volume remembers, a restart of the container would have kept.
engine POST "/containers/$web/restart?t=0" >/dev/null
starts() { docker -H "$DOCKER_HOST" exec "$(container_of web)" wc -l /data/starts | cut -d' ' -f1; }
until_true 10 test "$(starts)" = 2
expect_exit 0 "${paas[@]}" --json app reset --app shop --yes --confirm shop
expect_json '.data.operation | [.kind, .status] | join(" ")' "reset ok"
expect_json '.data.project | [.id, .status, .release] | join(" ")' "$id running 1"
[ "$(container_of web)" != "$web" ] || fail "the container is the same"
until_true 10 test "$(starts)" = 1
expect_exit 0 si runpack verify --context t --operation "$(json .data.operation.id)"
expect_exit 0 "${paas[@]}" --json events list --limit 5
expect_json '[.data[] | select(.action == "app.reset" and .stream == "audit") | .status][0]' ok
expect_exit 0 "${paas[@]}" --json reconcile
expect_json .data.clean true

begin "a reset that fails says so, and can be run again"
docker -H "$DOCKER_HOST" save -o "$dir/app.tar" test/app:1
engine DELETE "/containers/$(container_of web)?force=1" >/dev/null
docker -H "$DOCKER_HOST" rmi test/app:1 >/dev/null
run "${paas[@]}" --json app reset --app shop --yes --confirm shop
[ "$code" != 0 ] || fail "it passed without its image"
expect_contains "app reset --app shop" "$(json .error.remediation)"
expect_exit 0 "${paas[@]}" --json reconcile
expect_json '.data.projects[0].verdict' drifted
docker -H "$DOCKER_HOST" load -q -i "$dir/app.tar" >/dev/null
expect_exit 0 "${paas[@]}" --json app reset --app shop --yes --confirm shop
expect_json .data.project.status running

begin "removal needs the name, and proves it gone"
expect_exit 2 "${paas[@]}" --no-input app remove --app shop --yes
expect_exit 0 "${paas[@]}" --json app remove --app shop --yes --confirm shop
expect_json '.data.project.status' deleted
expect_json '.data | has("unverified")' false
expect_no_resources

begin "a target that is lost: no delete passes for a proof, and what is let be is told"
mv "$dir/near.sock" "$dir/far.sock" # nothing leads to the engine but this target
expect_exit 0 "${paas[@]}" target add far --socket "$dir/far.sock"
expect_exit 0 "${paas[@]}" deploy --app shop --stack "$dir/stack.yaml" --target far \
  --provisioner local --config "socket=$dir/no-engine-here.sock"
rm "$dir/far.sock"
expect_exit 6 "${paas[@]}" --json app remove --app shop --yes --confirm shop
expect_json '.data.project.status' deleting
expect_exit 2 "${paas[@]}" --no-input app remove --app shop --accept-unverified --yes
expect_exit 0 "${paas[@]}" --json app remove --app shop --accept-unverified --yes --confirm shop
expect_json '.data.project.status' deleted
expect_json '.data.unverified[0].target' far
expect_contains "not proven gone on target far" "$err"
operation=$(json .data.operation.id)
expect_exit 0 "${paas[@]}" --json events list --limit 3 --stream audit
expect_json "[.data[] | select(.operation == \"$operation\" and .action == \"project.delete\")][0] | .severity + \" \" + (.fields.unverified[0] | split(\":\")[0])" "warning far"
expect_exit 0 si paas events verify --context t
expect_exit 0 si runpack verify --context t --operation "$operation"

begin "what was let be is found again, on its target, and removed"
expect_exit 0 "${paas[@]}" --json reconcile
expect_json '.data.orphans | length' 0
expect_equal "$(json '[.data.unreachable[].target] | unique | join(",")')" far,local
ln -s "$SI_TEST_SOCKET" "$dir/far.sock"
[ -n "$(resources)" ] || fail "nothing was left to be found"
run "${paas[@]}" --json reconcile
expect_json '[.data.orphans[].target] | unique | join(",")' far
expect_json '[.data.orphans[].type] | unique | join(",")' container,network,volume
expect_exit 0 "${paas[@]}" --json reconcile --apply
expect_no_resources
