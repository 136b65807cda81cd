#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whose plugins are loaded is the operator's to say: a signed enterprise tree, pinned files of third
# parties, keys that are denied, editions that are not put back. What is refused never runs. R74.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

: "${SI_TEST_PLUGINS:?is the directory of the misbehaving plugins; ctest sets it}"
command -v cmake >/dev/null || skip "there is no cmake, which lists a tree's plugins"
command -v openssl >/dev/null || skip "there is no openssl"
document=$SI_PAAS_STATE_ROOT/plugins.json
needs=$(cat "$SI_TEST_PLUGINS/misbehave.needs")
plugin_tree

# list_tree DIR TREE SERIAL [NEEDS]: manifest.json as the build writes it.
list_tree() {
  cmake -DDIR="$1" -DTREE="$2" -DSERIAL="$3" -DABI=1.0 \
    "-DENTRIES=misbehave|provisioner|${4-$needs}|Proprietary" \
    -P "$repository/cmake/manifest.cmake" >/dev/null || fail "the tree was not listed"
}

# new_enterprise [SERIAL [NEEDS]]: a fresh tree with one plugin, not signed.
new_enterprise() {
  enterprise=$dir/enterprise
  rm -rf "$enterprise"
  mkdir -m 755 "$enterprise"
  cp "$SI_TEST_PLUGINS/misbehave.so" "$enterprise"
  chmod 644 "$enterprise/misbehave.so"
  list_tree "$enterprise" enterprise "${1-1}" "${2-$needs}"
  export SI_ENTERPRISE_PLUGIN_DIR=$enterprise
}

# watch: the constructors of what this test lays out leave a trace from here on.
watch() { watch_constructor "$enterprise/misbehave.so" ${third:+"$third"}; }

# refused ID CODE [EXIT]: it is not loaded, `list` says why, and its constructor did not run.
refused() {
  watch
  expect_exit "${3-5}" si --json plugin info "$1"
  expect_json .error.code "$2"
  [ -n "$(json .error.remediation)" ] || fail "nothing is said of what to do"
  ! constructor_ran || fail "its constructor ran"
  [ "${3-5}" != 3 ] || return 0
  expect_exit 0 si --json plugin list
  expect_json "[.data[] | select(.id == \"$1\")][0].code" "$2"
}

loaded() {
  watch
  expect_exit 0 si --json plugin info misbehave
  expect_json .data.from "$1"
  constructor_ran || fail "the marker of a constructor is never written: no proof"
}

sign() { expect_exit 0 si plugin sign "$enterprise" --key "$dir/keys/plugin-signing.key" "$@"; }

begin "a key is made once, and its private half is never shown"
mkdir "$dir/keys"
expect_exit 0 si --json plugin keygen --out "$dir/keys"
id=$(json .data.id)
expect_equal "$(stat -c %a "$dir/keys/plugin-signing.key")" 600
secret=$(sed -n 2p "$dir/keys/plugin-signing.key")
case $out$err in *"$secret"*) fail "the private key was shown" ;; esac
openssl pkey -in "$dir/keys/plugin-signing.key" -pubout -out "$dir/public" ||
  fail "openssl cannot read it"
cmp -s "$dir/public" "$dir/keys/plugin-signing.key.pub" || fail "the public half is another"
expect_exit 4 si --json plugin keygen --out "$dir/keys"
expect_json .error.code PLUGIN_KEY_EXISTS
expect_equal "$(sed -n 2p "$dir/keys/plugin-signing.key")" "$secret"
expect_exit 0 si --json plugin keygen --out "$dir/keys/other"
other=$(json .data.id)

begin "an enterprise tree is loaded only when it is signed by a key that is trusted for it"
new_enterprise
refused misbehave PLUGIN_SIGNATURE_MISSING
expect_exit 0 si plugin info file # the other tree goes on
sign
refused misbehave PLUGIN_KEY_UNTRUSTED
expect_exit 2 si --json plugin trust add --key "$dir/keys/plugin-signing.key.pub" --for enterprise
expect_json .error.code CLI_CONFIRM_REQUIRED
[ ! -e "$document" ] || fail "the document was written without a yes"
expect_exit 0 si plugin trust add --key "$dir/keys/plugin-signing.key.pub" --for oss --yes
refused misbehave PLUGIN_KEY_UNTRUSTED
expect_exit 0 si plugin trust add --key "$dir/keys/plugin-signing.key.pub" --for enterprise --yes
expect_equal "$(stat -c %a "$document")" 600
loaded enterprise
expect_exit 0 si --json plugin trust list
expect_json '.data.keys[0].trees' '["oss","enterprise"]'

begin "openssl finds the signature as the guide describes it"
printf 'si.plugins/1 manifest sha256:%s' "$(sha256sum <"$enterprise/manifest.json" | cut -d' ' -f1)" \
  >"$dir/message"
jq -j .value "$enterprise/manifest.sig" | tr a-f A-F | basenc -d --base16 >"$dir/signature"
openssl pkeyutl -verify -pubin -inkey "$dir/public" -rawin -in "$dir/message" \
  -sigfile "$dir/signature" >/dev/null || fail "openssl does not find it"

begin "what was changed after signing is refused"
sed -i 's/Proprietary/Free/' "$enterprise/manifest.json"
refused misbehave PLUGIN_SIGNATURE_WRONG
new_enterprise && sign
printf x >>"$enterprise/misbehave.so"
refused misbehave PLUGIN_HASH
expect_exit 5 si --json plugin sign "$enterprise" --key "$dir/keys/plugin-signing.key"
expect_json .error.code PLUGIN_HASH
new_enterprise && sign
printf '{}' >"$enterprise/manifest.sig"
refused misbehave PLUGIN_SIGNATURE_INVALID
sign
loaded enterprise
expect_exit 0 si plugin sign "$enterprise" --key "$dir/keys/other"
refused misbehave PLUGIN_KEY_UNTRUSTED
chmod 644 "$dir/keys/other"
expect_exit 9 si --json plugin sign "$enterprise" --key "$dir/keys/other"
expect_json .error.code PLUGIN_KEY_FILE
chmod g+w "$enterprise"
expect_exit 5 si --json plugin sign "$enterprise" --key "$dir/keys/plugin-signing.key"
expect_json .error.code PLUGIN_DIR_WRITABLE
chmod g-w "$enterprise"

begin "an edition older than one that was loaded is refused"
new_enterprise && sign --serial 3
cp -a "$enterprise" "$dir/third"
loaded enterprise
expect_equal "$(jq .serials.enterprise "$document")" 3
expect_exit 2 si --json plugin sign "$enterprise" --key "$dir/keys/plugin-signing.key" --serial 2
expect_json .error.code PLUGIN_SERIAL
sign --serial 5
expect_equal "$(jq .serials.enterprise "$document")" 3 "only loading counts"
loaded enterprise
expect_equal "$(jq .serials.enterprise "$document")" 5
rm -rf "$enterprise" && mv "$dir/third" "$enterprise"
refused misbehave PLUGIN_SERIAL
expect_exit 0 si plugin info file

# edit FILTER...: the operator edits the document.
edit() {
  jq "$@" "$document" >"$dir/document" || fail "jq"
  cat "$dir/document" >"$document"
}

begin "a denied key and a denied file are refused"
edit 'del(.serials)'
loaded enterprise
edit --arg id "$id" '.deny = [{key: $id}]'
refused misbehave PLUGIN_KEY_DENIED
edit --arg hash "$(sha256sum "$enterprise/misbehave.so" | cut -d' ' -f1)" '.deny = [{sha256: $hash}]'
refused misbehave PLUGIN_DENIED
edit 'del(.deny)'

begin "a tree in the other one's place, and an id in two places, are refused"
SI_PLUGIN_DIR=$enterprise refused misbehave PLUGIN_ID_TWICE
unset SI_ENTERPRISE_PLUGIN_DIR
SI_PLUGIN_DIR=$enterprise refused misbehave PLUGIN_ENTERPRISE_IN_OSS
edit --arg dir "$enterprise" '.enterprise_dir = $dir'
edit 'del(.serials)'
loaded enterprise
edit 'del(.enterprise_dir, .serials)'
new_enterprise
list_tree "$enterprise" oss 1 '{}'
sign
refused misbehave PLUGIN_OSS_IN_ENTERPRISE
unset SI_ENTERPRISE_PLUGIN_DIR

begin "needs and kinds are as they were listed, or it is refused"
new_enterprise 1 '{"network":true}' && sign
expect_exit 5 si --json plugin info misbehave # it had to be loaded to say so
expect_json .error.code PLUGIN_NEEDS
new_enterprise
sed -i 's/"provisioner"/"artifact"/' "$enterprise/manifest.json"
sign
expect_exit 0 si paas context create t
printf 'services:\n  web:\n    image: x:1\n' >"$dir/stack.yaml"
watch
run si paas --context t --json project create a --stack "$dir/stack.yaml" --provisioner misbehave
expect_json .error.code PLUGIN_KIND
! constructor_ran || fail "its constructor ran"

begin "an operation goes by the same trust"
new_enterprise && sign
expect_exit 0 si paas --context t --json project create b --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=good
rm "$enterprise/manifest.sig"
watch
expect_exit 5 si paas --context t --json project create c --stack "$dir/stack.yaml" \
  --provisioner misbehave --config do=good
expect_json .error.code PLUGIN_SIGNATURE_MISSING
! constructor_ran || fail "its constructor ran"
unset SI_ENTERPRISE_PLUGIN_DIR

begin "the OSS tree must be signed where the operator says so"
edit '.trust = "signed"'
refused file PLUGIN_SIGNATURE_MISSING
expect_exit 0 si plugin sign "$tree" --key "$dir/keys/plugin-signing.key"
expect_exit 0 si plugin info file
edit '.trust = "listed"'
rm "$tree/manifest.sig"
expect_exit 0 si plugin info file

begin "a document that others can change, or that makes no sense, stops everything"
chmod 644 "$document"
expect_exit 5 si --json plugin info file
expect_json .error.code PLUGIN_TRUST_UNSAFE
chmod 600 "$document"
edit '.else = 1'
expect_exit 8 si --json plugin info file
expect_json .error.code PLUGIN_TRUST_INVALID
expect_exit 8 si --json plugin list
edit 'del(.else)'
expect_exit 0 si plugin info file

# new_third PLUGIN: a third party's file ($third) with its description.
new_third() {
  rm -rf "$dir/third"
  mkdir -m 755 "$dir/third"
  cp "$1" "$dir/third/"
  third=$dir/third/$(basename "$1")
  chmod 644 "$third"
  hash=$(sha256sum "$third" | cut -d' ' -f1)
  jq -n --arg file "$(basename "$1")" --arg id "$(basename "$1" .so)" --arg hash "$hash" \
    --argjson needs "$(cat "${1%.so}.needs" 2>/dev/null || echo '{}')" \
    '{file: $file, sha256: $hash, id: $id, kinds: ["provisioner"], needs: $needs, abi: "1.0",
      license: "MIT"}' >"$third.json"
}
# describe FILTER: another description.
describe() {
  jq "$1" "$third.json" >"$dir/description"
  cat "$dir/description" >"$third.json"
}
pin() { run si --json plugin trust add "$third" --yes --sha256 "$hash"; }
not_pinned() {
  pin
  expect_json .error.code "$1"
  expect_exit 0 si --json plugin trust list
  expect_json '.data.pins // []' '[]'
}

begin "a third party's plugin is shown, pinned and loaded; nothing of it runs before"
new_third "$SI_TEST_PLUGINS/misbehave.so"
watch
expect_exit 2 si --json plugin trust add "$third"
expect_json .error.code CLI_CONFIRM_REQUIRED
expect_contains --sha256 "$(json .error.remediation)"
expect_exit 2 si --json plugin trust add "$third" --yes
expect_json .error.code CLI_USAGE
expect_exit 5 si --json plugin trust add "$third" --yes --sha256 "${hash//[0-9]/0}"
expect_json .error.code PLUGIN_HASH
expect_exit 3 si --json plugin info misbehave
expect_exit 0 si plugin trust add "$third" --yes --sha256 "$hash"
expect_contains "$hash"
expect_contains '["provisioner"]'
! constructor_ran || fail "its constructor ran"
loaded pinned
pin
expect_json .error.code PLUGIN_ID_TWICE
expect_contains "pinned already" "$(json .error.message)"
new_enterprise && sign
refused misbehave PLUGIN_ID_TWICE
expect_contains "listed twice" "$(si plugin info misbehave 2>&1)"
unset SI_ENTERPRISE_PLUGIN_DIR

begin "one that was built anew is refused, and pinned anew with a word"
printf x >>"$third"
refused misbehave PLUGIN_HASH
expect_contains "si plugin trust add $third --replace" "$(si plugin info misbehave 2>&1)"
hash=$(sha256sum "$third" | cut -d' ' -f1)
describe ".sha256 = \"$hash\""
pin
expect_json .error.code PLUGIN_ID_TWICE
expect_exit 0 si plugin trust add "$third" --replace --yes --sha256 "$hash"
loaded pinned
expect_exit 0 si --json plugin trust list
expect_json '[.data.pins[].sha256]' "[\"$hash\"]"
expect_exit 2 si plugin trust add --key "$dir/keys/plugin-signing.pub" --for oss --replace
expect_exit 0 si plugin trust remove misbehave
refused misbehave PLUGIN_NOT_FOUND 3

begin "what cannot be loaded is not pinned"
new_third "$SI_TEST_PLUGINS/misbehave.so"
rm "$third.json"
not_pinned PLUGIN_DESCRIPTION
new_third "$SI_TEST_PLUGINS/misbehave.so"
describe '.more = 1'
not_pinned PLUGIN_DESCRIPTION
new_third "$SI_TEST_PLUGINS/misbehave.so"
describe '.needs = {"wirte": ["/srv"]}'
not_pinned PLUGIN_NEEDS
new_third "$SI_TEST_PLUGINS/misbehave.so"
describe '.file = "other.so"'
not_pinned PLUGIN_DESCRIPTION
new_third "$SI_TEST_PLUGINS/misbehave.so"
chmod g+w "$third.json"
not_pinned PLUGIN_DESCRIPTION
new_third "$SI_TEST_PLUGINS/misbehave.so"
describe '.id = "file"'
not_pinned PLUGIN_ID_TWICE
new_third "$SI_TEST_PLUGINS/misbehave.so"
printf x >>"$third"
not_pinned PLUGIN_HASH
new_third "$SI_TEST_PLUGINS/misbehave.so"
chmod o+w "$third"
not_pinned PLUGIN_WRITABLE
new_third "$SI_TEST_PLUGINS/misbehave.so"
chmod g+w "$dir/third"
not_pinned PLUGIN_DIR_WRITABLE
new_third "$SI_TEST_PLUGINS/misbehave.so"
mv "$third" "$third.real"
ln -s misbehave.so.real "$third"
not_pinned PLUGIN_SYMLINK
third=$dir/third/misbehave.la
not_pinned PLUGIN_LIBTOOL
while read -r name why; do
  new_third "$SI_TEST_PLUGINS/refused/$name.so"
  not_pinned "$why"
done <<'TABLE'
with-rpath PLUGIN_RUNPATH
with-runpath PLUGIN_RUNPATH
with-filter PLUGIN_NEEDED_PATH
with-ltx PLUGIN_LTX
TABLE

begin "a plugin with a RUNPATH is not loaded from a tree either"
cp "$SI_TEST_PLUGINS/refused/with-runpath.so" "$tree"
jq --arg hash "$(sha256sum "$tree/with-runpath.so" | cut -d' ' -f1)" '.plugins += [.plugins[0] +
  {id: "with-runpath", file: "with-runpath.so", sha256: $hash, kinds: ["artifact"], needs: {}}]' \
  "$tree/manifest.json" >"$dir/manifest"
cat "$dir/manifest" >"$tree/manifest.json"
refused with-runpath PLUGIN_RUNPATH

begin "trust in a key ends"
expect_exit 0 si --json plugin trust remove "$id"
expect_json .data.was key

begin "every context's audit chain tells who was trusted, and who is not any more"
# told CONTEXT: the changes in its chain, the oldest first.
told() {
  si paas --context "$1" --json events list --stream audit --limit 1000 |
    jq -r '[.data[] | select(.action | startswith("plugin.")) |
      "\(.action) \(.target) \(.fields.sha256 // .fields.trees // .fields.was | tostring)"] |
      reverse | join("; ")'
}
for context in told-a told-b; do expect_exit 0 si paas context create "$context"; done
new_third "$SI_TEST_PLUGINS/misbehave.so"
expect_exit 0 si plugin trust add "$third" --yes --sha256 "$hash"
expect_exit 0 si plugin trust add --key "$dir/keys/plugin-signing.key.pub" --for oss --yes
expect_exit 0 si plugin trust remove misbehave
expect_exit 0 si plugin trust remove "$id"
for context in told-a told-b; do
  expect_equal "$(told "$context")" "plugin.trust misbehave $hash; plugin.trust $id [\"oss\"]; "\
"plugin.untrust misbehave pin; plugin.untrust $id key"
  expect_exit 0 si paas --context "$context" events verify
done
expect_exit 3 si --json plugin trust remove "$other"
expect_json .error.code PLUGIN_TRUST_ID
new_enterprise && sign
refused misbehave PLUGIN_KEY_UNTRUSTED
