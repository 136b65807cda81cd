#!/bin/bash
# SPDX-License-Identifier: LicenseRef-si-enterprise
# Two sides of one seam: no OSS binary holds a symbol, a word or a file of this tree, and nothing
# here was built from anything of si but what its SDK installs.
# shellcheck disable=SC2154
. "$(dirname "$0")/functions.sh"

for tool in nm strings ninja; do
  command -v "$tool" >/dev/null || skip "there is no $tool"
done
[ -e "$SI_ENTERPRISE_BUILD/build.ninja" ] || skip "it was not built by ninja, which knows what was read"

# Programs, plugins and archives that are installed; the largest part of what there is to look at.
mapfile -t binaries < <(find "$SI_PREFIX" -path "$SI_PREFIX/lib/si-enterprise" -prune -o -type f \
  \( -perm -u+x -o -name '*.so' -o -name '*.a' \) -print |
  while read -r file; do
    case $(head -c 4 "$file" | tr -d '\0') in $'\x7fELF' | '!<ar') printf '%s\n' "$file" ;; esac
  done | sort)

begin "every OSS binary is looked at"
for file in bin/si bin/si-conform libexec/si/si-host; do
  printf '%s\n' "${binaries[@]}" | grep -qx "$SI_PREFIX/$file" || fail "$file is not among what is looked at"
done
for file in local file s3; do
  printf '%s\n' "${binaries[@]}" | grep -q "/si/plugins/$file.so$" || fail "the plugin $file is not"
done

begin "none has a symbol of this tree"
mapfile -t objects < <(find "$SI_ENTERPRISE_BUILD/plugins" -name '*.o')
[ "${#objects[@]}" -gt 0 ] || fail "no object file of the plugins was found"
nm -g --defined-only "${objects[@]}" | awk 'NF == 3 && $3 != "si_plugin_v1" {print $3}' |
  grep -v '^__\(asan\|odr_asan\|ubsan\)' | sort -u >"$dir/ours"
for file in "${binaries[@]}"; do
  { nm "$file"; nm -D "$file"; } 2>/dev/null | awk 'NF >= 2 {print $NF}' | sort -u >"$dir/theirs"
  [ -s "$dir/theirs" ] || fail "$file has no symbols to be looked at"
  found=$(comm -12 "$dir/ours" "$dir/theirs")
  [ -z "$found" ] || fail "$file has $found"
done

begin "none has a word of this tree"
for file in "${binaries[@]}"; do strings -a "$file" | sed "s|^|$(basename "$file"): |"; done >"$dir/told"
strings -a "$SI_ENTERPRISE_UNSIGNED"/*.so >"$dir/told-here"
for word in $(ids) x-amz-object-lock LicenseRef-si-enterprise; do
  grep -qF -- "$word" "$dir/told-here" ||
    fail "'$word' is in no enterprise plugin either: this would prove nothing"
  found=$(grep -m 1 -iF -- "$word" "$dir/told" || true)
  [ -z "$found" ] || fail "'$word' stands in $found"
  found=$(grep -rliF --exclude-dir=si-enterprise -- "$word" "$SI_PREFIX" || true)
  [ -z "$found" ] || fail "'$word' stands in $found"
done

begin "nothing links it, and no OSS manifest lists it"
for file in "${binaries[@]}"; do
  for id in $(ids); do
    ! readelf -dW "$file" 2>/dev/null | grep -q "NEEDED.*$id" || fail "$file needs $id"
  done
done
expect_equal "$(jq -r '.plugins[] | select(.license != "Apache-2.0") | .id' "$oss/manifest.json")" ""

begin "everything that was read to build it is its own, of the installed SDK, or the system's"
ninja -C "$SI_ENTERPRISE_BUILD" -t deps | sed -n 's/^    //p' | sort -u | while read -r file; do
  case $file in /*) ;; *) file=$SI_ENTERPRISE_BUILD/$file ;; esac
  realpath "$file"
done >"$dir/read"
[ "$(wc -l <"$dir/read")" -gt 10 ] || fail "so little was read: $(cat "$dir/read")"
grep -q "^$(realpath "$SI_PREFIX")/include/si/" "$dir/read" || fail "no header of the SDK was read"
found=$(grep -v -e "^$(realpath "$SI_ENTERPRISE_SOURCE")/" -e "^$(realpath "$SI_PREFIX")/include/" \
  -e '^/usr/include/' -e '^/usr/lib/\(gcc\|llvm\|clang\)' "$dir/read" || true)
[ -z "$found" ] || fail "it was built from $found"

begin "every file here says under what licence it is"
found=$(find "$SI_ENTERPRISE_SOURCE" -type f ! -name '*.md' ! -name '*.json' ! -name '*.map' -print0 |
  xargs -0 grep -L 'SPDX-License-Identifier: LicenseRef-si-enterprise' || true)
[ -z "$found" ] || fail "these do not: $found"
