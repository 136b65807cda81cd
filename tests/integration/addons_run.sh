#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The add-on postgres on a real engine, with the sample's image: enabled before the app is there, used
# by it with the generated password, kept over a deploy, gone after the one that follows `disable`.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

paas=(si paas --context t)
config=(--provisioner local --config "socket=$SI_TEST_SOCKET")
expect_exit 0 "$repository/examples/blog/images.sh"
expect_exit 0 si paas context create t
expect_exit 0 si vault init --context t

# stack NAME SQL: an app that says SQL to the add-on's database, and ends where that fails.
stack() {
  cat >"$dir/$1.yaml" <<YAML
services:
  ask:
    image: si-sample/postgres:15
    entrypoint: [psql, -X, -v, ON_ERROR_STOP=1, -c, "$2"]
    environment: {PGHOST: postgres, PGUSER: postgres, PGDATABASE: orders, PGPASSWORD: "\${ADDON_POSTGRES_PASSWORD}"}
    networks: [addon-postgres]
    depends_on: {postgres: {condition: service_healthy}}
    x-si-oneshot: true
YAML
}
of_postgres() { engine GET /containers/json -G --data-urlencode 'filters={"label":["si.service=postgres"]}'; }

begin "the app's first deploy brings the add-on, and the app may use it"
expect_exit 0 "${paas[@]}" addon enable postgres --app shop --set image=si-sample/postgres:15 --set database=orders
expect_no_resources
stack make "create table kept(v int); insert into kept values (42)"
expect_exit 0 "${paas[@]}" --json deploy --app shop --stack "$dir/make.yaml" "${config[@]}"
expect_json .data.project.status running

begin "it is confined as its pack says, and has no port on the host"
id=$(of_postgres | jq -r '.[0].Id')
expect_equal "$(engine GET "/containers/$id/json" | jq -c '.HostConfig |
  [.ReadonlyRootfs, .CapDrop, .Memory, .PortBindings // {}]')" '[true,["ALL"],1073741824,{}]'
expect_equal "$(of_postgres | jq -c '[.[0].Ports[] | select(.PublicPort)]')" '[]'
expect_exit 0 "${paas[@]}" --json secret list --app shop
expect_contains ADDON_POSTGRES_PASSWORD

begin "its data is there after a deploy, and it was not made anew"
stack look "select 1 / (count(*) = 1)::int from kept where v = 42"
expect_exit 0 "${paas[@]}" --json deploy --app shop --stack "$dir/look.yaml"
expect_equal "$(of_postgres | jq -r '.[0].Id')" "$id"

begin "disabling leaves it running until the next deploy"
expect_exit 0 "${paas[@]}" addon disable postgres --app shop
expect_equal "$(of_postgres | jq length)" 1
run "${paas[@]}" --json deploy --app shop --stack "$dir/look.yaml"
expect_equal "$code" 2
expect_json .error.code STACK_VARIABLE
expect_contains "network addon-postgres, which is not declared"
cat >"$dir/alone.yaml" <<'YAML'
services: {alone: {image: "si-sample/postgres:15", entrypoint: [sleep, "100000"], init: true}}
YAML
expect_exit 0 "${paas[@]}" --json deploy --app shop --stack "$dir/alone.yaml"
expect_equal "$(of_postgres | jq length)" 0

begin "a rollback brings it back as it was, with its data"
expect_exit 0 "${paas[@]}" --json rollback --app shop
expect_equal "$(of_postgres | jq length)" 1
expect_exit 0 "${paas[@]}" project delete shop --yes --confirm shop
expect_no_resources
