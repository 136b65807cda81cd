#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Add-ons without an engine: what each pack says of itself, who has it, what an app's stack becomes
# with it, and that neither a stack nor a changed file gets around it. R33, R39.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

addon=(si paas --context t --json addon)
expect_exit 0 si paas context create t
cat >"$dir/app.yaml" <<'YAML'
x-si-secrets: {POSTGRES_PASSWORD: {generate: password}}
services:
  web: {image: "web:1", networks: [default, addon-redis], environment: {R: "redis://default:${ADDON_REDIS_PASSWORD}@redis"}}
  db: {image: "db:1", volumes: ["db-data:/var/lib/postgresql/data"]}
volumes: {db-data: }
YAML
shown() { expect_exit 0 si --json paas stack show "$@" --app shop --context t; }

begin "every pack tells its contract, and is one"
expect_exit 0 si --json paas addon contract
expect_json '[.data[].id] | join(" ")' "databasus nats postgres redis supabase-walg"
expect_exit 0 si --json paas addon contract supabase-walg
expect_json '.data.required_env | join(" ")' \
  "WALG_S3_PREFIX WALG_AWS_ACCESS_KEY_ID WALG_AWS_SECRET_ACCESS_KEY WALG_AWS_ENDPOINT"
expect_json '[.data.services[] | .name + ":" + .run] | join(" ")' \
  "supabase-walg-backup:asked supabase-walg-restore:asked"
expect_json '[.data.needs[] | .kind + "=" + .default] | join(" ")' \
  "service=db volume=db-data network=default secret=POSTGRES_PASSWORD"
expect_json .data.ports '[]'
expect_exit 3 si paas addon contract rediss
expect_contains "did you mean redis?"

begin "enabling is explicit, strict in its settings, and changes nothing twice"
expect_exit 2 si paas addon enable redis --app shop
expect_exit 2 "${addon[@]}" enable redis --app Shop
for wrong in nothing=1 image=redis image=redis:latest 'image=r:1 x' image=r:1@sha256:ab memory=1 'memory=${X}' image; do
  expect_exit 2 "${addon[@]}" enable redis --app shop --set "$wrong"
  expect_json .error.code ADDON_SETTING
done
expect_exit 2 "${addon[@]}" enable redis --app shop --set memory=1g --set memory=2g
expect_exit 0 "${addon[@]}" enable redis --app shop --set image=mine/redis:7
expect_json .data.changed true
expect_exit 0 "${addon[@]}" enable redis --app shop --set image=mine/redis:7
expect_json .data.changed false
expect_exit 0 "${addon[@]}" enable databasus --app shop
expect_exit 0 "${addon[@]}" enable supabase-walg --app shop --set db-volume=nowhere

begin "the app's stack has them, once it has what they build on"
expect_exit 2 si --json paas stack show "$dir/app.yaml" --app shop --context t
expect_json .error.code STACK_ADDON_NEEDS
expect_contains "needs the volume nowhere" "$(json .error.message)"
expect_contains "--set db-volume=NAME" "$(json .error.remediation)"
expect_exit 0 "${addon[@]}" enable supabase-walg --app shop
shown "$dir/app.yaml"
expect_json '[.data.document.services[].name] | join(" ")' "databasus db redis web"
expect_json '[.data.document.services[] | select(.ports != []) | .name]' '[]'
expect_json '.data.document.services[] | select(.name == "redis") | .image' mine/redis:7
expect_json '[.data.document.secrets[].name] | join(" ")' \
  "ADDON_REDIS_PASSWORD POSTGRES_PASSWORD WALG_AWS_ACCESS_KEY_ID WALG_AWS_ENDPOINT WALG_AWS_SECRET_ACCESS_KEY WALG_S3_PREFIX"
shown "$dir/app.yaml" --profile supabase-walg-backup
expect_json '.data.document.services[] | select(.name == "supabase-walg-backup") |
  [.oneshot, .environment.PGPASSWORD[0].secret, .volumes[0].source]' '[true,"POSTGRES_PASSWORD","db-data"]'

begin "no overlay gives Databasus a port, and none makes a service of a pack its own"
refused() { # CODE FILE...
  local code_wanted=$1
  shift
  expect_exit 2 si --json paas stack show "$@" --app shop --context t
  expect_json .error.code "$code_wanted"
}
over() { printf '%s\n' "$1" >"$dir/over.yaml"; }
over 'services: {databasus: {ports: ["4005:4005"]}}'
refused STACK_ADDON_CONFLICT "$dir/app.yaml" "$dir/over.yaml"
expect_contains "over.yaml:1: services.databasus is what the add-on databasus brings, on line 5 of addons/databasus/stack.yaml" \
  "$(json .error.message)"
refused STACK_ADDON_CONFLICT "$dir/over.yaml" "$dir/app.yaml"
over 'services: {databasus: !override {image: "databasus/databasus:v3.47.1", ports: ["4005:4005"]}}'
refused STACK_ADDON_CONFLICT "$dir/app.yaml" "$dir/over.yaml"
over 'services: {ui: {image: "databasus/databasus:v3.47.1", ports: ["4005:4005"]}}'
refused STACK_ADDON_PORT "$dir/app.yaml" "$dir/over.yaml"
expect_exit 2 si paas stack check "$dir/app.yaml" "$dir/over.yaml"
over 'services: {web: {networks: {addon-databasus: {aliases: [databasus]}}}}'
refused STACK_ADDON_CONFLICT "$dir/app.yaml" "$dir/over.yaml"
over 'volumes: {redis-data: }'
refused STACK_ADDON_CONFLICT "$dir/app.yaml" "$dir/over.yaml"

begin "a deploy takes the same way, before anything is begun"
over 'services: {databasus: {ports: ["4005:4005"]}}'
for verb in "deploy --app shop" "plan --app shop" "project create shop"; do
  read -ra words <<<"$verb"
  expect_exit 2 si paas --context t --json "${words[@]}" --stack "$dir/app.yaml" --stack "$dir/over.yaml"
  expect_json .error.code STACK_ADDON_CONFLICT
done

begin "a pack whose files changed is refused until it is enabled again"
cp -r "$SI_PREFIX/share/si/addons" "$dir/addons"
export SI_ADDON_DIR=$dir/addons
shown "$dir/app.yaml"
sed -i 's/"version": "1.0.0"/"version": "1.0.1"/' "$dir/addons/redis/pack.json"
expect_exit 4 si --json paas stack show "$dir/app.yaml" --app shop --context t
expect_json .error.code ADDON_CHANGED
expect_exit 0 "${addon[@]}" list --app shop
expect_json '[.data[] | .pack + ":" + .state] | join(" ")' "databasus:enabled redis:changed supabase-walg:enabled"
expect_exit 0 "${addon[@]}" enable redis --app shop
shown "$dir/app.yaml"
expect_json '.data.document.services[] | select(.name == "redis") | .image' redis:7.4.1-alpine

begin "a pack is not read from where others may write, nor when it is not what it says"
chmod o+w "$dir/addons/redis/stack.yaml"
expect_exit 5 si paas addon contract redis
chmod o-w "$dir/addons/redis/stack.yaml"
chmod o+w "$dir/addons/redis"
expect_exit 5 si paas addon contract redis
chmod o-w "$dir/addons/redis"
mv "$dir/addons/nats/stack.yaml" "$dir/addons/nats/real"
ln -s real "$dir/addons/nats/stack.yaml"
expect_exit 5 si paas addon contract nats
sed -i '/read_only: true/a\    ports: ["6379:6379"]' "$dir/addons/redis/stack.yaml"
expect_exit 0 "${addon[@]}" enable redis --app shop
refused STACK_ADDON_PORT "$dir/app.yaml"
rm -r "$dir/addons/redis"
expect_exit 3 si --json paas stack show "$dir/app.yaml" --app shop --context t
expect_contains "si paas addon disable redis --app shop" "$(json .error.remediation)"

begin "disabling needs no pack, and forgets nothing"
expect_exit 0 "${addon[@]}" disable redis --app shop
expect_exit 3 "${addon[@]}" disable redis --app shop
expect_json .error.code ADDON_NOT_ENABLED
expect_exit 0 "${addon[@]}" list --app shop --all
expect_json '[.data[] | select(.pack == "redis") | .state] | join(" ")' "disabled disabled disabled"
expect_exit 0 "${addon[@]}" list --app another
expect_json .count 0
expect_exit 0 si paas --context t --json events list --limit 50
expect_json '[.data[] | select(.action | startswith("addon.")) | select(.status == "ok") | .fields.pack] | join(" ")' \
  "redis redis redis supabase-walg supabase-walg databasus redis"
expect_exit 0 si paas events verify --context t
