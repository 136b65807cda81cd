#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The vault from outside: secrets in and out, tampering, identities, moving, and that no value is
# where it does not belong. R6, R7, R8, R9, R10, R12, R13, R15, R16, R25, R69.
# shellcheck disable=SC2154,SC2034,SC2094,SC2030,SC2031
. "$(dirname "$0")/../functions.sh"
for tool in age age-keygen python3; do
  command -v "$tool" >/dev/null || skip "there is no $tool (./check --deps installs it)"
done

paas=(si paas --context t)
vault=$SI_PAAS_STATE_ROOT/contexts/t/vault/secrets.env
identity=$SI_PAAS_STATE_ROOT/keys/t.identity
terminal=$repository/tests/unit/vault/terminal.py
expect_exit 0 si paas context create t

# set VALUE ARGS...: sets a secret from stdin.
set_secret() {
  local value=$1
  shift
  printf %s "$value" >"$dir/.value"
  expect_exit 0 "${paas[@]}" secret set "$@" --file "$dir/.value"
  rm "$dir/.value"
}
get_secret() {
  expect_exit 0 "${paas[@]}" secret get "$@"
  printf %s "$out"
}
# example NAME: the code block of docs/vault.md that is marked so.
example() {
  awk -v mark="<!-- example: $1 -->" '$0 == mark { on = 1; next }
    on && /^```/ { if (++fence == 2) exit; next } on && fence { print }' "$repository/docs/vault.md"
}

begin "R12: without a vault a command that needs one says what to type"
expect_exit 3 "${paas[@]}" --json secret get API_TOKEN
expect_json .error.code VAULT_MISSING
expect_contains "si vault init --context t" "$(json .error.remediation)"
expect_exit 3 "${paas[@]}" secret set API_TOKEN --stdin </dev/null
expect_exit 3 si vault doctor --context t

begin "R25: what changes a secret needs --context itself"
expect_exit 0 si paas context use t
for words in "vault init" "vault set K --stdin" "vault rotate" "vault unset K" "vault trust forget" \
  "paas secret set K --stdin" "paas secret unset K" "paas secret rotate K" "vault import x"; do
  # shellcheck disable=SC2086
  expect_exit 2 si $words --json </dev/null
  expect_json .error.code PAAS_CONTEXT_EXPLICIT
done

begin "R10: a vault is made once, for this user alone"
expect_exit 0 si vault init --context t --json
recipient=$(json .data.recipient)
expect_equal "$(json .data.identity)" "$identity"
expect_equal "$(stat -c %a "$identity" "$(dirname "$identity")" "$vault" "$(dirname "$vault")" |
  xargs)" "600 700 600 700"
expect_equal "$(age-keygen -y "$identity")" "$recipient"
expect_exit 4 si vault init --context t --json
expect_json .error.code VAULT_EXISTS
expect_exit 0 si paas secret key
expect_equal "$out" "$recipient"

begin "a secret comes back byte by byte, from stdin, a file and a descriptor"
head -c 65536 /dev/urandom | tr '\0' '\1' >"$dir/bytes"
expect_exit 0 "${paas[@]}" secret set BYTES --file "$dir/bytes"
"$SI_PREFIX/bin/si" paas secret get BYTES >"$dir/back" || fail "get failed"
cmp "$dir/bytes" "$dir/back" || fail "the bytes differ"
printf 'piped\n' | si paas --context t secret set PIPED --stdin 2>"$dir/.note"
expect_contains "--trim" "$(cat "$dir/.note")"
expect_equal "$(get_secret PIPED; echo .)" "piped." # $(...) takes a newline off
printf 'piped\n' | si paas --context t secret set PIPED --stdin --trim || fail "set failed"
"$SI_PREFIX/bin/si" paas secret get PIPED >"$dir/back"
printf piped | cmp - "$dir/back" || fail "--trim left the newline"
si paas --context t secret set --app blog FROM_FD --fd 7 7< <(printf 'by descriptor') ||
  fail "set failed"
expect_equal "$(get_secret --app blog FROM_FD)" "by descriptor"
expect_exit 0 si paas --json secret get --app blog FROM_FD
expect_equal "$(json .data.value_base64 | base64 -d)" "by descriptor"

begin "a value in the arguments is refused, and not repeated"
for words in "set KEY hunter2" "set KEY=hunter2 --stdin" "set KEY --value=hunter2" \
  "set KEY --stdin hunter2" "rotate KEY hunter2"; do
  # shellcheck disable=SC2086
  expect_exit 2 "${paas[@]}" secret $words </dev/null
  case $out$err in *hunter2*) fail "the value is repeated: $err" ;; esac
done
expect_contains "never given as an argument"
# shellcheck disable=SC2086
expect_exit 2 si paas secret set KEY hunter2 </dev/null # also where --context is what is missing
case $out$err in *hunter2*) fail "the value is repeated: $err" ;; esac
grep -rq hunter2 "$SI_PAAS_STATE_ROOT" && fail "it was written down"

begin "what is no secret changes nothing"
before=$(sha256sum "$vault")
expect_exit 2 "${paas[@]}" secret set KEY --stdin </dev/null
expect_exit 2 "${paas[@]}" secret set lower --file "$dir/bytes"
expect_exit 2 "${paas[@]}" secret set --app UPPER KEY --file "$dir/bytes"
expect_exit 2 "${paas[@]}" secret set KEY --file "$dir/bytes" --stdin
expect_exit 2 "${paas[@]}" secret set KEY
head -c 65537 /dev/zero | tr '\0' x >"$dir/long"
expect_exit 2 "${paas[@]}" secret set KEY --file "$dir/long"
printf 'a\0b' >"$dir/nul"
expect_exit 2 "${paas[@]}" secret set KEY --file "$dir/nul"
expect_exit 3 "${paas[@]}" secret get NONE
expect_exit 3 "${paas[@]}" secret unset NONE
expect_exit 3 "${paas[@]}" secret rotate NONE
expect_equal "$(sha256sum "$vault")" "$before"

begin "a list names and never opens"
set_secret "canary-$RANDOM-value" --app blog CANARY
mv "$identity" "$identity.away"
expect_exit 0 si paas --json secret list --app blog
expect_json '[.data[] | .app + "/" + .key + "/" + .revision + "/" + .origin]' \
  '["blog/CANARY/1/set","blog/FROM_FD/1/set"]'
expect_exit 5 si paas secret get --app blog CANARY
expect_contains "$identity"
mv "$identity.away" "$identity"

begin "a value that is rotated is new, generated, and not shown"
old=$(get_secret --app blog CANARY)
expect_exit 0 "${paas[@]}" --json secret rotate --app blog CANARY
expect_json .data.revision 2
new=$(get_secret --app blog CANARY)
[ "$new" != "$old" ] || fail "it is the old value"
[[ $new =~ ^[A-Za-z0-9]{32}$ ]] || fail "the generated value is '$new'"

begin "secrets do not go to a terminal unasked"
run "$terminal" x "$SI_PREFIX/bin/si" paas secret get --app blog CANARY
expect_equal "$code" 9
case $err in *"$new"*) fail "it was shown" ;; esac
run "$terminal" x "$SI_PREFIX/bin/si" paas secret get --app blog CANARY --reveal
expect_equal "$code" 0
expect_contains "$new"

begin "a value typed on a terminal is not echoed"
run "$terminal" "typed on a terminal" "$SI_PREFIX/bin/si" paas --context t secret set TYPED --stdin
expect_equal "$code" 0
case $err in *"typed on"*) fail "it was echoed" ;; esac
expect_equal "$(get_secret TYPED)" "typed on a terminal"

begin "docs/vault.md: age, awk and base64 alone open a value"
name=blog.CANARY
expect_equal "$(eval "$(example open)")" "$new"
name=TYPED
expect_equal "$(eval "$(example open)")" "typed on a terminal"

begin "docs/vault.md: others seal for the public key, and the operator imports"
(cd "$dir" && password='their password' && eval "$(example seal)")
expect_exit 0 si vault import --context t "$dir/for-si.age"
expect_equal "$(get_secret --app blog SMTP_PASSWORD)" "their password"

begin "R10, R15: whatever is done to the file is refused; put back, it opens"
cp "$vault" "$dir/good"
tampered() {
  local wanted=$1
  expect_exit "$2" si paas --json secret get --app blog CANARY
  expect_json .error.code "$wanted"
  # The same stands in the way of every change, as a critical finding of the doctor.
  printf x >"$dir/.value"
  expect_exit 8 "${paas[@]}" --json secret set OTHER --file "$dir/.value"
  expect_json .error.code PAAS_DOCTOR_CRITICAL
  expect_exit "$2" si vault rotate --context t --json
  expect_json .error.code "$wanted"
  cat "$dir/good" >"$vault"
}
sed -i '$d' "$vault"
tampered VAULT_TAMPERED 8
truncate -s -10 "$vault"
tampered VAULT_TAMPERED 8
tail -n 1 "$vault" >>"$vault"
tampered VAULT_TAMPERED 8
awk -F= '/^blog.CANARY=/ { sub(/^[^=]*/, "shop.CANARY") } { print }' "$dir/good" >"$vault"
tampered VAULT_TAMPERED 8
cat "$vault.previous" >"$vault"
tampered VAULT_TAMPERED 8
other=$(age-keygen 2>/dev/null | sed -n 's/^# public key: //p')
sed -i "2a # recipient $other" "$vault"
tampered VAULT_UNTRUSTED 5
chmod 640 "$vault"
expect_exit 9 si paas --json secret list
expect_json .error.code VAULT_UNSAFE
chmod 600 "$vault"
mv "$vault" "$vault.moved"
ln -s "$vault.moved" "$vault"
expect_exit 9 si paas --json secret list
expect_json .error.code VAULT_UNSAFE
mv "$vault.moved" "$vault"
mkdir "$(dirname "$vault")/.git"
expect_exit 9 si paas --json secret list
expect_json .error.code VAULT_UNSAFE
rmdir "$(dirname "$vault")/.git"
expect_equal "$(get_secret --app blog CANARY)" "$new"

begin "trust is given for the very set alone"
sed -i "2a # recipient $other" "$vault"
expect_exit 0 si vault trust status --json
expect_json .data.ok false
found=$(json .data.fingerprint)
expect_equal "$found" "$(printf '%s\n' "$recipient" "$other" | sort | sha256sum | cut -d' ' -f1)"
expect_exit 5 si vault trust accept --context t --fingerprint "${found//[0-9]/0}"
expect_exit 5 si paas secret get --app blog CANARY
expect_exit 0 si vault trust accept --context t --fingerprint "$found"
expect_equal "$(get_secret --app blog CANARY)" "$new"
expect_exit 0 si vault recipients remove --context t "$other"
expect_exit 0 si vault trust forget --context t
expect_exit 5 si paas secret get --app blog CANARY
expect_exit 0 si vault trust status --json
expect_exit 0 si vault trust accept --context t --fingerprint "$(json .data.fingerprint)"

begin "another reader opens what is sealed for it, and no more once it is removed"
age-keygen -o "$dir/escrow" 2>/dev/null
escrow=$(age-keygen -y "$dir/escrow")
expect_exit 0 si vault recipients add --context t "$escrow"
expect_exit 0 si vault recipients list --json
expect_json '[.data[] | select(.own) | .recipient]' "[\"$recipient\"]"
name=blog.CANARY
expect_equal "$(identity=$dir/escrow && eval "$(example open)")" "$new"
expect_exit 0 si vault recipients remove --context t "$escrow"
expect_equal "$(identity=$dir/escrow && eval "$(example open)" 2>/dev/null)" ""
grep -q "$escrow" "$vault"* && fail "something is still sealed for it"
expect_exit 9 si vault recipients remove --context t "$recipient"

begin "a rotated identity opens everything; the old one nothing"
cp "$identity" "$dir/old"
expect_exit 0 si vault rotate --context t
expect_equal "$(get_secret --app blog CANARY)" "$new"
expect_equal "$(eval "$(example open)")" "$new"
expect_equal "$(identity=$dir/old && eval "$(example open)" 2>/dev/null)" ""
cmp -s "$identity" "$dir/old" && fail "it is the old identity"
recipient=$(age-keygen -y "$identity")

begin "an identity sealed with a passphrase, by si and by age"
si vault rotate --quiet --context t --new-passphrase-fd 7 7< <(echo "correct horse") \
  >/dev/null || fail "rotate failed"
expect_exit 5 si paas --no-input secret get --app blog CANARY
expect_contains "--passphrase-fd"
expect_equal "$(si paas secret get --app blog CANARY --passphrase-fd 7 7< <(echo "correct horse"))" \
  "$new"
expect_exit 5 si paas --json secret get --app blog CANARY --passphrase-fd 7 7< <(echo "wrong")
expect_json .error.code VAULT_PASSPHRASE
run "$terminal" "correct horse" "$SI_PREFIX/bin/si" paas secret get --app blog CANARY --reveal
expect_equal "$code" 0
expect_contains "$new"
expect_equal "$("$terminal" "correct horse" age -d -o "$dir/opened" "$identity" 2>/dev/null
  age-keygen -y "$dir/opened")" "$(si paas secret key)"
expect_exit 2 si vault rotate --context t --passphrase-fd 7 7< <(echo "correct horse")
si vault rotate --context t --passphrase-fd 7 --open-identity --quiet 7< <(echo "correct horse") \
  >/dev/null || fail "rotate failed"
"$terminal" "by age" age -p -o "$identity.sealed" "$identity" 2>/dev/null || fail "age -p failed"
chmod 600 "$identity.sealed"
mv "$identity.sealed" "$identity"
expect_equal "$(si paas secret get --app blog CANARY --passphrase-fd 7 7< <(echo "by age"))" "$new"
si vault rotate --context t --passphrase-fd 7 --open-identity --quiet 7< <(echo "by age") \
  >/dev/null || fail "rotate failed"

begin "an interrupt at the question for a passphrase leaves the terminal as it was"
si vault rotate --quiet --context t --new-passphrase-fd 7 7< <(echo "correct horse") \
  >/dev/null || fail "the rotation failed"
run python3 - "$SI_PREFIX/bin/si" <<'PYTHON'
import os, pty, sys, termios, time
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], ["si", "paas", "--context", "t", "secret", "get", "--app", "blog",
                           "CANARY", "--reveal"])
echoes = lambda: bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
deadline = time.monotonic() + 20
said = b""
while b"assphrase" not in said and time.monotonic() < deadline:
    said += os.read(terminal, 4096)
silent = not echoes()
os.write(terminal, b"\x03")
_, status = os.waitpid(child, 0)
print(silent, echoes(), os.waitstatus_to_exitcode(status))
PYTHON
expect_equal "$out" "True True 130"
si vault rotate --context t --passphrase-fd 7 --open-identity --quiet 7< <(echo "correct horse") \
  >/dev/null || fail "the rotation failed"

begin "a descriptor of si's own is none that a passphrase comes from, and a NUL ends none"
si vault rotate --quiet --context t --new-passphrase-fd 7 7< <(echo "correct horse") \
  >/dev/null || fail "rotate failed"
for fd in 3 4 5 6 7 8 9; do
  expect_exit 2 si paas --json secret get --app blog CANARY --passphrase-fd "$fd"
done 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&- # whatever the caller left open
printf 'two\0words\n' >"$dir/nul"
expect_exit 5 si vault rotate --context t --json --new-passphrase-fd 7 7<"$dir/nul"
expect_json .error.code VAULT_PASSPHRASE
si vault rotate --context t --passphrase-fd 7 --open-identity --quiet 7< <(echo "correct horse") \
  >/dev/null || fail "rotate failed"

begin "a lock that is not the user's own is named itself"
chmod 640 "$vault.lock"
expect_exit 9 si vault rotate --context t
expect_contains "chmod 600 $vault.lock"
chmod 600 "$vault.lock"

begin "R8, R9: secrets leave sealed, on request alone, never into a repository"
expect_exit 0 si paas context create other
expect_exit 0 si vault init --context other --json
theirs=$(json .data.recipient)
expect_exit 9 si vault export --context t --recipient "$theirs" --output "$dir/export"
[ ! -e "$dir/export" ] || fail "it was written"
mkdir -p "$dir/repo/.git"
expect_exit 9 si vault export --context t --recipient "$theirs" --dangerous-include-secrets \
  --output "$dir/repo/export"
run "$terminal" x "$SI_PREFIX/bin/si" vault export --context t --recipient "$theirs" \
  --dangerous-include-secrets
expect_equal "$code" 2
expect_exit 0 si vault export --context t --recipient "$theirs" --dangerous-include-secrets \
  --output "$dir/export"
expect_equal "$(stat -c %a "$dir/export")" 600
grep -q "$new" "$dir/export" && fail "it is plain"
expect_exit 5 si vault import --context t "$dir/export"
expect_exit 0 si vault import --context other --stdin <"$dir/export"
expect_equal "$(si paas --context other secret get --app blog CANARY)" "$new"
si paas --context other secret get BYTES >"$dir/back"
cmp "$dir/bytes" "$dir/back" || fail "the bytes differ"
printf '# old settings\nSMTP_HOST=mail.example\nSMTP_PASSWORD="two words"\n' >"$dir/old.env"
expect_exit 8 si vault import --context other "$dir/old.env"
expect_exit 0 si vault import --context other --plain --app shop "$dir/old.env"
expect_equal "$(si paas --context other secret get --app shop SMTP_PASSWORD)" "two words"

begin "R19: one context's secrets are not another's"
expect_exit 3 si paas --context t secret get --app shop SMTP_PASSWORD
cp "$SI_PAAS_STATE_ROOT/contexts/other/vault/secrets.env" "$dir/others"
cat "$dir/others" >"$vault"
expect_exit 9 si paas --json secret list
expect_json .error.code PAAS_VAULT_SHARED
expect_exit 9 si vault rotate --context t --json
expect_json .error.code PAAS_VAULT_SHARED

begin "vault doctor tells what is wrong"
expect_exit 8 si vault doctor --context t --json
expect_json '[.data[] | select(.ok | not) | .id]' '["vault_context"]'
expect_exit 0 si vault doctor --context other --json
expect_json '[.data[] | select(.ok | not)]' '[]'
others=$SI_PAAS_STATE_ROOT/contexts/other/vault/secrets.env
sed -i '/^shop.SMTP_HOST=/d; s/^PIPED=/shop.NEW=/' "$others"
expect_exit 8 si vault doctor --context other --json
expect_json '[.data[] | select(.id == "vault_lines" and (.ok | not))] | length' 3
cat "$dir/others" >"$others"

begin "a vault that is lost is made anew by name alone, loudly, and over nothing that is there"
theirs=$SI_PAAS_STATE_ROOT/keys/other.identity
new_vault=(si vault init --context other --force-new)
expect_exit 2 "${new_vault[@]}" --yes
expect_exit 2 "${new_vault[@]}" --yes --confirm t
expect_exit 4 "${new_vault[@]}" --yes --confirm other --json
expect_json .error.code VAULT_EXISTS
rm -f "$others" "$others.previous"
expect_exit 4 si vault init --context other --json
expect_contains "--force-new" "$(json .error.remediation)"
expect_exit 4 "${new_vault[@]}" --yes --confirm other
expect_contains "$theirs"
mv "$theirs" "$dir/theirs"
expect_exit 0 "${new_vault[@]}" --yes --confirm other
expect_contains "gone for good"
expect_exit 3 si paas --context other secret get --app blog CANARY
expect_exit 0 si paas --context other --json events list --severity critical
expect_contains vault.force_new "$(json '[.data[].action] | join(" ")')"
printf 'another' >"$dir/.value"
expect_exit 0 si paas --context other --json secret set --app blog CANARY --file "$dir/.value"
expect_json .data.revision 2
expect_exit 0 si vault doctor --context other --json

begin "R13: no value is anywhere but in its vault, and there it is sealed"
grep -rqF -e "$new" -e "$(printf %s "$new" | base64)" -e 'typed on a terminal' -e 'their password' \
  "$SI_PAAS_STATE_ROOT" && fail "a value is in $(grep -rlF -e "$new" "$SI_PAAS_STATE_ROOT")"
expect_exit 0 si paas --context other events verify
expect_exit 0 si paas --context other --json events list
expect_contains vault.init "$(json '[.data[].action] | join(" ")')"
expect_contains secret.set "$(json '[.data[].action] | join(" ")')"
