#!/bin/bash
# SPDX-License-Identifier: LicenseRef-si-enterprise
# Which of these plugins is loaded: signed by the maker's key, in its own place, of no lower edition
# than before, as it was signed. Everything else is refused, each by its own code, and si goes on.
# shellcheck disable=SC2154
. "$(dirname "$0")/functions.sh"

id=$(ids | head -n 1)
document=$SI_PAAS_STATE_ROOT/plugins.json
tree=$dir/tree
export SI_ENTERPRISE_PLUGIN_DIR=$tree

# refused CODE [EXIT]: with what to do about it; the OSS plugins go on.
refused() {
  expect_exit "${2-5}" si --json plugin info "$id"
  expect_json .error.code "$1"
  [ -n "$(jq -r '.error.remediation // ""' <<<"$out")" ] || fail "nothing is said of what to do"
  expect_exit 0 si plugin info file
}

# loaded: it is opened, and says that it can lock.
loaded() {
  expect_exit 0 si --json plugin info "$id"
  expect_json .data.from enterprise
}

# fresh KEY [SERIAL]: a tree that is signed anew.
fresh() {
  rm -rf "$tree"
  signed_tree "$tree" "$@"
}

make_key maker
make_key stranger
stranger=$key_id

begin "what is installed is not signed, and not loaded"
cp -r "$SI_ENTERPRISE_UNSIGNED" "$tree"
[ ! -e "$tree/manifest.json" ] || fail "the build wrote a manifest"
expect_exit 3 si --json plugin info "$id"
expect_json .error.code PLUGIN_MANIFEST_UNREADABLE
expect_exit 3 si plugin info file # for nobody knows which ids a tree without a manifest holds
fresh maker
rm "$tree/manifest.sig"
refused PLUGIN_SIGNATURE_MISSING

begin "signed by a key that nobody trusts for it, it is not loaded"
fresh maker
refused PLUGIN_KEY_UNTRUSTED
expect_exit 0 si plugin trust add --key "$dir/maker.pub" --for oss --yes
refused PLUGIN_KEY_UNTRUSTED

begin "signed by the maker's key, it is"
trust maker
loaded
expect_equal "$(jq -r '.plugins[].license' "$tree/manifest.json" | sort -u)" LicenseRef-si-enterprise
expect_exit 0 si --json plugin list
expect_json "[.data[] | select(.from == \"enterprise\") | .id] | sort" "$(ids | sort | jq -Rnc '[inputs]')"

begin "signed anew by another key, it is not loaded"
signed_tree "$tree" stranger
refused PLUGIN_KEY_UNTRUSTED

begin "changed after signing, it is not loaded"
fresh maker
printf x >>"$tree/$id.so"
refused PLUGIN_HASH
fresh maker
jq '.plugins[0].needs.write = ["/"]' "$tree/manifest.json" >"$dir/manifest"
cat "$dir/manifest" >"$tree/manifest.json"
refused PLUGIN_SIGNATURE_WRONG
fresh stranger
cp "$tree/manifest.sig" "$dir/stranger.sig"
fresh maker
jq --arg id "$(jq -r .key "$tree/manifest.sig")" '.key = $id' "$dir/stranger.sig" >"$tree/manifest.sig"
refused PLUGIN_SIGNATURE_WRONG

begin "an edition lower than one that was loaded is not loaded"
fresh maker 3
loaded
expect_equal "$(jq .serials.enterprise "$document")" 3
fresh maker 2
refused PLUGIN_SERIAL
fresh maker 4
loaded
fresh maker 3
refused PLUGIN_SERIAL
fresh maker 4

begin "sign.sh counts the editions, and never back"
signed_tree "$tree" maker
expect_equal "$(jq .serial "$tree/manifest.json")" 5
expect_exit 1 "$SI_ENTERPRISE_SOURCE/sign.sh" --si "$SI_PREFIX/bin/si" --key "$dir/maker" --serial 4 "$tree"
expect_contains "edition 5 already"
loaded

begin "what is no plugin of this build is not signed"
sign=("$SI_ENTERPRISE_SOURCE/sign.sh" --si "$SI_PREFIX/bin/si" --key "$dir/maker")
cp -r "$tree" "$dir/odd"
printf x >>"$dir/odd/$id.so"
expect_exit 5 "${sign[@]}" "$dir/odd"
expect_contains "$id.so"
[ ! -e "$dir/odd/manifest.sig" ] || fail "it is signed all the same"
rm "$dir/odd/$id.so.json"
expect_exit 1 "${sign[@]}" "$dir/odd"
expect_contains "has no description"
mkdir "$dir/empty"
expect_exit 1 "${sign[@]}" "$dir/empty"
expect_contains "no plugin in"

begin "in the place of the other tree, neither is loaded"
unset SI_ENTERPRISE_PLUGIN_DIR
SI_PLUGIN_DIR=$tree run si --json plugin info "$id"
expect_json .error.code PLUGIN_ENTERPRISE_IN_OSS
expect_equal "$code" 5
cp -r "$oss" "$dir/oss"
SI_PLUGIN_DIR=$dir/oss expect_exit 0 si plugin info file
cp "$tree/$id.so" "$dir/oss"
SI_PLUGIN_DIR=$dir/oss run si --json plugin info "$id"
expect_json .error.code PLUGIN_NOT_LISTED
expect_equal "$code" 5
SI_PLUGIN_DIR=$dir/oss expect_exit 0 si plugin info file
SI_PLUGIN_DIR=$dir/oss SI_ENTERPRISE_PLUGIN_DIR=$tree run si --json plugin info "$id"
expect_equal "$code" 0 "a file that nobody lists takes the place of none that is"
mkdir "$dir/only"
cp "$oss/s3.so" "$dir/only"
jq '.plugins |= map(select(.id == "s3"))' "$oss/manifest.json" >"$dir/only/manifest.json"
expect_exit 0 si plugin sign "$dir/only" --key "$dir/maker"
mkdir "$dir/less"
cp "$oss/file.so" "$dir/less"
jq '.plugins |= map(select(.id == "file"))' "$oss/manifest.json" >"$dir/less/manifest.json"
SI_PLUGIN_DIR=$dir/less SI_ENTERPRISE_PLUGIN_DIR=$dir/only run si --json plugin info s3
expect_json .error.code PLUGIN_OSS_IN_ENTERPRISE
expect_equal "$code" 5
export SI_ENTERPRISE_PLUGIN_DIR=$tree
loaded

begin "an OSS plugin that is listed in the enterprise tree, too, is an id in two places"
cp -r "$tree" "$dir/more"
cp "$oss/s3.so" "$dir/more"
jq --slurpfile oss "$oss/manifest.json" '.plugins += [$oss[0].plugins[] | select(.id == "s3")]' \
  "$tree/manifest.json" >"$dir/more/manifest.json"
expect_exit 0 si plugin sign "$dir/more" --key "$dir/maker" --serial 6
SI_ENTERPRISE_PLUGIN_DIR=$dir/more run si --json plugin info s3
expect_json .error.code PLUGIN_ID_TWICE
expect_equal "$code" 5

begin "a key, or one file, is withdrawn"
jq --arg id "$(jq -r .key "$tree/manifest.sig")" '.deny = [{key: $id}]' "$document" >"$dir/document"
cp "$document" "$dir/kept"
cat "$dir/document" >"$document"
refused PLUGIN_KEY_DENIED
jq --arg hash "$(sha256sum <"$tree/$id.so" | cut -d' ' -f1)" '.deny = [{sha256: $hash}]' "$dir/kept" \
  >"$document"
refused PLUGIN_DENIED
cat "$dir/kept" >"$document"
loaded
expect_exit 0 si plugin trust remove "$(jq -r .key "$tree/manifest.sig")"
refused PLUGIN_KEY_UNTRUSTED
expect_equal "$(jq --arg id "$stranger" '[.keys[]? | select(.id == $id)]' "$document")" "[]"
