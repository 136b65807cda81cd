#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No file of the installation knows how a store locks objects: it asks a provider that says that it
# can, and there is none among its own. R53, R75, R78.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

for tool in nm strings; do
  command -v "$tool" >/dev/null || skip "there is no $tool"
done
installed=$(find "$SI_PREFIX" -path '*/si/plugins/manifest.json' -printf '%h\n')
mapfile -t binaries < <(find "$SI_PREFIX" -type f | while read -r file; do
  case $(head -c 4 "$file" | tr -d '\0') in $'\x7fELF' | '!<ar') printf '%s\n' "$file" ;; esac
done)

begin "every program, plugin and archive is looked at"
for file in bin/si bin/si-conform libexec/si/si-host libexec/si/si-net; do
  case " ${binaries[*]} " in *" $SI_PREFIX/$file "*) ;; *) fail "$file is not" ;; esac
done
for file in "$installed"/*.so; do
  case " ${binaries[*]} " in *" $file "*) ;; *) fail "$file is not" ;; esac
done

begin "none has a word that a store is told to lock with, or that names a provider which does"
for file in "${binaries[@]}"; do
  # What sanitizers and debuggers are told besides is not looked at apart: it is in there, too.
  found=$(strings -a "$file" |
    grep -iE -m 3 'x-amz-(object-lock|bypass)|object-lock-(mode|retain|legal)|worm' || true)
  [ -z "$found" ] || fail "$file has: $found"
done
found=$(grep -rliE 'x-amz-(object-lock|bypass)|worm' "$SI_PREFIX" || true)
[ -z "$found" ] || fail "it stands in $found"

begin "no plugin links what is none of its own, and none is listed that is not ours"
for file in "$installed"/*.so; do
  found=$(nm -D --undefined-only "$file" | awk '$2 ~ /^si_/' || true)
  [ -z "$found" ] || fail "$file wants $found of somebody"
done
expect_equal "$(jq -r '.plugins[] | select(.license != "Apache-2.0") | .id' "$installed/manifest.json")" ""
expect_equal "$(jq -r '.tree // "oss"' "$installed/manifest.json")" oss

begin "none says that it can lock"
for id in $(jq -r '.plugins[] | select(.kinds == ["artifact"]) | .id' "$installed/manifest.json"); do
  expect_exit 0 si --json plugin info "$id"
  expect_json '.data | tostring | test("retention"; "i")' false
done
