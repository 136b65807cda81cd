#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Plugins that were built once, and are never built again (tests/golden), are loaded by the si of
# today and answer, where their ABI is frozen or this one's own; those of another draft are refused
# by the name of that draft. R75.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

[ "$(uname -m)" = x86_64 ] || skip "the golden plugins are of x86-64"
golden=$repository/tests/golden
paas=(si paas --context t)
expect_exit 0 si paas context create t
expect_exit 0 si --json version
present=$(json '.data.abi | "\(.major).\(.minor)" + if .draft == 0 then "" else "-draft\(.draft)" end')

# golden_tree ABI: SI_PLUGIN_DIR becomes a tree of that generation and of the installed plugins.
golden_tree() {
  local file id
  plugin_tree
  for file in "$golden/$1"/*.so; do
    id=$(basename "$file" .so)
    cp "$file" "$tree"
    jq --arg id "$id" --arg abi "$1" --arg kind "${id#golden-}" \
      --arg hash "$(sha256sum <"$file" | cut -d' ' -f1)" \
      '.plugins += [{id: $id, file: "\($id).so", sha256: $hash, kinds: [$kind], needs: {}, abi: $abi,
        license: "Apache-2.0"}]' "$tree/manifest.json" >"$dir/.manifest"
    cat "$dir/.manifest" >"$tree/manifest.json"
  done
}

answers() {
  local kind
  for kind in provisioner artifact backup; do
    expect_exit 0 si --json plugin info "golden-$kind"
    expect_json '[.data.id, .data.kind, .data.abi]' "[\"golden-$kind\",\"$kind\",\"$1\"]"
  done
  expect_exit 0 si --json runpack list --sink golden-artifact
  expect_json '[.data[].complete]' '[false]'
  config=$SI_PAAS_STATE_ROOT/contexts/t/config.json
  jq '.provisioner = {provider: "golden-provisioner", config: {}}' "$config" >"$dir/.config"
  cat "$dir/.config" >"$config"
  cd "$dir" || fail "there is no $dir" # the doctor looks at the repository that it stands in
  run "${paas[@]}" doctor --json
  expect_contains 'golden 1 answers (provisioner golden-provisioner)'
}

# The table of minor 0 ends before the verb, and the provisioner of later ones leaves it out.
has_no_logs() {
  printf 'services:\n  web:\n    image: test/box:1\n' >"$dir/stack.yaml"
  run "${paas[@]}" project create "app-${1//./-}" --stack "$dir/stack.yaml" --provisioner golden-provisioner
  expect_exit 1 "${paas[@]}" --json logs --app "app-${1//./-}"
  expect_json .error.code PROVIDER_UNSUPPORTED
  expect_contains golden-provisioner "$(json .error.message)"
}

refused() {
  local file id
  for file in "$golden/$1"/*.so; do
    id=$(basename "$file" .so)
    expect_exit 1 si --json plugin info "$id"
    expect_json .error.code PLUGIN_ABI
    expect_contains "ABI ${1%-draft*} draft ${1#*-draft} " "$(json .error.message)"
  done
}

begin "the ABI of this si is among the golden ones"
[ -d "$golden/$present" ] || fail "there is no tests/golden/$present: run scripts/golden.sh"

for generation in "$golden"/*/; do
  abi=$(basename "$generation")
  golden_tree "$abi"
  if [ "${abi#*-}" = "${present#*-}" ] || [[ $abi =~ ^[0-9]+[.][0-9]+$ ]]; then
    begin "plugins of ABI $abi are loaded, and answer"
    answers "$abi"
    has_no_logs "${abi%%-*}"
  elif [[ $abi =~ ^[0-9]+[.][0-9]+-draft[0-9]+$ ]]; then
    begin "plugins of ABI $abi are refused by its name"
    refused "$abi"
  else
    fail "tests/golden/$abi is the name of no ABI"
  fi
done
