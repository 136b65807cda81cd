#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Releases onto what runs, on a real engine: deploy, plan, rollback; a release that fails leaves the
# one before serving; a deploy that was killed is brought to an end. R24 to R27, R66.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

paas=(si paas --context t)
busybox_image test/box:1
expect_exit 0 si paas context create t
expect_exit 0 si vault init --context t
printf 'a-value-nobody-may-see' | expect_exit 0 si paas secret set --context t --app shop TOKEN --stdin

# stack FILE WORDS [KEYS]: a page that says WORDS, and a neighbour that never changes.
stack() {
  cat >"$dir/$1.yaml" <<YAML
x-si-secrets: {TOKEN: }
services:
  web:
    image: test/box:1
    command: ["sh", "-c", "mkdir -p /tmp/w; echo $2 >/tmp/w/index.html; exec httpd -f -p 80 -h /tmp/w"]
    init: true
    ports: ["18080:80"]
    environment: {TOKEN: "\${TOKEN}"}
${3:-}
  db:
    image: test/box:1
    command: ["sh", "-c", "date +%N >>/data/starts; exec sleep 100000"]
    init: true
    volumes: ["data:/data"]
volumes: {data: }
YAML
}
serves() { expect_equal "$(curl -sS --retry 5 --retry-connrefused http://127.0.0.1:18080/)" "$1" "the page"; }
container_of() { # SERVICE
  engine GET /containers/json -G --data-urlencode "filters={\"label\":[\"si.service=$1\"]}" | jq -r '.[].Id'
}
deploy() { run "${paas[@]}" --json deploy --app shop --stack "$dir/$1.yaml" "${@:2}"; }
current() { # RELEASE: what the store says, and that only one is current
  expect_exit 0 "${paas[@]}" --json releases --app shop
  expect_json '[.data[] | select(.current) | .release] | join(" ")' "$1"
}
# rolled_back WORDS BEFORE TEXT: the deploy failed, and the release before serves.
rolled_back() {
  expect_equal "$code" 1
  expect_json .ok false
  failed=$out
  expect_json '.data.deployments[0].status' rolled_back
  expect_contains "$3" "$(json .error.message)"
  expect_contains "release $2 serves again" "$(json .error.remediation)"
  expect_json .data.project.status running
  serves "$1"
  current "$2"
}

config=(--provisioner local --config "socket=$SI_TEST_SOCKET")

begin "the guard: what the context's policy refuses is not begun, what it warns of is told"
stack open one "    cap_add: [SYS_TIME]"
sed -i 's/"18080:80"/"0.0.0.0:18080:80"/' "$dir/open.yaml"
expect_exit 9 si --json paas stack check "$dir/open.yaml"
expect_json '[.data.findings[] | .rule + " " + .severity] | join(",")' "port.public warn,cap.add refuse"
expect_contains "open.yaml:" "$(json .error.message)"
deploy open "${config[@]}"
expect_equal "$code" 9
expect_json .error.code STACK_GUARD
expect_no_resources
expect_exit 2 si paas stack policy set --context t cap.add=perhaps
expect_exit 2 si paas stack policy set --context t nothing=warn
expect_exit 0 si paas stack policy set --context t cap.add=allow port.public=refuse
deploy open "${config[@]}"
expect_equal "$code" 9
expect_contains "port.public" "$(json .error.message)"
expect_exit 0 si paas stack policy set --context t port.public=warn
deploy open "${config[@]}"
expect_equal "$code" 0
expect_contains "0.0.0.0, which is every address" "$err"
expect_json '[.data.findings[] | .rule + " " + .severity] | join(",")' "port.public warn"
expect_equal "$(engine GET "/containers/$(container_of web)/json" | jq -r '.HostConfig.CapAdd[0]')" SYS_TIME
expect_exit 0 "${paas[@]}" --json events list --limit 20
expect_json '[.data[] | select(.action == "stack.policy.set" and .status == "ok") | .severity] | join(",")' "warning,warning"
expect_exit 0 si paas stack policy clear --context t
expect_exit 0 "${paas[@]}" project delete shop --yes --confirm shop
expect_no_resources

begin "an app's first deploy makes it; the plan before says so"
stack v1 one
expect_exit 0 "${paas[@]}" --json plan --app shop --stack "$dir/v1.yaml" --output "$dir/first.plan"
expect_json '[.data.services[] | .name + ":" + .change] | join(" ")' "db:add web:add"
expect_no_resources
deploy v1 --plan "$dir/first.plan" "${config[@]}" --note "the first"
expect_equal "$code" 0
expect_json .data.project.release 1
serves one
db=$(container_of db)

begin "the next one changes what differs, and nothing else"
stack v2 two
expect_exit 0 "${paas[@]}" --json plan --app shop --stack "$dir/v2.yaml"
expect_json '[.data.services[] | .name + ":" + .change] | join(" ")' "db:keep web:change"
expect_json '.data.services[1].members | join(" ")' command
expect_exit 0 "${paas[@]}" --json deploy --app shop --stack "$dir/v2.yaml" --dry-run
serves one
deploy v2 --note "second try"
expect_equal "$code" 0
expect_json '.data.deployments | length' 1
expect_json '.data.deployments[0] | [.status, .from_release, .release] | join(" ")' "ok 1 2"
serves two
expect_equal "$(container_of db)" "$db" "the neighbour was made anew"
current 2
expect_json '[.data[].note] | join(",")' "second try,the first"
expect_exit 0 si runpack verify --context t --operation "$(si paas --context t --json events list --limit 5 | jq -r '[.data[] | select(.action == "app.deploy")][-1].operation')"

begin "the same stack again is the same release"
deploy v2
expect_equal "$code" 0
expect_json '.data.deployments[0] | [.status, .release] | join(" ")' "ok 2"
current 2

begin "rolling back, and forward again"
expect_exit 0 "${paas[@]}" --json rollback --app shop
expect_json .data.project.release 1
serves one
expect_exit 0 "${paas[@]}" --json rollback --app shop --to 2
serves two
current 2
expect_exit 3 "${paas[@]}" rollback --app shop --to 9
expect_exit 3 "${paas[@]}" rollback --app nobody
expect_exit 2 "${paas[@]}" rollback --app shop --to nought

begin "a plan that does not hold any more is refused"
stack v3 three
expect_exit 0 "${paas[@]}" plan --app shop --stack "$dir/v3.yaml" --output "$dir/plan"
deploy v2 --plan "$dir/plan"
expect_equal "$code" 4
expect_json .error.code PLAN_STALE
engine POST "/containers/$db/restart?t=0" >/dev/null
engine POST "/containers/$(container_of web)/stop?t=0" >/dev/null
deploy v3 --plan "$dir/plan"
expect_equal "$code" 4
expect_contains "what runs on its targets changed" "$(json .error.message)"
echo '{"schema":"si.plan/1"}' >"$dir/plan"
deploy v3 --plan "$dir/plan"
expect_equal "$code" 4
echo nonsense >"$dir/plan"
deploy v3 --plan "$dir/plan"
expect_equal "$code" 2
deploy v2
expect_equal "$code" 0

begin "an image that is not there, a command that ends, a check that never passes"
stack bad none
sed -i '0,/test\/box:1/s//test\/nowhere:1\n    pull_policy: never/' "$dir/bad.yaml"
web=$(container_of web)
deploy bad
rolled_back two 2 test/nowhere:1
expect_equal "$(container_of web)" "$web" "what serves was touched for an image that is not there"
stack bad none '    entrypoint: ["sh", "-c", "echo my last words; exit 7"]'
deploy bad
rolled_back two 2 "code 7"
expect_contains "my last words" "$(jq -r .error.detail <<<"$failed")"
stack bad none '    healthcheck: {test: [CMD, test, -e, /nowhere], interval: 1s, retries: 2}'
deploy bad
rolled_back two 2 health
stack bad none '    healthcheck: {test: [CMD, test, -e, /nowhere], interval: 1s, retries: 1000}'
deploy bad --health-timeout soon
expect_equal "$code" 2
deploy bad --health-timeout 2s
rolled_back two 2 "never passed within 2.0 s"
expect_exit 0 "${paas[@]}" --json events list --limit 3
expect_json '[.data[] | select(.action == "app.deploy")][0] | .status + " " + .severity' "failed warning"
expect_exit 0 "${paas[@]}" --json status
expect_json '.data[0] | [.status, .release] | join(" ")' "running 2"

begin "a failed release can be left as it is; nobody is told that it serves"
deploy bad --keep-failed
expect_equal "$code" 1
expect_json '.data.deployments[0].status' failed
expect_contains "rollback --app shop --to 2" "$(json .error.remediation)"
expect_exit 0 "${paas[@]}" --json events list --limit 3
expect_json '[.data[] | select(.action == "app.deploy")][0] | .status + " " + .severity' "failed critical"
expect_exit 0 "${paas[@]}" --json rollback --app shop --to 2
serves two

begin "a release keeps its images, whatever their names mean later"
old=$(engine GET /images/test/box:1/json | jq -r .Id)
printf 'FROM test/box:1\nLABEL another=one\n' >"$dir/Dockerfile"
rm -rf "$dir/.busybox/www"
mkdir -p "$dir/.busybox/www/other"
docker -H "$DOCKER_HOST" tag test/box:1 test/keep:1
docker -H "$DOCKER_HOST" rmi test/box:1 >/dev/null
busybox_image test/box:1
new=$(engine GET /images/test/box:1/json | jq -r .Id)
[ "$old" != "$new" ] || fail "the image is the same"
expect_exit 0 "${paas[@]}" --json rollback --app shop --to 1
serves one
expect_equal "$(engine GET "/containers/$(container_of web)/json" | jq -r .Image)" "$old"
deploy v3
expect_equal "$code" 0
serves three
expect_equal "$(engine GET "/containers/$(container_of web)/json" | jq -r .Image)" "$new"

begin "killed in the middle: the next command ends it, reconcile brings back the release that counts"
before=$(json .data.project.release)
stack slow four '    healthcheck: {test: [CMD, test, -e, /tmp/never], interval: 1s, retries: 100}'
"$SI_PREFIX/bin/si" paas --context t deploy --app shop --stack "$dir/slow.yaml" >/dev/null 2>&1 &
victim=$!
gone() { [ "$(curl -s http://127.0.0.1:18080/)" = four ]; }
until_true 60 gone
kill -KILL "$victim"
wait "$victim" 2>/dev/null
expect_exit 0 "${paas[@]}" --json reconcile --apply
expect_json '[.data.projects[] | .action + " " + .outcome] | join(",")' "converge ok"
serves three
current "$before"
expect_exit 0 "${paas[@]}" --json project show shop --stored
expect_json '[.data.operations[] | select(.kind == "deploy")][-1].status' interrupted

begin "no secret's value stands in what was kept or shown"
for words in "releases --app shop" "status" "project show shop" "events list --limit 50" \
  "plan --app shop --stack $dir/v2.yaml"; do
  # shellcheck disable=SC2086
  expect_exit 0 "${paas[@]}" --json $words
  case $out in *a-value-nobody-may-see*) fail "it shows the secret: $words" ;; esac
done
! grep -rlF a-value-nobody-may-see "$SI_PAAS_STATE_ROOT" || fail "the secret stands in a file"

begin "the end"
expect_exit 0 "${paas[@]}" project delete shop --yes --confirm shop
expect_no_resources
