#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Secrets of a stack on a real engine: generated ones are made once and never again, what the
# operator has to set is asked for before anything exists, and a value appears nowhere but in the
# container it is meant for. R12, R13, R67, R69.
# shellcheck disable=SC2016,SC2034,SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

paas=(si paas --context t)
busybox_image test/box:1
expect_exit 0 si paas context create t

create() {
  local name=$1
  shift
  run "${paas[@]}" --json project create "$name" --stack "$dir/$name.yaml" --provisioner local \
    --config "socket=$SI_TEST_SOCKET" "$@"
}
delete() { expect_exit 0 "${paas[@]}" project delete "$1" --yes --confirm "$1"; }
# variable NAME: of the only container's environment.
variable() {
  local container
  container=$(resources | sed -n 's/^container //p')
  engine GET "/containers/$container/json" | jq -r --arg key "$1=" \
    '.Config.Env[] | select(startswith($key)) | ltrimstr($key)'
}
revisions() {
  expect_exit 0 "${paas[@]}" --json secret list --app "$1"
  json '[.data[] | "\(.key)=\(.revision) \(.origin)"] | sort | join(", ")'
}

cat >"$dir/app.yaml" <<'YAML'
x-si-secrets:
  DB_PASSWORD: {generate: password}
  JWT_SECRET: {generate: password, length: 40}
  ANON_KEY: {generate: jwt, key: JWT_SECRET, claims: {role: anon, iss: test}, expires: 2036-01-31}
  MAIL_PASSWORD:
  SMS_TOKEN:
services:
  web:
    image: test/box:1
    command: ["sleep", "100000"]
    init: true
    environment:
      DATABASE_URL: "postgres://app:${DB_PASSWORD}@db/app"
      ANON_KEY: "${ANON_KEY}"
      MAIL: "${MAIL_PASSWORD}"
      SMS: "a${SMS_TOKEN}b$$c"
YAML

begin "a secret in plain text is refused, and said how to declare it"
cat >"$dir/plain.yaml" <<'YAML'
services: {db: {image: "test/box:1", environment: {POSTGRES_PASSWORD: hunter-two}}}
YAML
create plain
expect_equal "$code" 2
expect_json .error.code STACK_SECRET
expect_contains "x-si-secrets" "$(json .error.remediation)"
[[ $out$err != *hunter-two* ]] || fail "it is shown"

begin "without a vault, and without what the operator has to set, nothing is begun"
create app
expect_equal "$code" 3
expect_json .error.code VAULT_MISSING
expect_contains "MAIL_PASSWORD, SMS_TOKEN" "$(json .error.message)"
expect_contains "si vault" "$(json .error.remediation)"
expect_exit 0 si vault --context t init
create app
expect_equal "$code" 3
expect_json .error.code SECRET_NOT_FOUND
expect_contains "MAIL_PASSWORD, SMS_TOKEN" "$(json .error.message)"
printf 'mail secret' >"$dir/value"
expect_exit 0 "${paas[@]}" secret set --app app MAIL_PASSWORD --file "$dir/value"
create app
expect_equal "$code" 3
expect_json .error.code SECRET_NOT_FOUND
expect_json .error.target SMS_TOKEN
expect_equal "$(revisions app)" "MAIL_PASSWORD=1 set" "a refused create made secrets"
expect_exit 0 "${paas[@]}" --json project list --all
expect_json .data '[]'
expect_no_resources

begin "a project comes up with its secrets in its container's environment"
printf 'sms secret' >"$dir/value"
expect_exit 0 "${paas[@]}" secret set --app app SMS_TOKEN --file "$dir/value"
rm "$dir/value"
create app
expect_equal "$code" 0
expect_equal "$(variable MAIL)" "mail secret"
expect_equal "$(variable SMS)" 'asms secretb$c'
url=$(variable DATABASE_URL)
[[ $url =~ ^postgres://app:[A-Za-z0-9]{32}@db/app$ ]] || fail "the URL is $url"
all="ANON_KEY=1 generated, DB_PASSWORD=1 generated, JWT_SECRET=1 generated"
expect_equal "$(revisions app)" "$all, MAIL_PASSWORD=1 set, SMS_TOKEN=1 set"

begin "a JWT is signed with the secret that the stack names, and says what it was told"
anon=$(variable ANON_KEY)
key=$("${paas[@]}" secret get --app app JWT_SECRET)
expect_equal "${#key}" 40
signature=$(printf '%s' "${anon%.*}" | openssl dgst -sha256 -hmac "$key" -binary | base64 -w0 |
  tr '+/' '-_' | tr -d '=')
expect_equal "${anon##*.}" "$signature"
unpack() { printf '%s' "$1" | tr -- '-_' '+/' | base64 -d 2>/dev/null; }
expect_equal "$(unpack "${anon%%.*}")" '{"alg":"HS256","typ":"JWT"}'
claims=${anon#*.}
expect_equal "$(unpack "${claims%.*}===")" '{"exp":2085350400,"iss":"test","role":"anon"}'

begin "what is stored of the stack names secrets and revisions, no values"
expect_exit 0 "${paas[@]}" --json project show app
pack=$SI_PAAS_STATE_ROOT/contexts/t/runpacks/$(json '.data.operations[0].runpack')
expect_exit 0 si runpack verify "$pack"
expect_equal "$(jq -c '.services[0].environment.DATABASE_URL' "$pack/artifacts/spec.json")" \
  '["postgres://app:",{"revision":1,"secret":"DB_PASSWORD"},"@db/app"]'
expect_equal "$(jq -c '[.secrets[].name]' "$pack/artifacts/spec.json")" \
  '["ANON_KEY","DB_PASSWORD","JWT_SECRET","MAIL_PASSWORD","SMS_TOKEN"]'

begin "deleted and made again, the project has the same secrets"
delete app
create app
expect_equal "$code" 0
expect_equal "$(variable DATABASE_URL)" "$url"
expect_equal "$(variable ANON_KEY)" "$anon"
delete app

begin "a failed create, and its retry, make none either; a new revision is taken by the retry"
sed 's#\["sleep", "100000"\]#["false"]#' "$dir/app.yaml" >"$dir/sick.yaml"
sed -i '/_KEY:\|_PASSWORD:$\|_TOKEN:\|MAIL:\|SMS:\|JWT_SECRET/d' "$dir/sick.yaml"
create sick
expect_equal "$code" 1
expect_equal "$(revisions sick)" "DB_PASSWORD=1 generated"
url=$(variable DATABASE_URL)
sed -i 's#\["false"\]#["sleep", "100000"]#' "$dir/sick.yaml"
expect_exit 0 "${paas[@]}" --json project retry sick --stack "$dir/sick.yaml"
expect_equal "$(variable DATABASE_URL)" "$url"
sed -i 's#\["sleep", "100000"\]#["false"]#' "$dir/sick.yaml"
delete sick
create sick
run "${paas[@]}" secret set --app sick DB_PASSWORD --stdin < <(printf 'rotated-by-hand')
expect_equal "$code" 0
sed -i 's#\["false"\]#["sleep", "100000"]#' "$dir/sick.yaml"
expect_exit 0 "${paas[@]}" --json project retry sick --stack "$dir/sick.yaml"
expect_equal "$(variable DATABASE_URL)" "postgres://app:rotated-by-hand@db/app"
container=$(resources | sed -n 's/^container //p')
expect_exit 0 "${paas[@]}" --json reconcile
expect_json .data.clean true
# A container that went away comes back with the secrets of now.
engine DELETE "/containers/$container?force=1" >/dev/null
run "${paas[@]}" secret set --app sick DB_PASSWORD --stdin < <(printf 'rotated-once-more')
expect_exit 0 "${paas[@]}" --json reconcile --apply
expect_equal "$(variable DATABASE_URL)" "postgres://app:rotated-once-more@db/app"
delete sick

begin "two creates at once make one value"
cp "$dir/sick.yaml" "$dir/race.yaml"
for n in a b; do
  "$SI_PREFIX/bin/si" paas --context t --json project create race --stack "$dir/race.yaml" \
    --config "socket=$SI_TEST_SOCKET" >"$dir/race.$n" 2>&1 &
  eval "pid_$n=$!"
done
# shellcheck disable=SC2154
wait "$pid_a"
code_a=$?
# shellcheck disable=SC2154
wait "$pid_b"
code_b=$?
expect_equal "$(printf '%s\n' "$code_a" "$code_b" | sort -n | xargs)" "0 4" \
  "$(cat "$dir/race.a" "$dir/race.b")"
expect_equal "$(revisions race)" "DB_PASSWORD=1 generated"
expect_equal "$(variable DATABASE_URL)" \
  "postgres://app:$("${paas[@]}" secret get --app race DB_PASSWORD)@db/app"
delete race

begin "a sealed identity is asked for before anything is begun"
expect_exit 0 "${paas[@]}" --json project list --all
before=$(json '.data | length')
run si vault --context t rotate --new-passphrase-fd 4 4< <(printf 'a passphrase\n')
expect_equal "$code" 0
create race
expect_equal "$code" 5
expect_json .error.code VAULT_LOCKED
run "${paas[@]}" --json project create race --stack "$dir/race.yaml" --passphrase-fd 3 \
  --config "socket=$SI_TEST_SOCKET" 3< <(printf 'another passphrase\n')
expect_equal "$code" 5
expect_exit 0 "${paas[@]}" --json project list --all
expect_json '.data | length' "$before"
expect_no_resources
run "${paas[@]}" --json project create race --stack "$dir/race.yaml" --passphrase-fd 3 \
  --config "socket=$SI_TEST_SOCKET" 3< <(printf 'a passphrase\n')
expect_equal "$code" 0
delete race
run si vault --context t rotate --open-identity --passphrase-fd 3 3< <(printf 'a passphrase\n')
expect_equal "$code" 0

# --- the canary ----------------------------------------------------------------------------------

# One value in all the forms that it may leave by. It is in this shell's memory alone.
canary="cAnary-$(head -c 12 /dev/urandom | base64 | tr '+/' 'xy')/\"%&+~ é-end"
forms=("$canary")
forms+=("$(printf '%s' "$canary" | jq -Rs . | sed 's/^"//; s/"$//')")
forms+=("$(printf '%s' "$canary" | jq -sRr @uri)")
hex=$(printf '%s' "$canary" | od -An -v -tx1 | tr -d ' \n')
forms+=("$hex" "${hex^^}")
for before in '' x xx; do
  encoded=$(printf '%s%s' "$before" "$canary" | base64 -w0)
  # Without the characters that depend on what stands before and behind it.
  forms+=("${encoded:4:40}" "$(printf '%s' "${encoded:4:40}" | tr '+/' '-_')")
done
# found PLACE...: files below that hold the canary in any form.
found() {
  local form arguments=()
  for form in "${forms[@]}"; do arguments+=(-e "$form"); done
  # Not in the arguments of a process: those can be seen.
  grep -rlaF --no-messages -f <(printf '%s\n' "${forms[@]}") "$@"
}

begin "the search itself finds every form (negative control)"
mkdir "$dir/plant"
for form in "${forms[@]}"; do
  printf 'before%sbehind' "$form" >"$dir/plant/file"
  [ -n "$(found "$dir/plant")" ] || fail "the search does not find $form"
done
rm -r "$dir/plant"
[ -z "$(found "$dir")" ] || fail "the canary is there already"

cat >"$dir/canary.yaml" <<'YAML'
x-si-secrets:
  CANARY:
services:
  web:
    image: test/box:1
    command:
      - sh
      - -c
      - |
        echo "log: $$CANARY"; printf %s "$$CANARY" | base64; printf x%s "$$CANARY" | base64 >&2
        printf %s "$$CANARY" | od -An -v -tx1 | tr -d ' \n'; echo
        echo "{\"password\": \"$$CANARY\"}"; sleep 100000
    init: true
    environment:
      CANARY: "${CANARY}"
      URL: "x://u:${CANARY}@h"
    healthcheck:
      test: ["CMD-SHELL", "echo \"sick of $$CANARY\"; exit 1"]
      interval: 1s
      retries: 2
YAML
mkdir "$dir/cores"
cd "$dir/cores" || exit 1
ulimit -c unlimited
keep() {
  run "$@"
  cat "$dir/.out" "$dir/.err" >>"$dir/outputs"
}
# What processes of si show of themselves while they run.
watch_processes() {
  local pid
  while :; do
    for pid in /proc/[0-9]*; do
      case $(readlink "$pid/exe") in
        "$SI_PREFIX"/*) cat "$pid/environ" "$pid/cmdline" 2>/dev/null && printf ' %s\n' "$pid" ;;
      esac
    done >>"$dir/processes"
    sleep 0.05
  done
}
watch_processes 2>/dev/null &
on_exit kill $!

begin "a receiver hears of what fails in the canary's context"
hook=$dir/hook config=$SI_PAAS_STATE_ROOT/contexts/t/config.json
"$repository/tests/servers/webhook.sh" "$hook" 2>/dev/null &
on_exit kill $!
until_true 20 test -s "$hook/port"
jq '.webhook_policy = {mode: "allow", allow: ["localhost"]}' "$config" >"$dir/config.new"
cat "$dir/config.new" >"$config"
jq -n --arg url "https://localhost:$(cat "$hook/port")/ok" --arg ca "$hook/ca.pem" \
  '{default_channel: "ops", channels: {ops: {type: "webhook", url: $url, secret: "OPS_KEY",
    ca_file: $ca, allow_private: true}}}' >"$dir/policy.json"
run "${paas[@]}" secret set OPS_KEY --stdin < <(printf 'the key of the receiver')
expect_equal "$code" 0
expect_exit 0 "${paas[@]}" alert policy set --file "$dir/policy.json"

begin "the canary is set, used, and comes back from a container that fails with it"
run "${paas[@]}" secret set --app canary CANARY --stdin < <(printf '%s' "$canary")
expect_equal "$code" 0
keep "${paas[@]}" --json -v project create canary --stack "$dir/canary.yaml" --provisioner local \
  --config "socket=$SI_TEST_SOCKET" --config ready_timeout_ms=30000
expect_equal "$code" 1
expect_contains "<redacted>" "$(json .error.detail)"
expect_contains "log: <redacted>" "$(json .error.detail)"
expect_equal "$(variable CANARY)" "$canary"
expect_equal "$(variable URL)" "x://u:$canary@h"
keep "${paas[@]}" -v project show canary
keep "${paas[@]}" --json project show canary --stored
keep "${paas[@]}" -v project retry canary # to a terminal's eye
expect_equal "$code" 1
keep "${paas[@]}" --json events list

# copies_in PID: how often the canary stands in the memory of that process.
copies_in() {
  printf '%s' "$canary" | python3 -c '
import re, sys
needle, count = sys.stdin.buffer.read(), 0
for line in open("/proc/%s/maps" % sys.argv[1]):
    start, end = re.match(r"(\w+)-(\w+)", line).groups()
    if int(end, 16) - int(start, 16) > 1 << 30:
        continue # what a sanitizer reserves
    try:
        with open("/proc/%s/mem" % sys.argv[1], "rb") as memory:
            memory.seek(int(start, 16))
            while len(block := memory.read(min(1 << 26, int(end, 16) - memory.tell()))) > 0:
                count += block.count(needle)
    except (OSError, ValueError):
        pass
print(count)' "$1"
}
CANARY=$canary sleep 100 & # a process that has it: the search finds it
on_exit kill $!
until_true 5 eval '[ "$(copies_in "$!")" -ge 1 ]'

begin "si-host is killed while it has used the canary; then si itself is, with a core file wanted"
killed() { # WHOM SIGNAL
  local pid logs=$SI_PAAS_STATE_ROOT/contexts/t/operations
  # Another stack each time, so that the container is made anew, and is waited for; it keeps the
  # canary to itself, so that what si-host has of it comes from si alone. The reconcile that comes
  # behind waits for it in vain, as long as it is told here.
  retries=$((retries + 50))
  sed -e "s/retries: 2/retries: $retries/" -e 's/test: .*/test: ["CMD", "false"]/' \
    "$dir/canary.yaml" >"$dir/patient.yaml"
  "$SI_PREFIX/bin/si" paas --context t --json project retry canary --stack "$dir/patient.yaml" \
    --config ready_timeout_ms=20000 >>"$dir/outputs" 2>&1 &
  local si=$!
  until_true 20 eval '[ -n "$(pgrep -P "$si" si-host)" ]'
  until_true 30 eval 'grep -q "container.start web done" "$(ls -t "$logs"/*.log | head -n 1)"'
  pid=$si
  [ "$1" = si ] || pid=$(pgrep -P "$si" si-host)
  copies=$(copies_in "$(pgrep -P "$si" si-host)")
  kill "-$2" "$pid"
  { wait "$si"; } 2>/dev/null
}
retries=0
killed si-host KILL
expect_equal "$copies" 0 "the memory of si-host, which made the container, still holds the canary"
killed si ABRT
expect_equal "$copies" 0 "the memory of si-host, which made the container, still holds the canary"
keep "${paas[@]}" --json -v reconcile --apply
keep "${paas[@]}" --json events list
keep "${paas[@]}" events verify

begin "a provider that tells the canary in every way there is is not heard, neither in its last words"
plugin_tree misbehave
cat >"$dir/told.yaml" <<'YAML'
x-si-secrets: {CANARY: }
services: {web: {image: "test/box:1", environment: {CANARY: "${CANARY}"}}}
YAML
run "${paas[@]}" secret set --app told CANARY --stdin < <(printf '%s' "$canary")
expect_equal "$code" 0
# It is in the vault, but the stack does not declare it: the provider must not get it.
run "${paas[@]}" secret set --app told NOT_DECLARED --stdin < <(printf 'for somebody else')
expect_equal "$code" 0
keep "${paas[@]}" --json -v project create told --stack "$dir/told.yaml" --provisioner misbehave \
  --config do=tell
expect_equal "$code" 1
expect_json .error.message "it failed with <redacted> (setting <redacted>)"
expect_contains "it is <redacted>, is it not"
expect_contains "on stderr: <redacted>"
expect_contains "NOT_DECLARED"
told=$(json .data.operation.id)
log=$(cat "$SI_PAAS_STATE_ROOT/contexts/t/operations/$told.log")
pack=$SI_PAAS_STATE_ROOT/contexts/t/runpacks/$(json .data.operation.runpack)
expect_exit 0 si runpack verify "$pack"
expect_contains "step it is <redacted>, is it not begin <redacted>" "$log"
expect_equal "$(jq -c .result "$pack/artifacts/result.json")" \
  '{"services":[],"said":"<redacted>","<redacted>1":1,"password":"<redacted>"}'
keep "${paas[@]}" --json -v project retry told --config do=tell-abort
expect_equal "$code" 1
expect_json .error.code PLUGIN_CRASHED
expect_contains "on stdout: <redacted>" "$(json .error.detail)"
keep "${paas[@]}" --json -v project retry told --config do=tell-doubled
expect_equal "$code" 1
expect_json .error.code PROVIDER_RESULT
expect_contains "a key stands twice: <redacted>" "$(json .error.message)"
keep "${paas[@]}" -v project show told
keep "${paas[@]}" --json project delete told --yes --confirm told
unset SI_PLUGIN_DIR

begin "a command that fails with the canary in its hands"
keep "${paas[@]}" secret set --app 'no/app' CANARY --stdin < <(printf '%s' "$canary")
[ "$code" != 0 ] || fail "that should have failed"
keep "${paas[@]}" secret set --app canary CANARY --stdin --nonsense < <(printf '%s' "$canary")
[ "$code" != 0 ] || fail "that should have failed"
keep "${paas[@]}" --json project delete canary --yes --confirm canary
expect_equal "$code" 0

begin "what leaves the context: alerts, its settings, runpacks, and sealed secrets"
until_true 20 grep -q '"path": "/ok"' "$hook/requests.jsonl"
grep -q canary "$hook/requests.jsonl" || fail "the receiver heard nothing of project canary"
keep "${paas[@]}" --json context export t --output "$dir/settings.json"
expect_equal "$code" 0
keep si runpack export --context t --operation "$told" --sink file --config "root=$dir/packs"
expect_equal "$code" 0
keep si vault export --context t --recipient "$("${paas[@]}" secret key)" \
  --dangerous-include-secrets --output "$dir/sealed.age"
expect_equal "$code" 0
for file in settings.json packs sealed.age; do
  [ -n "$(find "$dir/$file" -type f -size +0)" ] || fail "nothing was written to $file"
done

begin "the canary is in no file, no output, no process of si's, no core file"
[ -s "$dir/processes" ] && grep -q si-host "$dir/processes" || fail "no process was watched"
grep -qF '<redacted>' "$dir/outputs" || fail "nothing was redacted at all"
expect_equal "$(find "$dir/cores" -type f)" ""
left=$(found "$dir" "$SI_PAAS_STATE_ROOT" /core*)
[ -z "$left" ] || fail "the canary is in: $left"
expect_no_resources
