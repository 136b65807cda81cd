#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The main job on podman: examples/blog comes up, its page shows the row, the evidence verifies, and
# a delete leaves nothing, but what others use. Then what podman does in its own way. R46 to R50,
# R62 to R66.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

# needs_podman "$@" (of the script itself): goes on beside a private podman, SI_TEST_SOCKET.
needs_podman() {
  [ -z "${SI_TEST_SOCKET:-}" ] || return 0
  run_exit_commands # exec would not
  exec "$repository/tests/servers/podman.sh" "$(readlink -f "$0")" "$@"
}
needs_podman "$@"

paas=(si paas --context oss-demo)
engine_is=(--provisioner local --config "socket=$SI_TEST_SOCKET")
page=http://127.0.0.1:8088/
expect_equal "$(engine GET /version | jq -r '.Components[0].Name')" "Podman Engine"

begin "the project comes up on images that were made without a registry"
expect_exit 0 "$repository/examples/blog/images.sh"
expect_exit 0 si paas context create oss-demo
expect_exit 0 si vault init --context oss-demo
expect_exit 0 "${paas[@]}" --json project create blog \
  --stack "$repository/examples/blog/stack.yaml" "${engine_is[@]}"
expect_json .ok true
expect_exit 0 "${paas[@]}" --json project show blog
expect_json .data.status running
expect_json '[.data.live.services[] | [.name, .state, .health]]' \
  '[["db","running","healthy"],["seed","exited","none"],["web","running","healthy"]]'
expect_exit 0 curl -sf "$page"
expect_contains "Hello from your own server"
expect_equal "$(engine GET /containers/json |
  jq -c '[.[].Ports // [] | .[] | select(.PublicPort) | .IP] | unique')" '["127.0.0.1"]'

begin "nothing differs from the stack, and a container that was stopped is started again"
expect_exit 0 "${paas[@]}" --json reconcile
expect_json .data.clean true
web=$(resources | sed -n 's/^container \(.*_web\)$/\1/p')
engine POST "/containers/$web/stop"
expect_exit 0 "${paas[@]}" reconcile --apply
expect_exit 0 "${paas[@]}" --json reconcile
expect_json .data.clean true
expect_exit 0 curl -sf "$page"

begin "its logs are shown, from the first line and from a time on"
expect_exit 0 "${paas[@]}" --json logs --app blog --service db --tail 1000
expect_equal "$(jq -rs 'map(.service) | unique | join(",")' <<<"$out")" db
[ "$(jq -rs length <<<"$out")" -gt 2 ] || fail "a database that says nothing"
last=$(jq -rs '.[-1] | .time[:23] + "Z"' <<<"$out")
expect_equal "$(jq -rs 'map(.time) | . == sort' <<<"$out")" true
expect_exit 0 "${paas[@]}" --json logs --app blog --service db --since "$last"
[ "$(jq -rs length <<<"$out")" -ge 1 ] || fail "not even the last line"
expect_equal "$(jq -rs --arg last "${last%Z}" 'map(select(.time[:23] < $last)) | length' <<<"$out")" 0

begin "the create left a runpack that verifies without any state"
expect_exit 0 "${paas[@]}" --json project show blog --stored
operation=$(json '[.data.operations[] | select(.kind == "provision")][0].id')
expect_exit 0 si runpack export --context oss-demo --operation "$operation" --sink file \
  --config "root=$dir/evidence"
manifest=$(find "$dir/evidence" -name manifest.json)
[ -n "$manifest" ] || fail "no manifest was written under $dir/evidence"
expect_exit 0 env -u SI_PAAS_STATE_ROOT HOME="$dir/nobody" "$SI_PREFIX/bin/si" runpack verify \
  "$(dirname "$manifest")"

# podman itself would take the network away from under the container, running or not.
begin "a network that another's container is on is left alone and named; without it all goes"
network=$(resources | sed -n 's/^network \(.*_outside\)$/\1/p')
engine POST '/containers/create?name=guest' -H 'Content-Type: application/json' -d "{
  \"Image\": \"si-sample/blog:1\", \"Cmd\": [\"sleep\", \"1000\"],
  \"HostConfig\": {\"Init\": true, \"NetworkMode\": \"$network\"}}" >/dev/null
for state in created running; do
  [ "$state" = created ] || engine POST /containers/guest/start
  expect_equal "$(engine GET /containers/guest/json | jq -r .State.Status)" "$state"
  expect_exit 1 "${paas[@]}" project delete blog --yes --confirm blog
  expect_contains "network $network is used by container guest, which is not this project's"
  expect_equal "$(resources)" "network $network"
done
engine DELETE '/containers/guest?force=true' >/dev/null
expect_exit 0 "${paas[@]}" project delete blog --yes --confirm blog
expect_no_resources
expect_exit 7 curl -sf "$page" # curl: could not connect

begin "a health check that nobody runs is told as such"
busybox_image test/box # podman takes no other tag with an import
cat >"$dir/checked.yaml" <<'YAML'
services:
  web:
    image: test/box
    command: ["sleep", "1000"]
    init: true
    healthcheck: {test: ["CMD", "true"], interval: 1s}
YAML
touch "$(dirname "$SI_TEST_SOCKET")/no-checks" # as on a host without systemd
expect_exit 1 "${paas[@]}" project create checked --stack "$dir/checked.yaml" "${engine_is[@]}" \
  --config ready_timeout_ms=2500
expect_contains "service web: the engine did not once run its health check within 2.5 s"
expect_contains "systemd"
rm "$(dirname "$SI_TEST_SOCKET")/no-checks"
expect_exit 0 "${paas[@]}" project retry checked --stack "$dir/checked.yaml"
expect_exit 0 "${paas[@]}" project delete checked --yes --confirm checked
expect_no_resources
