#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One container, from nothing to nothing: what every other test beside an engine does first, in a few
# seconds. It is the one that is run under sanitizers, too; those that wait for engines are run once.
# R62 to R66.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

paas=(si paas --context t)
settings=(--provisioner local --config "socket=$SI_TEST_SOCKET" --config settle_ms=300
  --config stop_timeout_s=1)
busybox_image test/box:1
cat >"$dir/stack.yaml" <<'YAML'
x-si-secrets:
  PASSWORD: {generate: password}
services:
  web:
    image: test/box:1
    command: ["sh", "-c", "echo came up; exec sleep 100000"]
    init: true
    volumes: ["data:/data"]
    environment: {PASSWORD: "${PASSWORD}"}
    healthcheck: {test: ["CMD", "true"], interval: 200ms}
volumes:
  data:
YAML
expect_exit 0 si paas context create t
expect_exit 0 si vault init --context t

begin "it comes up, healthy, with its secret"
expect_exit 0 "${paas[@]}" --json project create app --stack "$dir/stack.yaml" "${settings[@]}"
expect_exit 0 "${paas[@]}" --json project show app
expect_json .data.status running
expect_json '.data.live.services | map([.name, .state, .health])' '[["web","running","healthy"]]'
expect_equal "$(resources | cut -d ' ' -f 1 | sort | tr '\n' ' ')" "container network volume "
secret=$("${paas[@]}" secret get --app app PASSWORD)
expect_equal "$(engine GET "/containers/$(resources | sed -n 's/^container //p')/json" |
  jq -r '.Config.Env[] | select(startswith("PASSWORD="))')" "PASSWORD=$secret"

begin "what is missing is found, and brought back"
engine DELETE "/containers/$(resources | sed -n 's/^container //p')?force=1" >/dev/null
run "${paas[@]}" --json reconcile
[ "$code" != 0 ] || expect_contains web
expect_exit 0 "${paas[@]}" --json reconcile --apply
expect_exit 0 "${paas[@]}" --json project show app
expect_json '.data.live.services | map([.name, .state])' '[["web","running"]]'

begin "one that cannot come up has failed, with its last words"
sed 's/echo came up; exec sleep 100000/echo last words; exit 3/' "$dir/stack.yaml" >"$dir/broken.yaml"
expect_exit 1 "${paas[@]}" --json project create broken --stack "$dir/broken.yaml" "${settings[@]}"
expect_json .error.target web
expect_contains "last words"

begin "a second file, variables and limits reach the container"
cat >"$dir/limits.yaml" <<'YAML'
x-limits: &limits
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
services:
  web:
    <<: *limits
    environment: ["WHO=${WHO:?nobody}"]
    env_file: web.env
    mem_limit: ${MEMORY:-64m}
    cpus: 0.5
    pids_limit: 50
    shm_size: 1m
    ulimits: {nofile: {soft: 100, hard: 200}}
    sysctls: {net.core.somaxconn: 99}
    extra_hosts: ["other:10.9.8.7"]
    logging: {driver: json-file, options: {max-size: 1m}}
    expose: [81]
YAML
printf 'WHO=%s\n' me >"$dir/.env"
printf 'FROM=file\nWHO=nobody\n' >"$dir/web.env"
expect_exit 0 "${paas[@]}" --json project create small --stack "$dir/stack.yaml" \
  --stack "$dir/limits.yaml" "${settings[@]}"
expect_json .data.project.status running
container=$(engine GET /containers/json |
  jq -r '.[] | select(.Labels["si.slug"] == "small") | .Id')
engine GET "/containers/$container/json" >"$dir/small.json"
expect_equal "$(jq -c '[.HostConfig | .Memory, .NanoCpus, .PidsLimit, .ShmSize, .CapDrop,
  .SecurityOpt, .Sysctls, .ExtraHosts, .LogConfig.Type, .Ulimits[0].Soft]' "$dir/small.json")" \
  '[67108864,500000000,50,1048576,["ALL"],["no-new-privileges:true"],{"net.core.somaxconn":"99"},["other:10.9.8.7"],"json-file",100]'
expect_equal "$(jq -r '.Config.Env[]' "$dir/small.json" | grep -E '^(WHO|FROM)=' | sort | tr '\n' ' ')" \
  "FROM=file WHO=me "
expect_exit 0 "${paas[@]}" --json reconcile

begin "all are deleted, and nothing is left"
for name in app broken small; do
  expect_exit 0 "${paas[@]}" project delete "$name" --yes --confirm "$name"
done
expect_no_resources
expect_exit 0 "${paas[@]}" events verify
