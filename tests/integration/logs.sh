#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an app's services wrote: in the order of its times, without secrets, followed through a
# restart and a deploy until an interrupt; and what has no logs to show says so. R13, R24, R66.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
needs_engine "$@"

paas=(si paas --context t)
busybox_image test/box:1
expect_exit 0 si paas context create t
expect_exit 0 si vault init --context t
secret=a-value-nobody-may-see
printf %s "$secret" | expect_exit 0 si paas secret set --context t --app shop TOKEN --stdin

# stack FILE COMMAND: `web` runs it, `db` counts seconds of its own.
stack() {
  cat >"$dir/$1.yaml" <<YAML
x-si-secrets: {TOKEN: }
services:
  web:
    image: test/box:1
    command: ["sh", "-c", "$2"]
    init: true
    environment: {TOKEN: "\${TOKEN}"}
  db:
    image: test/box:1
    command: ["sh", "-c", "echo db-1; sleep 2; echo db-2 >&2; exec sleep 100000"]
    init: true
YAML
}
logs() { run "${paas[@]}" logs --app shop "$@"; }
json_logs() { run "${paas[@]}" --json logs --app shop "$@"; }
# shellcheck disable=SC2016
talk='sleep 0.2; echo saw-$$TOKEN; printf one; sleep 0.2; echo -two; printf \"esc\\033[31m \\377 end\\n\"; echo err >&2; exec sleep 100000'
stack one "$talk"
expect_exit 0 "${paas[@]}" deploy --app shop --stack "$dir/one.yaml" --provisioner local --config "socket=$SI_TEST_SOCKET"
sleep 2.5

begin "several services, in the order of their times, without secrets and without control characters"
logs
expect_equal "$code" 0
expect_contains "saw-<redacted>"
expect_contains 'esc\x1b[31m '
expect_equal "$(sed 's/^[^ ]*  //' <<<"$out" | grep -E 'db-|one' | tr -s ' ' | tr '\n' ',')" "db db-1,web one-two,db db-2,"
case $out$err in *"$secret"* | *$'\033'*) fail "a secret, or a control character" ;; esac
[ "$(cut -c1-24 <<<"$out")" = "$(cut -c1-24 <<<"$out" | sort)" ] || fail "not in the order of times"
json_logs
expect_equal "$(jq -rs 'map(keys | join(" ")) | unique | join("|")' <<<"$out")" "line service stream time"
expect_equal "$(jq -rs '[.[] | select(.stream == "stderr") | .line] | sort | join(" ")' <<<"$out")" "db-2 err"
expect_equal "$(jq -rs '[.[] | select(.line | startswith("esc"))][0].line' <<<"$out")" $'esc\033[31m \357\277\275 end'
case $out in *"$secret"*) fail "a secret" ;; esac

begin "by service, by number, by time"
json_logs --service db --tail 1
expect_equal "$(jq -rs 'map(.line) | join(" ")' <<<"$out")" db-2
after=$(jq -r .time <<<"$out")
json_logs --since "${after:0:23}Z" --service db --service web
case $out in *db-1*) fail "a line from before --since" ;; esac
expect_contains db-2
json_logs --since 2h --service db
expect_equal "$(jq -rs length <<<"$out")" 2
for wrong in "--tail 0" "--tail 100001" "--tail x" "--since yesterday" "--service nobody" "--target far"; do
  # shellcheck disable=SC2086
  logs $wrong
  [ "$code" = 2 ] || [ "$code" = 3 ] || fail "$wrong: exit code $code"
done
expect_contains "app shop does not live on target far"
expect_exit 3 "${paas[@]}" logs --app nobody
expect_exit 2 "${paas[@]}" logs

begin "nothing is changed: no operation, no event"
before=$(si paas --context t --json events list --limit 1000 | jq '.data | length')
logs
expect_equal "$(si paas --context t --json events list --limit 1000 | jq '.data | length')" "$before"

begin "a long line is cut, and the end of it is no part of a secret"
# 32768 bytes of a line are kept: what begins before that ends in the middle of the secret.
# shellcheck disable=SC2016
stack two 'head -c 32760 /dev/zero | tr \"\\\\0\" x; echo $$TOKEN-and-more; i=0; while :; do i=$$((i+1)); echo n-$$i; sleep 0.05; done'
expect_exit 0 "${paas[@]}" deploy --app shop --stack "$dir/two.yaml"
json_logs --service web --tail 100000
expect_equal "$(jq -s '[.[] | select(.cut)] | length' <<<"$out")" 1
case $out in *a-val*) fail "part of a secret" ;; esac

begin "followed through a restart and a deploy, nothing lost, nothing twice, until an interrupt"
"$SI_PREFIX/bin/si" paas --context t --json logs --app shop -f --tail 1 >"$dir/followed" 2>"$dir/followed.err" &
follower=$!
on_exit kill "$follower"
until_true 20 grep -q n- "$dir/followed"
web=$(engine GET /containers/json -G --data-urlencode 'filters={"label":["si.service=web"]}' | jq -r '.[].Id')
engine POST "/containers/$web/restart?t=0" >/dev/null
until_true 20 grep -q '"n-1"' "$dir/followed"
stack three "echo three-is-here; exec sleep 100000"
expect_exit 0 "${paas[@]}" deploy --app shop --stack "$dir/three.yaml"
until_true 20 grep -q three-is-here "$dir/followed"
kill -TERM "$follower" # the shell has its background commands ignore SIGINT
wait "$follower"
expect_equal $? 130
expect_contains interrupted "$(cat "$dir/followed" "$dir/followed.err")"
jq -rs '[.[] | select(.line) | .line | select(startswith("n-")) | ltrimstr("n-") | tonumber] |
  [., .[1:] + [null]] | transpose | map(select(.[1] != null and .[1] != 1 and .[1] != .[0] + 1)) | tojson' \
  <"$dir/followed" >"$dir/gaps"
expect_equal "$(cat "$dir/gaps")" "[]" "lines were lost, or came twice"
case $(cat "$dir/followed") in *"$secret"*) fail "a secret" ;; esac

begin "who cannot know the secrets shows nothing; what is gone has no logs"
mv "$SI_PAAS_STATE_ROOT/keys/t.identity" "$dir/identity"
logs
expect_equal "$code" 5
expect_equal "$out" ""
mv "$dir/identity" "$SI_PAAS_STATE_ROOT/keys/t.identity"
expect_exit 0 "${paas[@]}" project delete shop --yes --confirm shop
logs
expect_equal "$code" 3
