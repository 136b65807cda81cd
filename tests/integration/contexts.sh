#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Contexts from outside: each step is named after the rows that it keeps. No engine is needed: the
# projects' provisioner is one that only says what it did. R1 to R11, R15 to R18, R20, R25, R28.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

: "${SI_TEST_PLUGINS:?is the directory of the misbehaving plugins; ctest sets it}"
command -v git >/dev/null || skip "there is no git"
plugin_tree misbehave
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export HOME=$dir/home
mkdir "$HOME"
contexts=$SI_PAAS_STATE_ROOT/contexts
printf 'services:\n  web:\n    image: x:1\n' >"$dir/stack.yaml"

project() { # CONTEXT NAME [DO]
  expect_exit 0 si paas --context "$1" project create "$2" --stack "$dir/stack.yaml" \
    --provisioner misbehave --config "do=${3:-good}"
}
new_context() { expect_exit 0 si paas context create "$@"; }
drop_context() { expect_exit 0 si paas context remove "$1" --yes --confirm "$1"; }
error_is() { # EXIT CODE COMMAND...
  local wanted=$1 word=$2
  shift 2
  expect_exit "$wanted" "$@"
  expect_json .error.code "$word"
  [ -n "$(json .error.remediation)" ] || fail "no next step is told"
}
config_set() { # CONTEXT JQ...
  local file=$contexts/$1/config.json
  shift
  jq "$@" "$file" >"$dir/.config" && cat "$dir/.config" >"$file"
}
audit() { jq -rs "$2" "$contexts/$1/events/audit.jsonl"; }

begin "R1 R2: a context's directories are made outside any repository, private (criterion 1)"
expect_exit 0 env -u SI_PAAS_STATE_ROOT "$SI_PREFIX/bin/si" paas context create internal-dogfood
for name in state.db events cache config.json; do
  [ -e "$HOME/.si/paas/contexts/internal-dogfood/$name" ] || fail "there is no $name"
done
expect_equal "$(find "$HOME/.si" -type d ! -perm 0700 -o -type f ! -perm 0600)" ''
new_context internal-dogfood
[ -f "$contexts/internal-dogfood/state.db" ] || fail "SI_PAAS_STATE_ROOT is not where the state is"

begin "R3 R4 R17 R18: every field has its value, apart from every other context's; types have aliases"
new_context --name oss-demo --type oss-demo
new_context customer-acme
new_context aliased --type internal-dogfood
expect_exit 0 si --json paas context list
expect_json '[.data[] | [.name, .type]]' '[["aliased","internal"],["customer-acme","customer"],["internal-dogfood","internal"],["oss-demo","demo"]]'
for field in .state_root .vault_file .audit_sink.config.root .id; do
  expect_json "[.data[]$field] | unique | length" 4
done
expect_exit 0 si --json paas context show oss-demo
expect_json '.data | [.default_targets, .webhook_policy, .repositories, .provisioner.provider]' \
  '[[],{"mode":"deny"},[],"local"]'
expect_exit 0 si paas context show oss-demo
for field in name type "state root" "vault file" targets webhooks "audit sink" repositories; do
  expect_contains "$field:"
done

begin "R3: a field that means nothing, or holds what it must not, is named"
while IFS='|' read -r change named; do
  cp "$contexts/aliased/config.json" "$dir/kept"
  config_set aliased "$change"
  error_is 8 PAAS_CONTEXT_CONFIG si --json paas context show aliased
  expect_contains "$named" "$(json .error.message)"
  cat "$dir/kept" >"$contexts/aliased/config.json"
done <<'EOF2'
.vault_fiel = "/x"|vault_file
.surprise = 1|surprise
.type = "production"|type
.vault_file = "secrets.env"|vault_file
.default_targets = ["a", "a"]|default_targets
.default_targets = ["A!"]|default_targets
.webhook_policy = {"mode": "maybe"}|webhook_policy
.webhook_policy.more = 1|webhook_policy
.audit_sink = "file"|audit_sink
.provisioner.provider = "../x"|provisioner
.repositories = ["here"]|repositories
.repositories = "/srv"|repositories
.state_root = "/srv"|state_root
.created_at = "yesterday"|created_at
del(.identity)|identity
.identity.inode = 7|identity
.unsafe_repo_state = "yes"|unsafe_repo_state
EOF2
expect_exit 0 si paas context show aliased

begin "R5: create refuses what exists, init takes it; use, list and show agree; --name is the same"
error_is 4 PAAS_CONTEXT_EXISTS si --json paas context create oss-demo
expect_exit 0 si paas context init --name oss-demo --type oss-demo
error_is 4 PAAS_CONTEXT_EXISTS si --json paas context init oss-demo --type customer
expect_exit 2 si --json paas context create one --name two
expect_exit 0 si paas context use oss-demo
expect_exit 0 si --json paas context show
expect_json .data.name oss-demo
expect_exit 0 si --json paas context list
expect_json '[.data[] | select(.current) | .name]' '["oss-demo"]'

begin "R7: no context is an error that says what to type, exit 2 (criterion 5)"
rm "$SI_PAAS_STATE_ROOT/current_context"
error_is 2 PAAS_CONTEXT_REQUIRED si --json paas project list
expect_contains "--context" "$(json .error.remediation)"
error_is 3 PAAS_CONTEXT_NOT_FOUND si --json paas --context oss-dem project list
expect_contains "oss-demo" "$(json .error.remediation)"

begin "R25: what changes something needs --context itself, in every type, whatever is in use"
for name in oss-demo internal-dogfood customer-acme; do
  expect_exit 0 si paas context use "$name"
  error_is 2 PAAS_CONTEXT_EXPLICIT si --json paas project create x --stack "$dir/stack.yaml"
  error_is 2 PAAS_CONTEXT_EXPLICIT env SI_PAAS_CONTEXT="$name" "$SI_PREFIX/bin/si" --json paas \
    project delete x --yes --confirm x
  error_is 2 PAAS_CONTEXT_EXPLICIT si --json paas reconcile --apply
done
expect_exit 0 si --json paas context export oss-demo --output "$dir/explicit.json"
expect_exit 2 si --json paas context import "$dir/explicit.json" # --name is its --context
expect_contains "--name"

begin "R6 R19: projects, events and evidence of one context never show in another (criterion 3)"
project oss-demo blog
project internal-dogfood wiki
for pair in oss-demo:blog internal-dogfood:wiki; do
  name=${pair%:*} own=${pair#*:}
  expect_exit 0 si --json paas --context "$name" project list
  expect_json '[.data[].name]' "[\"$own\"]"
  expect_exit 0 si --json runpack list --context "$name"
  expect_json '[.data[].prefix | split("/")[1]] | unique' "[\"$name\"]"
  expect_exit 0 si --json paas --context "$name" events list --limit 50
  expect_contains "$own" "$out"
  expect_equal "$(grep -o -e blog -e wiki <<<"$out" | sort -u)" "$own"
done
expect_exit 3 si paas --context customer-acme project show blog
expect_equal "$(grep -l blog -r "$contexts" | cut -d/ -f"$(($(tr -cd / <<<"$contexts" | wc -c) + 2))" | sort -u)" oss-demo

# --- R8, R9: from context to context ----------------------------------------------------------

begin "R8: a copied directory is found out: under another name, edited, with the whole root, a store"
cp -a "$contexts/oss-demo" "$contexts/copied"
copied() { # COMMAND...
  error_is 9 PAAS_CONTEXT_COPIED "$@"
  expect_contains "context export" "$(json .error.remediation)"
  expect_contains "context adopt" "$(json .error.remediation)"
}
copied si --json paas context show copied
copied si --json paas --context copied project list
copied si --json paas context use copied
error_is 9 PAAS_CONTEXT_COPIED si --json paas context adopt copied --yes --confirm copied
config_set copied '.name = "copied" | .state_root |= sub("oss-demo"; "copied")'
copied si --json paas context show copied
error_is 9 PAAS_CONTEXT_COPIED si --json paas context adopt copied --yes --confirm copied
expect_contains "$contexts/oss-demo" "$(json .error.message)"
config_set copied --arg path "$contexts/copied" --arg inode "$(stat -c %i "$contexts/copied")" \
  '.identity = {path: $path, inode: $inode}'
copied si --json paas --context copied project list # config.json lies; the store does not
error_is 9 PAAS_CONTEXT_COPIED si --json paas context adopt copied --yes --confirm copied
rm -r "$contexts/copied"
cp -a "$SI_PAAS_STATE_ROOT" "$dir/other"
copied env SI_PAAS_STATE_ROOT="$dir/other" "$SI_PREFIX/bin/si" --json paas context show oss-demo
rm -r "$dir/other"
mv "$contexts/aliased" "$dir/aliased"
cp -a "$dir/aliased" "$contexts/aliased" # the same name, the same path, another directory
copied si --json paas context show aliased
rm -r "$contexts/aliased"
mv "$dir/aliased" "$contexts/aliased"
expect_exit 0 si paas context show aliased
cp "$contexts/oss-demo/state.db" "$dir/kept.db"
cat "$contexts/internal-dogfood/state.db" >"$contexts/oss-demo/state.db"
error_is 9 STATE_FOREIGN si --json paas --context oss-demo project list
cat "$dir/kept.db" >"$contexts/oss-demo/state.db"
expect_exit 0 si paas --context oss-demo project list

begin "R8: a directory that was moved or restored is adopted, by name, and it is audited"
mv "$SI_PAAS_STATE_ROOT" "$dir/moved"
at_moved=(env SI_PAAS_STATE_ROOT="$dir/moved" "$SI_PREFIX/bin/si" --json)
copied "${at_moved[@]}" paas context show oss-demo
expect_exit 2 "${at_moved[@]}" paas context adopt oss-demo
error_is 2 CLI_CONFIRM_MISMATCH "${at_moved[@]}" paas context adopt oss-demo --yes --confirm blog
expect_exit 0 "${at_moved[@]}" paas context adopt oss-demo --yes --confirm oss-demo
expect_json .data.from "$contexts/oss-demo"
expect_json .data.vault_file "$dir/moved/contexts/oss-demo/vault/secrets.env"
expect_exit 0 "${at_moved[@]}" paas --context oss-demo project show blog --stored
expect_exit 0 "${at_moved[@]}" paas events verify --context oss-demo
copied "${at_moved[@]}" paas context show internal-dogfood
mv "$dir/moved" "$SI_PAAS_STATE_ROOT"
copied si --json paas context show oss-demo
expect_exit 0 si --json paas context adopt oss-demo --yes --confirm oss-demo
expect_equal "$(audit oss-demo '[.[] | select(.action == "context.adopt")] | length')" 2
expect_exit 0 si --json paas context adopt oss-demo --yes --confirm oss-demo # is at home
expect_json .data.from null
expect_exit 0 si paas context show internal-dogfood

begin "R8 R9: an export is settings alone, without secrets and paths, and says what it left out (criterion 4)"
config_set customer-acme '.provisioner = {provider: "local", config: {socket: "/run/x.sock",
  endpoint: "https://engine", api_token: "hunter2hunter2", deep: {Password: "hunter3hunter3"}}}
  | .default_targets = ["web-1", "web-2"]'
expect_exit 0 si paas context export customer-acme --output "$dir/acme.json"
expect_equal "$(stat -c %a "$dir/acme.json")" 600
expect_equal "$(grep -c -e hunter -e "$dir" -e run/x.sock "$dir/acme.json")" 0
out=$(cat "$dir/acme.json")
expect_json .omitted '["/config/provisioner/config/socket","/config/provisioner/config/api_token","/config/provisioner/config/deep/Password"]'
expect_json .config.default_targets '["web-1","web-2"]'
expect_json .sha256 "$(jq -cSj 'del(.sha256)' "$dir/acme.json" | sha256sum | cut -d' ' -f1)"
expect_exit 0 si paas context export --context oss-demo
expect_json .projects '[{"name":"blog","provisioner":"misbehave"}]'
error_is 4 PAAS_EXPORT_EXISTS si --json paas context export customer-acme --output "$dir/acme.json"
expect_exit 0 si paas context export customer-acme --output "$dir/acme.json" --force
ln -s "$dir/acme.json" "$dir/link.json"
error_is 4 PAAS_EXPORT_EXISTS si --json paas context export customer-acme --output "$dir/link.json"

begin "R8 R9 R25: an import makes a new context, of a name that is given, and takes nothing else"
expect_exit 0 si --json paas context import "$dir/acme.json" --name customer-beta
expect_json '.data | [.name, .type, .default_targets, .provisioner.config]' \
  '["customer-beta","customer",["web-1","web-2"],{"deep":{},"endpoint":"https://engine"}]'
[ "$(json .data.id)" != "$(jq -r .id "$contexts/customer-acme/config.json")" ] || fail "the id too"
error_is 4 PAAS_CONTEXT_EXISTS si --json paas context import "$dir/acme.json" --name customer-beta
while IFS='|' read -r change exit_code word; do
  jq -c "$change" "$dir/acme.json" >"$dir/bad.json"
  error_is "$exit_code" "$word" si --json paas context import "$dir/bad.json" --name bad
done <<'EOF2'
.type = "demo"|8|PAAS_IMPORT_HASH
.schema = "si.context-export/2"|2|PAAS_IMPORT_INVALID
.more = 1|2|PAAS_IMPORT_INVALID
.config.more = 1|2|PAAS_IMPORT_INVALID
.config.default_targets = [1]|2|PAAS_IMPORT_INVALID
.config.vault_file = "/x"|2|PAAS_IMPORT_INVALID
.name = "../x"|2|PAAS_IMPORT_INVALID
.projects = [{"name": "X"}]|2|PAAS_IMPORT_INVALID
del(.sha256)|2|PAAS_IMPORT_INVALID
[.]|2|PAAS_IMPORT_INVALID
EOF2
head -c 100 "$dir/acme.json" >"$dir/bad.json"
error_is 2 PAAS_IMPORT_INVALID si --json paas context import "$dir/bad.json" --name bad
jq -cSj '.config.provisioner.config.token = "x" | del(.sha256)' "$dir/acme.json" >"$dir/bare.json"
jq -c --arg sha "$(sha256sum <"$dir/bare.json" | cut -d' ' -f1)" '.sha256 = $sha' "$dir/bare.json" \
  >"$dir/bad.json"
error_is 9 PAAS_IMPORT_SECRET si --json paas context import "$dir/bad.json" --name bad
[ ! -e "$contexts/bad" ] || fail "half a context was imported"

begin "R9: secrets leave a context only sealed, at a dangerous word, for a key that is named"
expect_exit 0 si vault init --context customer-beta
printf 'correct horse battery' >"$dir/value"
expect_exit 0 si vault set HORSE --context customer-beta --file "$dir/value"
expect_exit 0 si vault init --context aliased
git init -q "$dir/early"
key=$(si --json paas secret key --context aliased | jq -r '.data | .recipient // .key // .')
[[ $key = age1* ]] || fail "no public key: $key"
expect_exit 2 si --json paas context export customer-beta --dangerous-include-secrets
expect_exit 2 si --json paas context export customer-beta --recipient "$key"
error_is 2 PAAS_CONTEXT_EXPLICIT env SI_PAAS_CONTEXT=customer-beta "$SI_PREFIX/bin/si" --json paas \
  context export --dangerous-include-secrets --recipient "$key"
error_is 9 STATE_ROOT_IN_REPOSITORY si --json paas context export customer-beta \
  --dangerous-include-secrets --recipient "$key" --output "$dir/early/secrets.json"
expect_exit 0 si paas context export customer-beta --dangerous-include-secrets --recipient "$key" \
  --output "$dir/sealed.json"
expect_equal "$(grep -c -e HORSE -e 'correct horse' "$dir/sealed.json")" 0
expect_equal "$(jq -r .secrets.recipient "$dir/sealed.json")" "$key"
expect_exit 0 si paas context import "$dir/sealed.json" --name customer-gamma
expect_exit 3 si vault list --context customer-gamma # nothing but settings came over
jq -r .secrets.age "$dir/sealed.json" | base64 -d >"$dir/sealed.age"
expect_exit 0 si vault import "$dir/sealed.age" --context aliased
expect_equal "$(si vault get HORSE --context aliased)" "correct horse battery"
expect_equal "$(audit customer-beta '[.[] | select(.action | test("export"))] | length > 0')" true

begin "R10: one vault, one context"
error_is 9 PAAS_VAULT_SHARED si --json paas context create greedy \
  --vault-file "$contexts/oss-demo/vault/secrets.env"
new_context apart --vault-file "$dir/vault.env"
printf '# none\n' >"$dir/vault.env"
ln "$dir/vault.env" "$dir/hard.env"
error_is 9 PAAS_VAULT_SHARED si --json paas context create greedy --vault-file "$dir/hard.env"
mkdir -m 700 "$contexts/broken"
error_is 9 PAAS_VAULT_UNCHECKED si --json paas context create greedy --vault-file "$dir/free.env"
error_is 9 PAAS_VAULT_UNCHECKED si --json paas context create greedy --state-root "$dir/free"
rmdir "$contexts/broken"

begin "R8: no context lies in another: who removes one leaves the other whole"
new_context outer --state-root "$dir/outer/state" --vault-file "$dir/outer/vaults/outer.env"
for place in "--state-root $dir/outer/state/cache/inner" "--vault-file $dir/outer/state/inner.env" \
  "--vault-file $contexts/outer/inner.env" "--state-root $dir/outer/vaults"; do
  # shellcheck disable=SC2086
  run si --json paas context create inner $place
  case $place in
    *contexts/outer*) expect_json .error.code PAAS_INVALID_ARGUMENT ;;
    *) expect_json .error.code PAAS_CONTEXT_OVERLAP ;;
  esac
  [ ! -e "$contexts/inner" ] || fail "$place was taken"
done
drop_context outer

# --- R11, R15, R16: repositories --------------------------------------------------------------

begin "R11: git repositories of every kind are found, however they are reached (criterion 2)"
g() {
  git -C "$dir/git" -c user.name=a -c user.email=a@b -c protocol.file.allow=always "$@" \
    >/dev/null 2>&1 || fail "git $*"
}
mkdir "$dir/git"
g init plain
g -C plain commit --allow-empty -m a
g -C plain worktree add --detach ../linked
g init --bare bare.git
g -C plain push ../bare.git HEAD:refs/heads/main
g -C bare.git worktree add --detach ../of-bare main
g init --separate-git-dir apart.git apart
g init super
g -C super submodule add ../plain module
mkdir -p "$dir/git/plain/a/b/c" "$dir/git/free/nested/inner" "$dir/links"
g init free/nested
ln -s ../git/plain/a "$dir/links/into"
ln -s ../free "$dir/git/plain/out"
ln -s nowhere "$dir/links/dangling"
guarded() { # PATH CODE: state root, root of all, vault, export
  local path=$1 word=$2
  error_is 9 "$word" si --json paas context create g --state-root "$path"
  error_is 9 "$word" env SI_PAAS_STATE_ROOT="$path" "$SI_PREFIX/bin/si" --json paas context create g
  error_is 9 "$word" env SI_PAAS_STATE_ROOT="$path" "$SI_PREFIX/bin/si" --json paas context list
  error_is 9 "$word" si --json paas context create g --vault-file "$path/v.env"
  error_is 9 "$word" si --json paas context export oss-demo --output "$path/e.json" --force
}
for path in plain plain/a/b/c/new plain/.git plain/.git/objects/x linked linked/new bare.git \
  bare.git/hooks of-bare apart apart.git/x super/module super/.git/modules/module free/nested/inner \
  ../links/into/b ../links/into/../new free/../plain/new; do
  guarded "$dir/git/$path" STATE_ROOT_IN_REPOSITORY
done
for path in "$dir/links/dangling" "$dir/links/dangling/x" "$dir/git/not-yet/../plain"; do
  guarded "$path" STATE_ROOT_UNCHECKED
done
expect_equal "$(find "$dir/git" -name contexts -o -name v.env -o -name e.json)" ''
new_context linked-out --state-root "$dir/git/plain/out/state"
drop_context linked-out

begin "R11: a repository that is made around a context, or in its directory, is noticed"
for where in "$SI_PAAS_STATE_ROOT" "$contexts" "$contexts/oss-demo" "$dir/home"; do
  git init -q "$where"
  run si --json paas --context oss-demo project list
  [ "$where" = "$dir/home" ] || {
    expect_equal "$code" 9
    expect_json .error.code STATE_ROOT_IN_REPOSITORY
  }
  rm -r "$where/.git"
done
expect_exit 0 si paas --context oss-demo project list

begin "R15: what cannot be looked at is refused"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  mkdir -p "$dir/closed/inner"
  chown -R 65534 "$dir/closed"
  chmod 711 "$dir"
  chmod 000 "$dir/closed"
  chown 0 "$dir/closed"
  error_is 9 STATE_ROOT_UNCHECKED setpriv --reuid 65534 --regid 65534 --clear-groups env \
    SI_PAAS_STATE_ROOT="$dir/closed/inner" "$SI_PREFIX/bin/si" --json paas context create g
  chmod 700 "$dir/closed" "$dir"
fi

begin "R16: evidence goes into no repository: the sink of the config, and one that is given"
mkdir "$dir/git/plain/sink"
config_set aliased --arg root "$dir/git/plain/sink" '.audit_sink = {provider: "file", config: {root: $root}}'
run si --json paas --context aliased project create leak --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=good
expect_equal "$(find "$dir/git/plain/sink" -type f)" ''
config_set aliased --arg root "$contexts/aliased/runpacks" '.audit_sink.config.root = $root'
expect_exit 0 si paas --context aliased reconcile --apply
expect_exit 0 si paas --context aliased project delete leak --yes --confirm leak
operation=$(si --json paas --context oss-demo project show blog --stored | jq -r '.data.operations[0].id')
error_is 9 STATE_ROOT_IN_REPOSITORY si --json runpack export --context oss-demo \
  --operation "$operation" --sink file --config "root=$dir/git/plain/sink"
printf '{}' >"$dir/spec.json"
mkdir "$dir/results" && printf 'x' >"$dir/results/a.txt"
folder=(runpack export --from "$dir/results" --spec "$dir/spec.json" --tenant t --namespace n
  --scenario s --run r --sink file)
error_is 9 STATE_ROOT_IN_REPOSITORY si --json "${folder[@]}" --config "root=$dir/git/plain/sink"
error_is 9 STATE_ROOT_IN_REPOSITORY si --json "${folder[@]}" --config "root=$dir/links/into/new"
expect_exit 0 si "${folder[@]}" --config "root=$dir/evidence"
expect_equal "$(find "$dir/git/plain" -name .git -prune -o -type f -print)" ''
config_set aliased --arg root "$dir/git/plain/sink" '.audit_sink.config = {deep: [{root: $root}]}'
error_is 9 STATE_ROOT_IN_REPOSITORY si --json runpack list --context aliased
config_set aliased --arg root "$contexts/aliased/runpacks" '.audit_sink.config = {root: $root}'

begin "R11: the one override is loud on every command, audited, and for the state alone"
unsafe=$dir/git/plain/unsafe
expect_exit 0 si --json paas context create unsafe --state-root "$unsafe" --unsafe-allow-repo-state
expect_contains "warning:" "$err"
expect_json .data.unsafe_repo_state true
for command in "context show unsafe" "context list" "--context unsafe project list" \
  "context export unsafe"; do
  # shellcheck disable=SC2086
  expect_exit 0 si paas $command
  expect_contains "warning: context unsafe keeps its state in a git repository" "$err"
done
expect_equal "$(jq -r 'select(.action == "context.create") | .fields.unsafe_repo_state' \
  "$unsafe/events/audit.jsonl")" true
error_is 9 STATE_ROOT_IN_REPOSITORY si --json paas context create u2 --unsafe-allow-repo-state \
  --vault-file "$dir/git/plain/v.env"
error_is 9 STATE_ROOT_UNCHECKED si --json paas context create u2 --unsafe-allow-repo-state \
  --state-root "$dir/links/dangling"
expect_exit 0 si paas context show oss-demo
case $err in *warning*) fail "another context warns" ;; esac
at_unsafe=(env SI_PAAS_STATE_ROOT="$dir/git/plain/root" "$SI_PREFIX/bin/si" --json)
expect_exit 0 "${at_unsafe[@]}" paas context create whole --unsafe-allow-repo-state
error_is 9 STATE_ROOT_IN_REPOSITORY "${at_unsafe[@]}" paas context create other
expect_exit 0 "${at_unsafe[@]}" paas --context whole project list
expect_contains "warning:" "$err"
drop_context unsafe
[ ! -e "$unsafe" ] || fail "it is still there"

# --- R28, R5: the end of contexts --------------------------------------------------------------

begin "R28: a demo is reset: its projects are destroyed one by one, its chains stay whole"
project oss-demo second
expect_exit 2 si --json paas context reset oss-demo
error_is 9 PAAS_CONTEXT_NOT_DEMO si --json paas context reset internal-dogfood --yes \
  --confirm internal-dogfood
expect_exit 0 si --json paas context reset oss-demo --yes --confirm oss-demo
expect_json .data.deleted '["blog","second"]'
expect_exit 0 si --json paas --context oss-demo project list --all
expect_json '[.data[] | [.name, .status]]' '[["blog","deleted"],["second","deleted"]]'
expect_exit 0 si paas events verify --context oss-demo
expect_equal "$(audit oss-demo '[.[] | select(.action == "context.reset" and .status == "ok")] | length')" 1
expect_equal "$(find "$contexts/oss-demo/operations" -name '*.log')" ''
project oss-demo blog
expect_exit 1 si paas --context oss-demo project create stuck --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=leftover
expect_exit 1 si --json paas context reset oss-demo --yes --confirm oss-demo
expect_json .data.deleted '["blog"]'
expect_json .error.target stuck

begin "R5: remove asks for the name, and is refused while anything lives there"
for last in "" "--yes" "--yes --confirm other"; do
  # shellcheck disable=SC2086
  expect_exit 2 si --json paas context remove oss-demo $last
done
error_is 4 PAAS_CONTEXT_NOT_EMPTY si --json paas context remove internal-dogfood --yes \
  --confirm internal-dogfood
expect_contains wiki "$(json .error.message)"
expect_equal "$(audit internal-dogfood 'last | [.action, .status] | join(" ")')" "context.remove failed"
expect_exit 0 si paas --context internal-dogfood project delete wiki --yes --confirm wiki
in_store() { sqlite3 "$contexts/internal-dogfood/state.db" "$1" || fail "sqlite3: $1"; }
still_refused() { # TEXT
  error_is 4 PAAS_CONTEXT_NOT_EMPTY si --json paas context remove internal-dogfood --yes \
    --confirm internal-dogfood
  expect_contains "$1" "$(json .error.message)"
  [ -f "$contexts/internal-dogfood/state.db" ] || fail "it is gone"
}
in_store "INSERT INTO projects(id,owner_id,slug,provisioner,spec_sha256,created_at,updated_at,
  config,stack) VALUES('prj-x','local','x','local','$(printf '%064d' 0)','a','a','{}','{}');
  INSERT INTO operations(id,project_id,kind,started_at) VALUES('op-x','prj-x','provision','a');"
still_refused "project x still lives"
for status in provisioning failed deleting deleted; do
  in_store "UPDATE projects SET status='$status' WHERE id='prj-x'"
done
still_refused "op-x has not ended"
in_store "UPDATE operations SET status='failed',ended_at='a',evidence='pending' WHERE id='op-x'"
still_refused "op-x is not stored"

begin "R5: a vault with secrets needs its own word, and goes with its key"
expect_exit 0 si paas context use customer-acme
mkdir -m 700 -p "$SI_PAAS_STATE_ROOT/keys" "$contexts/customer-acme/vault"
printf 'AGE-SECRET-KEY-1\n' >"$SI_PAAS_STATE_ROOT/keys/customer-acme.identity"
printf '# si\nAPI_TOKEN=aGVsbG8=\n' >"$contexts/customer-acme/vault/secrets.env"
error_is 4 PAAS_CONTEXT_SECRETS si --json paas context remove customer-acme --yes \
  --confirm customer-acme
expect_contains "si vault export" "$(json .error.remediation)"
[ -f "$SI_PAAS_STATE_ROOT/keys/customer-acme.identity" ] || fail "the key is gone"
last=$(jq -r .hash "$contexts/customer-acme/events/audit.jsonl" | tail -n 1)
id=$(jq -r .id "$contexts/customer-acme/config.json")
expect_exit 0 si paas context remove customer-acme --with-secrets --yes --confirm customer-acme
[ ! -e "$contexts/customer-acme" ] || fail "it is still there"
[ ! -e "$SI_PAAS_STATE_ROOT/keys/customer-acme.identity" ] || fail "the key is still there"
[ ! -e "$SI_PAAS_STATE_ROOT/current_context" ] || fail "it is still the current one"
expect_equal "$(stat -c %a "$SI_PAAS_STATE_ROOT/removed.jsonl")" 600
out=$(tail -n 1 "$SI_PAAS_STATE_ROOT/removed.jsonl")
expect_json '[.name, .id, .type, .actor.uid]' "[\"customer-acme\",\"$id\",\"customer\",$(id -u)]"
[ "$(json .audit.hash)" != "$last" ] || fail "its removal is not the last event"
error_is 3 PAAS_CONTEXT_NOT_FOUND si --json paas context remove customer-acme --yes \
  --confirm customer-acme

begin "R5: a removal takes a --state-root along, and a vault that lies elsewhere, and nothing more"
new_context away --state-root "$dir/away/state" --vault-file "$dir/away.env"
printf '# context %s\n' "$(jq -r .id "$dir/away/state/config.json")" >"$dir/away.env"
touch "$dir/away/neighbour"
ln -s "$dir/away/neighbour" "$dir/away/state/cache/link"
drop_context away
expect_equal "$(ls -A "$dir/away")" neighbour
[ ! -e "$dir/away.env" ] || fail "the vault is still there"
printf '# somebody else\n' >"$dir/vault.env"
drop_context apart
[ -e "$dir/vault.env" ] || fail "a file that is no vault of the context was removed"

begin "R20: private state in a repository is found, whatever kind it is (criterion 6)"
mkdir -p "$dir/tree/a/contexts/x/operations" "$dir/tree/a/contexts/x/events"
expect_exit 0 "$repository/tests/repository/private.sh" "$dir/tree"
for name in state.db state.lock contexts/x/operations/op-1.lock contexts/x/events/audit.jsonl \
  secrets.env x.identity current_context contexts/x/config.json; do
  touch "$dir/tree/a/$name"
  expect_exit 1 "$repository/tests/repository/private.sh" "$dir/tree"
  expect_contains "a/$name"
  rm "$dir/tree/a/$name"
done
