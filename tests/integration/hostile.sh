#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A plugin that tries what it does not declare is kept from it, and the operation's record says so:
# its log in the runpack, and an event plugin.stop in the audit chain. A plugin gets the secrets that
# its stack or its configuration refers to, and no other. R26, R67, R69, R74.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

: "${SI_TEST_PLUGINS:?is the directory of the misbehaving plugins; ctest sets it}"
plugin_tree hostile asking-store
paas=(si paas --context t)
contexts=$SI_PAAS_STATE_ROOT/contexts
sanitized=0
! ldd "$SI_PREFIX/libexec/si/si-host" | grep -q libasan || sanitized=1

cat >"$dir/stack.yaml" <<'YAML'
x-si-secrets:
  GIVEN:
  SIGNER: {generate: password, length: 40}
  TOKEN: {generate: jwt, key: SIGNER, claims: {role: test}}
services:
  web:
    image: x:1
    environment:
      PASSWORD: "${GIVEN}"
      TOKEN: "${TOKEN}"
YAML
expect_exit 0 si paas context create t
expect_exit 0 si vault init --context t
number=0

# attempt DO [PATH]: one operation of a project of its own. Leaves its id in $operation, and what the
# plugin told in $told.
attempt() {
  number=$((number + 1))
  project=p$number
  for key in GIVEN ${2:+$([ "$1" != secret ] || echo ANOTHER)}; do
    printf 'a value of %s' "$key" | si paas --context t secret set --app "$project" "$key" --stdin \
      >"$dir/.set" 2>&1 || fail "the secret cannot be set: $(<"$dir/.set")"
  done
  run "${paas[@]}" --json project create "$project" --stack "$dir/stack.yaml" \
    --provisioner hostile --config "do=$1" --config "path=${2:-}"
  [ "$code" = 1 ] || fail "exit code $code where 1 was expected" # nothing of it came up
  expect_exit 0 "${paas[@]}" --json project show "$project" --stored
  operation=$(json '.data.operations[0].id')
  log=$(find "$contexts/t/runpacks" -path "*/run/$operation/*" -name log.txt)
  [ -s "$log" ] || fail "operation $operation has no log in its evidence"
  told=$(jq -c .result "$(dirname "$log")/result.json")
}

# told_of KIND WHAT: the events plugin.stop of the operation are these, each once.
told_of() {
  run si paas --context t --json events list --stream audit --limit 1000
  expect_json "[.data[] | select(.action == \"plugin.stop\" and .operation == \"$operation\") |
    select(.fields.what != \"/etc/shadow\" or \"$2\" == \"/etc/shadow\")] |
    map([.target, .fields.kind, .fields.what, .status, .severity])" \
    "[[\"hostile\",\"$1\",\"$2\",\"refused\",\"critical\"]]"
}

# stopped ERRNO KIND WHAT DO [PATH]
stopped() {
  local errno=$1 kind=$2 what=$3
  shift 3
  begin "a plugin that tries $1 is kept from it, and its operation's record says so"
  attempt "$@"
  expect_equal "$(jq .errno <<<"$told")" "$errno"
  expect_contains "$what" "$(<"$log")"
  told_of "$kind" "$what"
}

stopped 1 'system call' socket tcp
if [ "$sanitized" = 0 ]; then # whose search for leaks needs these; nor are files told there
  stopped 1 'system call' ptrace ptrace
  stopped 1 'system call' clone fork
  stopped 13 file /etc/shadow shadow
  stopped 13 file "$dir/outside" write "$dir/outside"
  [ ! -e "$dir/outside" ] || fail "it was written"
fi
stopped 15 secret ANOTHER secret ANOTHER

begin "a secret that is declared to sign another is not lent"
attempt secret SIGNER
expect_equal "$(jq .errno <<<"$told")" 15
told_of secret SIGNER

begin "a secret that a service refers to is lent, and lies in locked memory"
attempt secret GIVEN
expect_equal "$(jq '[.errno, .during, .after]' -c <<<"$told")" '[0,1,0]'
run si paas --context t --json events list --stream audit --limit 1000
expect_json "[.data[] | select(.operation == \"$operation\" and .fields.kind == \"secret\")]" '[]'
! grep -rq 'a value of' "$contexts/t" || fail "a value stands in a file"

# --- stores --------------------------------------------------------------------------------------

for key in GIVEN ANOTHER; do
  printf 'a value of %s' "$key" | si paas --context t secret set "$key" --stdin >/dev/null ||
    fail "the secret cannot be set"
done
export AWS_SECRET_ACCESS_KEY=nobody-gave-it-this

# store_stops: what the chain tells of asking-store, each once.
store_stops() {
  run si paas --context t --json events list --stream audit --limit 1000
  json '[.data[] | select(.action == "plugin.stop" and .target == "asking-store") |
    "\(.operation // "-") \(.fields.kind) \(.fields.what)"] | sort | join("; ")'
}

begin "a store asks for another secret: refused, said, and in the audit chain of the context"
expect_exit 0 si runpack list --context t --sink asking-store --config key=vault:GIVEN
expect_contains "plugin asking-store was kept from a secret that it may not have: ANOTHER" "$err"
expect_equal "$(store_stops)" "- secret ANOTHER; - secret env:AWS_SECRET_ACCESS_KEY"

begin "so it is where a command stores something"
mkdir "$dir/from" && printf x >"$dir/from/x" && printf '{}' >"$dir/spec.json"
run si runpack export --context t --from "$dir/from" --namespace n --scenario s --run r \
  --spec "$dir/spec.json" --sink asking-store --config key=vault:GIVEN
expect_contains "secret that it may not have: ANOTHER" "$err"

begin "the store of an operation's evidence is held to its configuration, too"
config=$contexts/t/config.json
jq '.audit_sink = {provider: "asking-store", config: {key: "vault:GIVEN"}}' "$config" >"$dir/.config"
cat "$dir/.config" >"$config"
printf 'services: {web: {image: "x:1"}}' >"$dir/plain.yaml"
run "${paas[@]}" --json project create last --stack "$dir/plain.yaml" --provisioner hostile \
  --config do=thread
expect_exit 0 "${paas[@]}" --json project show last --stored
operation=$(json '.data.operations[0].id')
expect_contains "$operation secret ANOTHER; $operation secret env:AWS_SECRET_ACCESS_KEY" "$(store_stops)"

begin "the chain is whole"
expect_exit 0 "${paas[@]}" events verify
