#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The main job from outside: examples/blog comes up, its page shows the row, the evidence verifies
# and stops verifying when one byte of it changes, and a delete leaves nothing. R2, R46 to R50, R62
# to R66.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

paas=(si paas --context oss-demo)
engine_is=(--provisioner local --config "socket=$SI_TEST_SOCKET")
page=http://127.0.0.1:8088/

begin "the sample's images are made without a registry"
expect_exit 0 "$repository/examples/blog/images.sh"
expect_exit 0 "$repository/examples/blog/images.sh"
expect_contains "si-sample/blog:1 is there"

begin "a context is made once"
expect_exit 0 si paas context init oss-demo
expect_exit 0 si paas context init oss-demo
expect_exit 4 si paas context create oss-demo
expect_exit 0 si vault init --context oss-demo

begin "the project comes up"
expect_exit 0 "${paas[@]}" --json project create blog \
  --stack "$repository/examples/blog/stack.yaml" "${engine_is[@]}"
expect_json .ok true
expect_exit 0 "${paas[@]}" --json project show blog
expect_json .data.status running
expect_exit 0 "${paas[@]}" project show blog
expect_contains running

begin "its page shows a row of the database, and the port is on loopback alone"
expect_exit 0 curl -sf "$page"
expect_contains "Hello from your own server"
expect_contains "It was read once"
expect_exit 0 curl -sf "$page"
expect_contains "It was read 2 times"
expect_equal "$(engine GET /containers/json |
  jq -c '[.[].Ports[] | select(.PublicPort) | .IP] | unique')" '["127.0.0.1"]'

begin "a second create of the same name is refused and changes nothing"
before=$(resources | sort)
expect_exit 4 "${paas[@]}" project create blog --stack "$repository/examples/blog/stack.yaml" \
  "${engine_is[@]}"
expect_equal "$(resources | sort)" "$before"

begin "the create left a runpack that verifies without any state"
expect_exit 0 "${paas[@]}" --json project show blog --stored
expect_json '.data.operations | map([.kind, .status, .evidence])' '[["provision","ok","stored"]]'
operation=$(json '.data.operations[0].id')
expect_exit 0 si runpack list --context oss-demo --json
expect_contains "$operation"
sink=$dir/evidence
expect_exit 0 si runpack export --context oss-demo --operation "$operation" --sink file \
  --config "root=$sink"
manifest=$(find "$sink" -name manifest.json)
[ -n "$manifest" ] || fail "no manifest was written under $sink"
pack=$(dirname "$manifest")
expect_exit 0 env -u SI_PAAS_STATE_ROOT HOME="$dir/nobody" "$SI_PREFIX/bin/si" runpack verify "$pack"

flip_last_byte() {
  local size last
  size=$(stat -c %s "$1")
  last=$(tail -c 1 "$1" | od -An -tu1)
  # shellcheck disable=SC2059
  printf "$(printf '\\%03o' $((last ^ 1)))" |
    dd of="$1" bs=1 seek=$((size - 1)) conv=notrunc status=none
}

begin "one changed byte of any artifact, or of the manifest, is found and named"
while read -r file; do
  cp -p "$file" "$dir/saved"
  chmod u+w "$file"
  flip_last_byte "$file"
  cmp -s "$file" "$dir/saved" && fail "the test did not change $file"
  expect_exit 8 si runpack verify "$pack"
  expect_contains "$(basename "$file" | sed 's/^manifest\.json$/manifest/')"
  cp -p "$dir/saved" "$file"
done < <(find "$pack" -type f -size +0)
expect_exit 0 si runpack verify "$pack"

begin "a missing manifest is an incomplete runpack"
mv "$manifest" "$dir/manifest"
expect_exit 8 si runpack verify "$pack"
mv "$dir/manifest" "$manifest"

begin "a delete needs its confirmation and leaves nothing"
expect_exit 2 "${paas[@]}" --no-input project delete blog
expect_exit 0 "${paas[@]}" project delete blog --yes --confirm blog
expect_no_resources
expect_exit 7 curl -sf "$page" # curl: could not connect
expect_exit 0 si runpack verify "$pack"

begin "no plugin of ours tried what it does not declare"
expect_exit 0 "${paas[@]}" --json events list --stream audit --limit 1000
expect_json '[.data[] | select(.action == "plugin.stop")]' '[]'
