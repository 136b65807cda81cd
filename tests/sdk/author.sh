# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# To be sourced behind functions.sh: one who writes plugins, with an installation in another place
# than it was installed to, and with the source tree out of reach.
command -v cmake >/dev/null || skip "there is no cmake"

prefix=$dir/usr
cp -a "$SI_PREFIX" "$prefix" || fail "the installation was not copied"
export PATH=$prefix/bin:$PATH PKG_CONFIG_PATH=
PKG_CONFIG_PATH=$(find "$prefix" -name si-sdk.pc -printf '%h')
export -n SI_PREFIX
! command -v ninja >/dev/null || export CMAKE_GENERATOR=Ninja
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1}
si() { "$prefix/bin/si" "$@"; }

hide=(unshare --mount --propagation private)
if "${hide[@]}" mount -t tmpfs none "$repository" 2>/dev/null; then
  can_hide=yes
else
  can_hide=no
  printf 'the source tree is not hidden here (no mount namespaces): what was read is looked at\n' >&2
fi

# author COMMAND...: with an empty directory where the source tree is.
author() {
  if [ "$can_hide" = yes ]; then
    # shellcheck disable=SC2016
    "${hide[@]}" bash -c 'mount -t tmpfs none "$0" && exec "$@"' "$repository" "$@"
  else
    "$@"
  fi
}

# expect_no_source DIRECTORY: nothing in this build came from the source tree, or was told of it.
expect_no_source() {
  local found
  found=$(grep -rlF -- "$repository/" "$1" | grep -v '\.so$' || true)
  [ -z "$found" ] || fail "the source tree is named in: $found"
}

# build_project DIRECTORY: as an author does, into DIRECTORY/build.
build_project() {
  expect_exit 0 author cmake -S "$1" -B "$1/build" -DCMAKE_PREFIX_PATH="$prefix" --no-warn-unused-cli
  expect_exit 0 author cmake --build "$1/build"
  expect_no_source "$1/build"
}

# expect_conforms DIRECTORY: its own test runs the conformance kit.
expect_conforms() {
  expect_exit 0 author ctest --test-dir "$1/build" --output-on-failure --no-tests=error
}

# trust FILE.so: as an operator does.
trust() {
  expect_exit 0 si plugin trust add "$1" --yes --sha256 "$(sha256sum "$1" | cut -d ' ' -f 1)"
}

# expect_sound FILE.so: what the loader and the hardening ask for.
expect_sound() {
  local dynamic
  expect_equal "$(nm -D --defined-only "$1" | awk '{print $3}')" si_plugin_v1 "exports of $1"
  dynamic=$(readelf -d "$1")
  expect_contains NOW "$dynamic"
  expect_contains NODELETE "$dynamic"
  case $dynamic in *RPATH* | *RUNPATH*) fail "$1 has an RPATH" ;; esac
  expect_contains GNU_RELRO "$(readelf -lW "$1")"
  case $(readelf -lW "$1" | grep GNU_STACK) in *E*0x*) fail "$1 has an executable stack" ;; esac
}

# use_store ID: a runpack is exported to the store, verified, listed, and pruned.
use_store() {
  local uri store=(--sink "$1" --config "root=$dir/objects-$1")
  mkdir "$dir/objects-$1"
  expect_exit 0 si --json runpack export --from "$dir/results" --spec "$dir/spec.json" --tenant t \
    --namespace n --scenario s --run r1 --generated-at 1000 "${store[@]}"
  uri=$(json .data.storage_uri)
  expect_contains "$1://" "$uri"
  expect_exit 0 si --json runpack verify "$uri" "${store[@]}"
  expect_json .data.status pass
  expect_exit 4 si --json runpack export --from "$dir/results" --spec "$dir/spec.json" --tenant t \
    --namespace n --scenario s --run r1 --generated-at 1000 "${store[@]}"
  expect_exit 0 si --json runpack list "${store[@]}"
  expect_json '[.data[] | [.run, .complete]]' '[["r1",true]]'
}

make_results() {
  mkdir -p "$dir/results/logs"
  printf 'hello\n' >"$dir/results/a.txt"
  : >"$dir/results/empty"
  head -c 3000000 /dev/urandom >"$dir/results/logs/b.bin"
  printf '{"what":"a test"}' >"$dir/spec.json"
}
