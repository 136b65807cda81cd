#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The SDK as a package: whoever has the installation alone builds providers of every kind, by CMake
# and by pkg-config, and si uses them. R74.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
. "$repository/tests/sdk/author.sh"
make_results

begin "no file of the package names the source tree, or the place that it was installed to"
lib=$(dirname "$PKG_CONFIG_PATH")
archives=("$lib"/*.a)
# What sanitizers report, they report by the path that was compiled.
! grep -q 'SiSdk_SANITIZED "ON"' "$lib/cmake/SiSdk/SiSdkConfig.cmake" || archives=()
found=$(grep -rlF -e "$repository" -e "$SI_PREFIX" "$prefix/include" "$prefix/share" \
  "$lib"/{cmake,pkgconfig} "${archives[@]}" || true)
[ -z "$found" ] || fail "it is named in: $found"

begin "every header compiles alone, as C11 and as C++11, with the package's flags"
flags=$(author pkg-config --cflags si-sdk-bucket) || fail "pkg-config knows no si-sdk-bucket"
mkdir "$dir/alone"
for header in $(cd "$prefix/include" && find si -name '*.h' -printf '%p\n'); do
  name=${header#si/sdk/}
  printf '#include <%s>\nextern int unused;\n' "$name" | tee "$dir/alone/${name//\//_}.c" \
    >"$dir/alone/${name//\//_}.cc"
done
[ "$(find "$dir/alone" -name '*.c' | wc -l)" -ge 20 ] || fail "so few headers: $(ls "$dir/alone")"
warnings='-pedantic-errors -Wall -Wextra -Werror -fsyntax-only'
# shellcheck disable=SC2086
expect_exit 0 author cc -std=c11 $warnings $flags "$dir"/alone/*.c
# shellcheck disable=SC2086
expect_exit 0 author c++ -std=c++11 $warnings $flags "$dir"/alone/*.cc

begin "every example is built by find_package alone, loaded, and conforms"
for example in "$prefix"/share/si/examples/*/; do
  example=$(basename "$example")
  cp -r "$prefix/share/si/examples/$example" "$dir/$example"
  build_project "$dir/$example"
  plugin=$(find "$dir/$example/build" -maxdepth 1 -name '*.so')
  expect_sound "$plugin"
  trust "$plugin"
  id=$(basename "$plugin" .so)
  expect_exit 0 si --json plugin info "$id"
  expect_json .data.from pinned
  printf '%s %s\n' "$id" "$(json .data.kind)" >>"$dir/kinds"
  expect_conforms "$dir/$example"
done
for kind in artifact provisioner backup; do
  grep -q " $kind\$" "$dir/kinds" || fail "there is no example of the kind $kind"
done

begin "si exports runpacks to the stores among them, and finds them whole"
for id in $(sed -n 's/ artifact$//p' "$dir/kinds"); do use_store "$id"; done

begin "si brings a project up on the provisioner among them, looks for itself, and proves it gone"
mkdir "$dir/board"
printf 'services:\n  web:\n    image: web:1\n    volumes: ["data:/srv"]\nvolumes:\n  data: {}\n' >"$dir/stack.yaml"
expect_exit 0 si paas context init t
on_board=(--provisioner noticeboard --config "root=$dir/board")
expect_exit 0 si paas --context t project create blog --stack "$dir/stack.yaml" "${on_board[@]}"
expect_exit 0 si --json paas --context t project show blog
expect_json '.data.live.services[0] | [.name, .state, .image]' '["web","running","web:1"]'
expect_equal "$(find "$dir/board" -name 'service.web' -o -name 'volume.data' | wc -l)" 2
rm "$(find "$dir/board" -name 'service.web')"
expect_exit 0 si --json paas --context t project show blog
expect_json '.data.live.services | length' 0
expect_exit 0 si paas --context t project delete blog --yes --confirm blog
expect_equal "$(find "$dir/board" -name 'service.*' -o -name 'volume.*')" ""
printf '    healthcheck: {test: ["CMD", "true"]}\n' | sed -i '/image:/r /dev/stdin' "$dir/stack.yaml"
expect_exit 1 si --json paas --context t project create sick --stack "$dir/stack.yaml" "${on_board[@]}"
expect_contains 'a board runs nothing'

begin "the pkg-config files link what they promise, also for --static"
for package in si-sdk si-sdk-net si-sdk-bucket; do
  expect_exit 0 author pkg-config --validate "$package"
  plain=$(author pkg-config --libs "$package")
  static=$(author pkg-config --static --libs "$package")
  for flag in $plain; do
    case " $static " in *" $flag "*) ;; *) fail "$package: --static lacks $flag" ;; esac
  done
done
cat >"$dir/uses.c" <<'END'
#include "kit/base/json.h"
#include "kit/base/hash.h"
#include "kit/net/s3.h"
si_rc uses(char hex[SI_SHA256_HEX], cJSON **out, struct si_s3 *s3);
si_rc uses(char hex[SI_SHA256_HEX], cJSON **out, struct si_s3 *s3) {
  si_s3_close(&s3);
  return si_json_parse(hex, 64, out, NULL) != SI_OK ? si_sha256_hex("", 0, hex) : SI_OK;
}
END
# shellcheck disable=SC2046
expect_exit 0 author cc -fPIC -shared "$dir/uses.c" -o "$dir/uses.so" -Wl,-z,defs \
  $(author pkg-config --cflags --libs si-sdk-net)
cat >"$dir/uses.c" <<'END'
#include "kit/bucket/store.h"
si_rc uses(si_instance *store, char to[64]);
si_rc uses(si_instance *store, char to[64]) { return si_bucket_uri(store, "a", to, 64); }
END
# shellcheck disable=SC2046
expect_exit 0 author cc -fPIC -shared "$dir/uses.c" -o "$dir/uses.so" -Wl,-z,defs \
  $(author pkg-config --cflags --libs si-sdk-bucket)
cat >"$dir/uses.c" <<'END'
#include "kit/base/hash.h"
si_rc uses(char hex[SI_SHA256_HEX]);
si_rc uses(char hex[SI_SHA256_HEX]) { return si_sha256_hex("", 0, hex); }
END
# shellcheck disable=SC2046
expect_exit 0 author cc -fPIC -shared "$dir/uses.c" -o "$dir/uses.so" -Wl,-z,defs \
  $(author pkg-config --static --cflags --libs si-sdk)

begin "a plugin that is described wrongly is refused when it is configured, with what is wrong"
functions=$lib/cmake/SiSdk/SiSdkPlugin.cmake
while IFS='|' read -r call what; do
  printf 'include("%s")\n%s\n' "$functions" "$call" >"$dir/wrong.cmake"
  expect_exit 1 author cmake -P "$dir/wrong.cmake"
  expect_contains "$what" "$(printf %s "$err" | tr -s ' \n' ' ')"
done <<'TABLE'
si_add_plugin(Wrong KIND artifact LICENSE MIT SOURCES x.c)|a plugin's name is
si_add_plugin(x KIND store LICENSE MIT SOURCES x.c)|KIND is artifact, provisioner or backup
si_add_plugin(x KIND artifact SOURCES x.c)|LICENSE is missing
si_add_plugin(x KIND artifact LICENSE MIT)|SOURCES FILE... is missing
si_add_plugin(x KIND artifact LICENSE MIT SOURCES x.c NEEDS network)|NEEDS is no JSON object
si_add_plugin(x KIND artifact LICENSE MIT SOURCES x.c NEEDS)|NEEDS is no JSON object
si_add_plugin(x NEED [[{}]] KIND artifact LICENSE MIT SOURCES x.c)|this is not known: NEED
si_add_plugin(x KIND artifact LICENSE MIT SOURCES x.c NEEDS "{"write":["${config.root}"]}")|write it in double brackets
si_add_plugin(x KIND artifact LICENSE MIT SOURCES x.c NEEDS "{\"write\":[\"${config.root}\"]}")|CMake took that for a variable of its own: write it in double brackets
si_add_plugin(x KIND artifact LICENSE MIT SOURCES x.c NEEDS [[{"read":["etc"]}]])|has "etc", which is no absolute path
si_add_plugin(x KIND artifact LICENSE MIT SOURCES x.c NEEDS [[{"read":"/etc"}]])|"read" is a list of paths
si_add_plugin(x KIND artifact LICENSE MIT SOURCES x.c NEEDS [[{"network":"yes"}]])|"network" is true or false
si_add_plugin(x KIND artifact LICENSE MIT SOURCES x.c NEEDS [[{"memory_mb":64.5}]])|"memory_mb" is a whole number
si_add_plugin(x KIND artifact LICENSE MIT SOURCES x.c NEEDS [[{"files":[]}]])|"files" is none of read, write
si_test_plugin(y)|there is no plugin of that name
si_add_plugin(x KIND artifact LICENSE MIT SOURCES x.c LIBRARIES SiSdk::kit)|SiSdk::kit needs
TABLE
printf 'include("%s")\nsi_add_plugin(x KIND artifact LICENSE MIT SOURCES x.c)\n' "$functions" >"$dir/wrong.cmake"
expect_exit 1 author cmake -P "$dir/wrong.cmake" # a script makes no targets
expect_contains 'x: no NEEDS: it may only compute' "$out"

begin "what the package cannot give is not found, and it says why"
mkdir "$dir/wrong"
while IFS='|' read -r call what; do
  printf 'cmake_minimum_required(VERSION 3.25)\nproject(wrong LANGUAGES C)\n%s\n' "$call" \
    >"$dir/wrong/CMakeLists.txt"
  expect_exit 1 author cmake -S "$dir/wrong" -B "$dir/wrong/build" -DCMAKE_PREFIX_PATH="$prefix"
  expect_contains "$what" "$(printf %s "$err" | tr -s ' \n' ' ')"
done <<'TABLE'
find_package(SiSdk 9 REQUIRED)|requested version "9"
find_package(SiSdk REQUIRED COMPONENTS moon)|moon
TABLE
