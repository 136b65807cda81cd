#!/bin/bash
# SPDX-License-Identifier: LicenseRef-si-enterprise
# The plugins drop into an installation of si and change no byte of it; taken out again, they leave
# it as it was.
# shellcheck disable=SC2154
. "$(dirname "$0")/functions.sh"

prefix=$dir/usr
cp -a "$SI_PREFIX" "$prefix" || fail "the installation was not copied"
si() { "$prefix/bin/si" "$@"; }

# every_byte: of the installation: names, kinds, owners, modes, times, links and contents. Without
# what is below the enterprise plugins' own directory, and without the times of directories.
every_byte() {
  (
    cd "$prefix" || exit 1
    find . -path "./$own" -prune -o -type d -printf '%p %y %u %g %m\n' -o \
      -printf '%p %y %u %g %m %s %T@ %l\n' | sort
    find . -path "./$own" -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
  )
}
own=lib/si-enterprise
answers() {
  si --version
  si plugin info file
  si plugin info s3
  si --json plugin list | jq -c '[.data[] | select(.from == "oss")]'
}

begin "it is installed and signed beside what is there"
[ ! -e "$prefix/$own" ] || fail "the installation has enterprise plugins already"
for program in bin/si libexec/si/si-host; do
  [ -f "$prefix/$program" ] || fail "there is no $program to look at"
done
every_byte >"$dir/before"
[ "$(wc -l <"$dir/before")" -gt 100 ] || fail "so little is installed: $(cat "$dir/before")"
answers >"$dir/answers-before" 2>&1
make_key maker
expect_exit 0 cmake --install "$SI_ENTERPRISE_BUILD" --prefix "$prefix"
signed_tree "$prefix/$own/plugins" maker
trust maker
export SI_ENTERPRISE_PLUGIN_DIR=$prefix/$own/plugins

begin "no byte of the installation is another, and si answers as before"
every_byte >"$dir/after"
cmp -s "$dir/before" "$dir/after" || fail "$(diff "$dir/before" "$dir/after")"
answers >"$dir/answers-after" 2>&1
cmp -s "$dir/answers-before" "$dir/answers-after" ||
  fail "$(diff "$dir/answers-before" "$dir/answers-after")"
expect_equal "$(cd "$prefix/$own" && find . -type f | sed 's|.*/||' | sort | tr '\n' ' ')" \
  "$({ ids | sed 's/.*/&.so\n&.so.json/'; printf 'manifest.json\nmanifest.sig\n'; } | sort | tr '\n' ' ')"

begin "the plugins are there, from a tree of their own"
for id in $(ids); do
  expect_exit 0 si --json plugin info "$id"
  expect_json .data.from enterprise
  expect_json .data.license LicenseRef-si-enterprise
done

begin "what a plugin exports and how it is linked is what si asks for"
for id in $(ids); do
  file=$prefix/$own/plugins/$id.so
  expect_equal "$(nm -D --defined-only "$file" | awk '{print $3}')" si_plugin_v1
  dynamic=$(readelf -dW "$file")
  case $dynamic in *RPATH* | *RUNPATH*) fail "$id has an RPATH" ;; esac
  for flag in NOW NODELETE; do
    case $dynamic in *"$flag"*) ;; *) fail "$id is not linked with $flag" ;; esac
  done
  ! grep -qaF -e "$SI_ENTERPRISE_SOURCE" -e "$SI_ENTERPRISE_BUILD" <(strings "$file" | grep -v asan) ||
    [ -n "$(nm -D "$file" | grep __asan_init)" ] || fail "$id tells where it was built"
done

begin "what is stripped on its way is described anew, and signed"
expect_exit 0 cmake --install "$SI_ENTERPRISE_BUILD" --prefix "$dir/stripped" --strip
for id in $(ids); do
  ! cmp -s "$dir/stripped/$own/plugins/$id.so" "$prefix/$own/plugins/$id.so" || fail "$id was not stripped"
done
signed_tree "$dir/stripped/$own/plugins" maker
SI_ENTERPRISE_PLUGIN_DIR=$dir/stripped/$own/plugins expect_exit 0 si plugin info "$(ids | head -n 1)"

begin "taken out again, they leave it as it was"
rm -r "${prefix:?}/$own"
unset SI_ENTERPRISE_PLUGIN_DIR
every_byte >"$dir/after"
cmp -s "$dir/before" "$dir/after" || fail "$(diff "$dir/before" "$dir/after")"
expect_exit 3 si --json plugin info "$(ids | head -n 1)"
expect_json .error.code PLUGIN_NOT_FOUND
expect_exit 0 si plugin info file
