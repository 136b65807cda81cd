#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# alone.sh SOURCE BUILD: fails where the build, or the list of its tests, would be another one if the
# directory enterprise/ was not there, or had something else in it (R53). A copy of the sources
# without it is configured as BUILD was, and what both are to do is compared.
set -euo pipefail

root=$(cd "${1:?is the directory of the sources}" && pwd)
build=$(cd "${2:?is the directory of the build}" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/si-test.XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/si"
tar -C "$root" -c --exclude=./build --exclude=./.git --exclude=./enterprise . | tar -xC "$dir/si"
[ ! -e "$dir/si/enterprise" ] || exit 1

cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
settings=(-DCMAKE_EXPORT_COMPILE_COMMANDS=ON)
for name in CMAKE_BUILD_TYPE CMAKE_C_COMPILER CMAKE_CXX_COMPILER CMAKE_C_COMPILER_LAUNCHER \
  CMAKE_CXX_COMPILER_LAUNCHER CMAKE_INSTALL_PREFIX SI_SANITIZE SI_TESTS SI_FUZZ; do
  [ -z "$(cached "$name")" ] || settings+=("-D$name=$(cached "$name")")
done
copy=$dir/si/${build#"$root/"}
case $build in
  "$root"/*) ;;
  *) copy=$dir/build ;;
esac
prefix=$(cached SI_TEST_PREFIX) # below the build, as a rule
settings+=("-DSI_TEST_PREFIX=${prefix/#"$build"/$copy}")
cmake -S "$dir/si" -B "$copy" -G "$(cached CMAKE_GENERATOR)" "${settings[@]}" >"$dir/log" 2>&1 || {
  tail -n 20 "$dir/log" >&2
  echo "it cannot be configured without enterprise/" >&2
  exit 1
}

# plan DIRECTORY: the tests with their commands and properties, and each file that is compiled, with
# how. CTest itself tells no command of a program that is not built.
plan() {
  tests_in "$1"
  jq -r 'sort_by(.file, .output) | .[] | "compile \(.file) \(.command)"' "$1/compile_commands.json"
}
tests_in() {
  local room
  [ -e "$1/CTestTestfile.cmake" ] || return 0 # a room without tests
  grep -v -e '^#' -e '^subdirs' "$1/CTestTestfile.cmake" || true
  sed -n 's/^subdirs("\(.*\)")$/\1/p' "$1/CTestTestfile.cmake" | while read -r room; do
    tests_in "$1/$room"
  done
}
plan "$build" | sed -e "s|$build|BUILD|g" -e "s|$root|SOURCE|g" >"$dir/with"
plan "$copy" | sed -e "s|$copy|BUILD|g" -e "s|$dir/si|SOURCE|g" >"$dir/without"
for what in 'add_test(' 'compile '; do
  [ "$(grep -cF "$what" "$dir/with")" -ge 50 ] || { echo "so few lines with '$what'" >&2; exit 1; }
done
diff "$dir/with" "$dir/without" >"$dir/diff" || {
  head -n 40 "$dir/diff" >&2
  echo "with enterprise/ it is another build than without" >&2
  exit 1
}
