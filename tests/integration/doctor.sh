#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The doctor from outside: every check fails once for its reason and passes after mending; a critical
# finding blocks deploys and changes of secrets, and nothing else; the weekly list. R11, R15, R20,
# R21, R23, R29, R30.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

: "${SI_TEST_PLUGINS:?is the directory of the misbehaving plugins; ctest sets it}"
for tool in git sqlite3; do
  command -v "$tool" >/dev/null || skip "there is no $tool (./check --deps installs it)"
done
plugin_tree misbehave
root=$SI_PAAS_STATE_ROOT
# work_on CONTEXT: what is looked at from here on.
work_on() {
  name=$1
  ctx=$root/contexts/$name
  paas=(si paas --context "$name")
}
work_on t
age=AGE-SECRET-KEY # apart from the rest: this project's own tree is scanned too
age+=-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHC6
printf 'services:\n  web:\n    image: x:1\n' >"$dir/stack.yaml"
printf 'a value' >"$dir/value"
cd "$dir" || exit 1

# doctor EXIT [OPTION...]
doctor() {
  local wanted=$1
  shift
  expect_exit "$wanted" si --json paas doctor --context "$name" "$@"
  expect_json .data.ok "$([ "$wanted" = 0 ] && echo true || echo false)"
  expect_json .ok "$([ "$wanted" = 0 ] && echo true || echo false)"
}

# finding ID SEVERITY [TEXT]: the last run told that, and how to mend it.
finding() {
  local found
  found=$(printf '%s' "$out" | jq -r --arg id "$1" --arg severity "$2" --arg text "${3:-}" \
    '[.data.checks[] | select(.id == $id and .severity == $severity
      and (.detail | contains($text)))] | first | .detail // empty')
  [ -n "$found" ] || fail "no $2 finding of $1 with '${3:-}'"
  [ "$2" = ok ] || [ -n "$(printf '%s' "$out" | jq -r --arg id "$1" --arg severity "$2" \
    '.data.checks[] | select(.id == $id and .severity == $severity) | .remediation // empty')" ] ||
    fail "$1 does not say what to do"
}

# nothing ID: the check found nothing.
nothing() {
  expect_json "[.data.checks[] | select(.id == \"$1\" and .severity != \"ok\")]" '[]'
}

# mended ID: all is well again.
mended() {
  doctor 0
  nothing "$1"
}

set_config() {
  jq "$1" "$ctx/config.json" >"$dir/.config" && cat "$dir/.config" >"$ctx/config.json"
}

begin "a fresh root and a fresh context are in order; R23"
expect_exit 0 si --json paas doctor
expect_json .data.ok true
expect_exit 0 si paas context create t
doctor 0
expect_json .data.critical 0
expect_json '.data.checks | map(select(.context == null)) | length > 5' true
expect_json '.data.checks | map(select(.context == "t")) | length > 10' true
finding database_integrity ok
# The kernel is what it is; a whole one is no finding.
case $(json '.data.checks[] | select(.id == "sandbox") | .severity') in
  ok) finding sandbox ok Landlock ;;
  *) finding sandbox warning "not whole" ;;
esac
expect_exit 3 si paas doctor --context nobody
expect_exit 2 si paas doctor --context t --all-contexts
expect_exit 0 si paas --context t project create blog --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=good
expect_exit 0 si vault init --context t --no-input
expect_exit 0 si paas --context t secret set TOKEN --file "$dir/value"
doctor 0
nothing context_vault_trust
nothing state_plaintext_exposure
nothing permissions
nothing event_chain

# --- the root --------------------------------------------------------------------------------

begin "R11: a root that resolves into a repository is critical, through links too"
git init -q "$dir/git"
mkdir -p "$dir/git/deep"
ln -s "$dir/git/deep" "$dir/innocent"
for place in "$dir/git/deep/state" "$dir/innocent/state"; do
  SI_PAAS_STATE_ROOT=$place expect_exit 8 si --json paas doctor
  finding state_root_outside_repo critical "$dir/git"
done
for place in relative/path ""; do
  SI_PAAS_STATE_ROOT=$place HOME='' expect_exit 8 si --json paas doctor
  finding state_root_resolved critical
done
mkdir "$dir/wide"
chmod 755 "$dir/wide"
SI_PAAS_STATE_ROOT=$dir/wide expect_exit 8 si --json paas doctor
finding permissions critical "everybody"

begin "plugins that are not as listed"
printf x >>"$tree/misbehave.so"
doctor 8
finding plugin_trust critical misbehave
plugin_tree misbehave
mended plugin_trust

begin "a full disk is critical, a small one a warning"
if [ "$(id -u)" = 0 ]; then
  # shellcheck disable=SC2016
  run unshare --mount --propagation private bash -c '
    mkdir "$1/small" && mount -t tmpfs -o size=8m,mode=700 tmpfs "$1/small" &&
    SI_PAAS_STATE_ROOT=$1/small "$SI_PREFIX/bin/si" --json paas doctor' - "$dir"
  expect_equal "$code" 8
  finding disk critical
else
  printf '  (not run: mounting needs root)\n'
fi
doctor 0

# --- one context -------------------------------------------------------------------------------

begin "a copied context is found out"
cp -a "$ctx" "$root/contexts/copy"
expect_exit 8 si --json paas doctor
finding context_identity critical
sed -i 's/"name":[ \t]*"t"/"name":"copy"/' "$root/contexts/copy/config.json"
expect_exit 8 si --json paas doctor --context copy
finding context_identity critical
rm -rf "$root/contexts/copy"
mended context_identity

begin "settings that make no sense"
cp "$ctx/config.json" "$dir/config.json"
printf '{' >"$ctx/config.json"
expect_exit 8 si --json paas doctor --context t
finding context_opens critical
cat "$dir/config.json" >"$ctx/config.json"
mended context_opens

begin "files that others may read, links, odd files"
chmod 644 "$ctx/state.db"
doctor 8
finding permissions critical "state.db is open to everybody (mode 0644)"
chmod 660 "$ctx"/state.db* # SQLite gives its journal the mode of the store
doctor 0
finding permissions warning "its group"
chmod 600 "$ctx"/state.db*
ln -s /etc/hostname "$ctx/events/link"
doctor 0
finding permissions warning "is a link"
rm "$ctx/events/link"
if [ "$(id -u)" = 0 ]; then
  touch "$ctx/cache/theirs"
  chown 65534 "$ctx/cache/theirs"
  doctor 8
  finding permissions critical "belongs to user 65534"
  rm "$ctx/cache/theirs"
fi
mended permissions

begin "the vault: in a repository, shared, with another name, with a recipient nobody trusted"
vault=$ctx/vault/secrets.env
set_config ".vault_file = \"$dir/git/secrets.env\""
doctor 8
finding context_vault_outside_repo critical "$dir/git"
cat "$dir/config.json" >"$ctx/config.json"
mended context_vault_outside_repo
expect_exit 0 si paas context create other
cp "$root/contexts/other/config.json" "$dir/other.json"
jq ".vault_file = \"$vault\"" "$dir/other.json" >"$root/contexts/other/config.json"
doctor 8
finding context_vault_own critical "context other has the same vault"
cat "$dir/other.json" >"$root/contexts/other/config.json"
doctor 0
mkdir -m 700 "$root/contexts/other/vault"
ln "$vault" "$root/contexts/other/vault/secrets.env"
doctor 8
finding context_vault_own critical "context other"
finding context_vault_own critical "hard links"
rm "$root/contexts/other/vault/secrets.env"
mended context_vault_own
cp -p "$vault" "$dir/vault.kept"
sed -i 's/^# recipient .*/&\n# recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p/' "$vault"
doctor 8
finding context_vault_trust critical
cat "$dir/vault.kept" >"$vault"
mended context_vault_trust
sed -i '$d' "$vault"
doctor 8
finding context_vault_trust critical
cat "$dir/vault.kept" >"$vault"
mended context_vault_trust

begin "a damaged store, a broken chain"
cp -p "$ctx/state.db" "$dir/state.kept"
sqlite3 "$ctx/state.db" "PRAGMA foreign_keys=OFF; DROP TRIGGER projects_delete;
  DELETE FROM projects" >/dev/null
doctor 8
finding database_integrity critical "damaged"
cat "$dir/state.kept" >"$ctx/state.db"
doctor 8 # the audit trail has an event of that run, the store is older: as after a bad restore
finding event_chain critical
rm -rf "$root/contexts/t"
expect_exit 0 si paas context create u
work_on u
cp "$ctx/config.json" "$dir/config.json"
expect_exit 0 "${paas[@]}" project create blog --stack "$dir/stack.yaml" --provisioner misbehave \
  --config do=good
mended event_chain
cp -p "$ctx/events/audit.jsonl" "$dir/audit.kept"
sed -i '1s/"status":"ok"/"status":"no"/' "$ctx/events/audit.jsonl"
run si --json paas doctor --context u
expect_equal "$code" 8
finding event_chain critical "1"
# The finding itself was audited behind it: the first line alone is put back.
{ head -n 1 "$dir/audit.kept" && tail -n +2 "$ctx/events/audit.jsonl"; } >"$dir/audit.new"
cat "$dir/audit.new" >"$ctx/events/audit.jsonl"
mended event_chain

begin "a secret in plain text in the context's own files"
printf 'at=1 password=hunter2-in-the-log\n' >"$ctx/operations/x.log"
chmod 600 "$ctx/operations/x.log"
doctor 8
finding state_plaintext_exposure critical "operations/x.log:1: the value of password"
case $out in *hunter2*) fail "the report shows the secret" ;; esac
rm "$ctx/operations/x.log"
mended state_plaintext_exposure

if [ "$(id -u)" = 0 ]; then
  begin "address pools of engines that are nearly used up"
  # pools N: the doctor, where N pools have an address of this machine in them.
  pools() {
    # shellcheck disable=SC2016
    run unshare --net sh -c '
      n=$1 si=$2 context=$3
      for i in $(seq 17 31); do
        [ "$n" -gt 0 ] && n=$((n - 1)) && ip address add "172.$i.0.1/16" dev lo
      done
      for i in $(seq 0 16 240); do
        [ "$n" -gt 0 ] && n=$((n - 1)) && ip address add "192.168.$i.1/20" dev lo
      done
      exec "$si" --json paas doctor --context "$context"' sh "$1" "$SI_PREFIX/bin/si" "$name"
  }
  pools 26
  nothing address_pools
  pools 27
  finding address_pools warning "4 of the 31"
fi

begin "what waits for recovery, an engine that is not there, a clock that went back"
"$SI_PREFIX/bin/si" paas --context u project create slow --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=hang >/dev/null 2>&1 &
slow=$!
until_true 10 host_runs
kill -9 "$slow"
wait "$slow" 2>/dev/null
until_true 10 no_host_left
doctor 0
finding pending_recovery warning "lost the process"
expect_exit 0 "${paas[@]}" project delete slow --yes --confirm slow
mended pending_recovery
set_config ".provisioner = {provider: \"local\", config: {socket: \"$dir/no.sock\"}}"
doctor 0
finding engine warning "$dir/no.sock"
set_config '.provisioner = {provider: "misbehave", config: {do: "good"}}'
mended engine
sqlite3 "$ctx/state.db" "UPDATE projects SET updated_at='2098-01-01T00:00:00.000Z' WHERE slug='blog'"
doctor 0
finding clock warning "minutes"
sqlite3 "$ctx/state.db" "UPDATE projects SET updated_at='2024-01-01T00:00:00.000Z' WHERE slug='blog'"
doctor 0
expect_json '[.data.checks[] | select(.id == "clock" and .context == "u") | .severity]' '["ok"]'

begin "a webhook that the context denies"
expect_exit 0 si vault init --context u --no-input
expect_exit 0 si vault set OPS_KEY --context u --file "$dir/value"
jq -n '{default_channel: "ops", channels: {ops: {type: "webhook",
  url: "https://hooks.example.org/si", secret: "OPS_KEY"}}}' >"$dir/policy.json"
set_config '.webhook_policy = {mode: "allow", allow: ["hooks.example.org"]}'
expect_exit 0 "${paas[@]}" alert policy set --file "$dir/policy.json"
mended webhook_policy
set_config '.webhook_policy = {mode: "deny"}'
doctor 0
finding webhook_policy warning ops
set_config '.webhook_policy = {mode: "allow", allow: "everything"}'
expect_exit 8 si --json paas doctor --context u
cat "$dir/config.json" >"$ctx/config.json"
jq -n '{default_channel: "log"}' >"$dir/policy.json"
expect_exit 0 si --json paas doctor --context u
expect_exit 0 "${paas[@]}" alert policy set --file "$dir/policy.json"
mended webhook_policy

# --- repositories --------------------------------------------------------------------------------

begin "R20, R30: private files in the repository at hand, whatever they are called"
repo=$dir/work
git init -q "$repo"
mkdir -p "$repo/src/deep"
printf 'int x;\n' >"$repo/src/x.c"
cd "$repo/src" || exit 1
doctor 0
finding repo_private_state_artifacts ok "1 repository"
pack=$(find "$ctx/runpacks" -name manifest.json | head -n 1)
key=$(find "$root/keys" -name '*.identity' | head -n 1)
on=0
while read -r called from what; do
  cp "$from" "$repo/src/deep/$called"
  doctor 8
  finding repo_private_state_artifacts critical "src/deep/$called: $what"
  rm "$repo/src/deep/$called"
  doctor 0
  on=$((on + 1))
done <<TABLE
state.db $ctx/state.db a state store
holiday.jpg $ctx/state.db a state store
config.json $ctx/config.json a context's settings
secrets.env $ctx/vault/secrets.env a vault
x.identity $key a vault's identity
audit.jsonl $ctx/events/audit.jsonl a context's events
manifest.json $pack a runpack's manifest
TABLE
expect_equal "$on" 7
printf 'u\n' >"$repo/current_context"
doctor 8
finding repo_private_state_artifacts critical "the mark of the chosen context"
rm "$repo/current_context"

begin "what only looks like it is left alone"
printf '{"name":"app"}\n' >"$repo/config.json"
sqlite3 "$repo/state.db" 'CREATE TABLE mine(x)'
printf '{"event":1}\n' >"$repo/audit.jsonl"
printf 'A=1\n' >"$repo/secrets.env"
doctor 0

begin "work trees, submodules, bare repositories, links into the state, .git itself"
git -C "$repo" -c user.name=n -c user.email=e commit -q --allow-empty -m first
git -C "$repo" worktree add -q "$dir/linked" -b linked
git init -q "$dir/module"
git -C "$dir/module" -c user.name=n -c user.email=e commit -q --allow-empty -m first
git -C "$repo" -c protocol.file.allow=always submodule --quiet add "$dir/module" sub
git init -q --bare "$dir/bare.git"
for place in "$dir/linked" "$repo/sub" "$dir/bare.git"; do
  (cd "$place" && expect_exit 0 si --json paas doctor --context u) || exit 1
  cp "$ctx/config.json" "$place/leaked.json"
  cd "$place" || exit 1
  doctor 8
  finding repo_private_state_artifacts critical "$place/leaked.json"
  rm "$place/leaked.json"
done
cp "$ctx/config.json" "$repo/.git/leaked.json"
ln -s "$ctx/events" "$repo/events"
cd "$repo" || exit 1
doctor 0
finding repo_private_state_artifacts warning "is a link into the state"
rm "$repo/events" "$repo/.git/leaked.json"
mended repo_private_state_artifacts

begin "secrets in plain text; the report names them and never shows them"
cat >"$repo/compose.yaml" <<'YAML'
services:
  db:
    image: x:1
    environment:
      POSTGRES_PASSWORD: hunter2-in-compose
YAML
doctor 8
finding repo_plaintext_secret_exposure critical "compose.yaml:5: the value of POSTGRES_PASSWORD"
case $out in *hunter2*) fail "the report shows the secret" ;; esac
sed -i "s/hunter2-in-compose/\${POSTGRES_PASSWORD}/" "$repo/compose.yaml"
mended repo_plaintext_secret_exposure
printf '# %s\n' "$age" >"$repo/notes.txt"
doctor 8
finding repo_plaintext_secret_exposure critical "notes.txt:1: an age identity"
rm "$repo/notes.txt"
mended repo_plaintext_secret_exposure

begin "other repositories: --repo, and those of the settings"
cd "$dir" || exit 1
printf 'API_TOKEN=abcdefgh\n' >"$repo/.env"
doctor 0
doctor 8 --repo "$repo"
finding repo_plaintext_secret_exposure critical "$repo/.env:1"
# Where something was found is looked at again, from wherever.
doctor 8
finding repo_plaintext_secret_exposure critical "$repo/.env:1"
rm "$repo/.env"
doctor 0
printf 'API_TOKEN=abcdefgh\n' >"$repo/.env"
doctor 0
set_config ".repositories = [\"$repo\"]"
doctor 8
finding repo_plaintext_secret_exposure critical "$repo/.env:1"
# Out of the settings is not out of the world; somebody's word that it is harmless is audited.
cat "$dir/config.json" >"$ctx/config.json"
doctor 8
finding repo_plaintext_secret_exposure critical "$repo/.env:1"
doctor 0 --forget-repo "$repo"
doctor 0
expect_exit 0 si --json paas events list --context u --limit 1
expect_json '.data[0] | [.action, .fields.repositories]' '["doctor",[]]'
rm "$repo/.env"
set_config ".repositories = [\"$dir/nowhere\"]"
doctor 8
finding repo_plaintext_secret_exposure critical "cannot be checked"
cat "$dir/config.json" >"$ctx/config.json"
mended repo_plaintext_secret_exposure

begin "where something was found, and which is gone, is mended"
mkdir "$dir/brief"
printf 'API_TOKEN=abcdefgh\n' >"$dir/brief/.env"
doctor 8 --repo "$dir/brief"
rm -r "$dir/brief"
mended repo_plaintext_secret_exposure
doctor 8 --repo "$dir/brief"
finding repo_plaintext_secret_exposure critical "there is no $dir/brief"
mended repo_plaintext_secret_exposure

begin "R20: this project's own tree holds no private state"
if [ -e "$repository/.git" ]; then
  run si --json paas doctor --context u --repo "$repository"
  # What the fuzzers begin with is made up.
  expect_json "[.data.checks[] | select(.id == \"repo_private_state_artifacts\" and .severity != \"ok\")
    | .detail | select(contains(\"/tests/fuzz/corpus/\") | not)]" '[]'
  run si --json paas doctor --context u --forget-repo "$repository" # what else is there is its own affair
fi

# --- what a critical finding does --------------------------------------------------------------------

begin "R21: a critical finding blocks deploys and changes of secrets, and changes nothing"
expect_exit 0 si paas context create v
work_on v
expect_exit 0 si vault init --context v --no-input
expect_exit 0 "${paas[@]}" secret set TOKEN --file "$dir/value"
expect_exit 1 "${paas[@]}" project create broken --stack "$dir/stack.yaml" --provisioner misbehave \
  --config do=abort
# Found by the gate itself, and what only a whole run of the doctor finds.
cd "$repo" || exit 1
rm -f .env
blocked() {
  local vault
  vault=$(sha256sum <"$ctx/vault/secrets.env")
  expect_exit 8 "${paas[@]}" --json project create new --stack "$dir/stack.yaml" \
    --provisioner misbehave --config do=good
  expect_json .error.code PAAS_DOCTOR_CRITICAL
  [ -n "$(json '.error.remediation // empty')" ] || fail "no next step is told"
  expect_exit 8 "${paas[@]}" --json project retry broken --config do=good
  expect_json .error.code PAAS_DOCTOR_CRITICAL
  expect_exit 8 "${paas[@]}" --json secret set TOKEN --file "$dir/stack.yaml"
  expect_json .error.code PAAS_DOCTOR_CRITICAL
  expect_exit 8 "${paas[@]}" --json secret unset TOKEN --yes
  expect_json .error.code PAAS_DOCTOR_CRITICAL
  expect_equal "$(sha256sum <"$ctx/vault/secrets.env")" "$vault"
  expect_equal "$(sqlite3 "$ctx/state.db" "SELECT group_concat(slug||status) FROM projects")" \
    brokenfailed
  # Reading goes on.
  expect_exit 0 "${paas[@]}" project list
}
printf 'API_TOKEN=abcdefgh\n' >"$repo/.env"
blocked
rm "$repo/.env"
expect_exit 0 "${paas[@]}" secret set TOKEN --file "$dir/value"
cp "$ctx/state.db" "$repo/holiday.jpg"
expect_exit 0 "${paas[@]}" secret set TOKEN --file "$dir/value"
expect_exit 8 si paas doctor --context v
blocked
cd "$dir" || exit 1 # from anywhere
blocked
rm "$repo/holiday.jpg"
blocked # until si has seen it
expect_exit 0 si paas doctor --context v
expect_exit 0 "${paas[@]}" secret set TOKEN --file "$dir/value"
expect_exit 0 "${paas[@]}" project retry broken --config do=good
expect_exit 0 si paas events verify --context v

begin "a context that was made in a repository on purpose is told of, and not blocked"
expect_exit 0 si paas context create unsafe --state-root "$dir/git/unsafe" --unsafe-allow-repo-state
expect_exit 8 si --json paas doctor --context unsafe
finding state_root_outside_repo critical "$dir/git"
expect_exit 0 si paas --context unsafe project create x --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=good
rm -rf "$dir/git/unsafe" "$root/contexts/unsafe"

begin "R30: contamination and exposure raise a critical alert, once; R19: where they belong"
expect_exit 0 si paas context create customer-1
cp "$ctx/config.json" "$repo/leaked.json"
alerts() { si paas --context "$1" --json alert history | jq -c '[.data[] | select(.source == "doctor")]'; }
before=$(alerts v | jq length)
[ "$before" -gt 0 ] || fail "what was found before raised no alert"
cd "$repo" || exit 1
expect_exit 8 si --json paas doctor
expect_exit 8 si --json paas doctor
expect_equal "$(alerts v | jq length)" "$before" "the same within the window is one alert"
expect_equal "$(alerts v | jq -r '[.[] | select(.severity == "critical")] | length > 0')" true
expect_equal "$(alerts customer-1)" '[]' "a customer's channel hears of others' affairs"
expect_exit 8 si --json paas doctor --context customer-1
expect_equal "$(alerts customer-1 | jq -r '.[].severity')" critical
rm "$repo/leaked.json"
expect_exit 0 si --json paas doctor
cd "$dir" || exit 1

begin "R19: what was found elsewhere, and another's repositories, stay what they are"
expect_exit 0 si paas context create customer-2
expect_exit 0 si paas context create zebra
expect_exit 8 si --json paas doctor --repo "$(cp "$ctx/config.json" "$repo/again.json" && echo "$repo")"
expect_exit 8 si --json paas doctor # from what it remembers
finding repo_private_state_artifacts critical "$repo/again.json"
expect_equal "$(alerts customer-2)" '[]' "a customer's channel hears of others' affairs"
rm "$repo/again.json"
expect_exit 0 si --json paas doctor
cp "$ctx/config.json" "$dir/config.json"
cp "$ctx/config.json" "$repo/again.json"
set_config ".repositories = [\"$repo\"]"
expect_exit 8 si --json paas doctor
expect_json '[.data.checks[] | select(.severity == "critical") | .context]' '["v"]'
expect_exit 0 si --json paas doctor --context zebra # looked at behind v in the same run
rm "$repo/again.json"
cat "$dir/config.json" >"$ctx/config.json"
expect_exit 0 si --json paas doctor

begin "R30: a vault that resolves inside a repository raises a critical alert (escalation 2)"
# raised CONTEXT CHECK: how badly the context was told of it, if at all.
raised() { alerts "$1" | jq -r --arg of "[$2]" '[.[] | select(.message | contains($of))] | first | .severity // "not"'; }
expect_equal "$(raised v context_vault_outside_repo)" not
set_config ".vault_file = \"$dir/git/secrets.env\""
doctor 8
expect_equal "$(raised v context_vault_outside_repo)" critical
cat "$dir/config.json" >"$ctx/config.json"
mended context_vault_outside_repo

begin "R30: another context's data raises a critical alert in internal contexts (escalation 3)"
expect_equal "$(raised v context_identity)" not
cp -a "$root/contexts/customer-1" "$root/contexts/customer-9"
expect_exit 8 si --json paas doctor --context customer-9 # one context is touched alone
expect_equal "$(raised v context_identity)" not
expect_exit 8 si --json paas doctor
finding context_identity critical customer-1
expect_equal "$(raised v context_identity)" critical
expect_equal "$(raised customer-2 context_identity)" not
expect_exit 0 "${paas[@]}" secret set TOKEN --file "$dir/value" # it blocks none but itself
rm -rf "$root/contexts/customer-9"
expect_exit 0 si paas context create later --type internal
cp "$root/contexts/customer-2/state.db" "$dir/state.kept"
cat "$root/contexts/customer-1/state.db" >"$root/contexts/customer-2/state.db"
expect_exit 8 si --json paas doctor
finding context_identity critical customer-2
expect_equal "$(raised later context_identity)" critical
cat "$dir/state.kept" >"$root/contexts/customer-2/state.db"
rm -rf "$root/contexts/later"
expect_exit 0 si --json paas doctor

begin "R15: where something was found and can be seen no more, it stays found, until somebody says so"
mkdir "$dir/brief"
printf 'API_TOKEN=abcdefgh\n' >"$dir/brief/.env"
doctor 8 --repo "$dir/brief"
mv "$dir/brief" "$dir/brief.kept"
ln -s brief "$dir/brief" # leads to itself
for run in 1 2; do
  doctor 8
  finding repo_plaintext_secret_exposure critical "$dir/brief"
  expect_contains "--context v --forget-repo $dir/brief" \
    "$(json '.data.checks[] | select(.severity == "critical") | .remediation')"
done
doctor 0 --forget-repo "$dir/brief"
doctor 0
rm -r "$dir/brief" "$dir/brief.kept"
printf x >"$dir/plain"
SI_PAAS_STATE_ROOT=$dir/plain/x expect_exit 8 si --json paas doctor
finding state_root_resolved critical "Not a directory"

# --- the weekly list -----------------------------------------------------------------------------

begin "R29: the checklist"
status_of() {
  printf '%s' "$out" | jq -r --arg id "$1" --arg context "$2" \
    '.data.items[] | select(.id == $id and (.context // "") == $context) | .status'
}
rm -rf "$root"/contexts/customer-* "$root/contexts/zebra" "$root/contexts/other" "$root/contexts/u"
expect_exit 0 si paas context create oss-demo
expect_exit 8 si --json paas checklist
expect_json .error.code PAAS_CHECKLIST_NOT_MET
expect_equal "$(status_of doctor "")" met
expect_equal "$(status_of distinct_targets "")" not_applicable
expect_equal "$(status_of distinct_vaults "")" met
expect_equal "$(status_of backup v)" not_met
expect_equal "$(status_of backup oss-demo)" not_applicable
expect_equal "$(status_of alerts v)" not_met
expect_equal "$(status_of rollback_drill v)" not_met
expect_equal "$(status_of rollback_drill oss-demo)" not_applicable
expect_exit 0 "${paas[@]}" alert policy set --file "$dir/policy.json"
for context in v oss-demo; do
  jq '.default_targets = ["one"]' "$root/contexts/$context/config.json" >"$dir/.config"
  cat "$dir/.config" >"$root/contexts/$context/config.json"
done
chmod 644 "$ctx/state.db"
expect_exit 8 si --json paas checklist
expect_equal "$(status_of alerts v)" met
expect_equal "$(status_of distinct_targets "")" not_met
expect_equal "$(status_of doctor "")" not_met
chmod 600 "$ctx"/state.db*
jq '.default_targets = ["two"]' "$ctx/config.json" >"$dir/.config"
cat "$dir/.config" >"$ctx/config.json"
rm -rf "$root/contexts/v"
expect_exit 8 si --json paas checklist
expect_equal "$(status_of distinct_targets "")" met
jq -n '{default_channel: "log"}' >"$dir/policy.json"
expect_exit 0 si paas --context oss-demo alert policy set --file "$dir/policy.json"
expect_exit 0 si --json paas checklist
expect_json .data.ok true
