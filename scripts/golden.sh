#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes a generation of golden plugins (tests/golden/README.md): one provider of each kind that the
# headers have, built and stripped, in tests/golden/ABI/. One that is there stays as it is.
#
#   scripts/golden.sh [--headers DIR]   DIR has si/plugin.h; default: sdk/include
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
golden=$root/tests/golden
headers=$root/sdk/include
if [ $# = 2 ] && [ "$1" = --headers ]; then
  headers=$2
elif [ $# != 0 ]; then
  sed -n '3,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
[ "$(uname -m)" = x86_64 ] || { echo 'golden.sh: they are of x86-64' >&2; exit 77; }

number() { sed -n "s/^#define SI_ABI_$1 \([0-9]*\)u.*/\1/p" "$headers/si/plugin.h"; }
abi=$(number MAJOR).$(number MINOR)
[ "$(number DRAFT)" = 0 ] || abi+=-draft$(number DRAFT)
[ ! -e "$golden/$abi" ] || { echo "golden.sh: tests/golden/$abi is there, and stays as it is" >&2; exit 1; }

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
for source in "$golden"/*.c; do
  kind=$(basename "$source" .c)
  [ -e "$headers/si/$kind.h" ] || continue
  "${CC:-gcc}" -std=c11 -O2 -Wall -Wextra -Werror -fPIC -fvisibility=hidden \
    -ffile-prefix-map="$root/=" -I "$headers" -shared -s -Wl,-z,defs -Wl,-z,now -Wl,-z,relro \
    -Wl,-z,nodelete -Wl,-z,noseparate-code -Wl,--build-id=none \
    -o "$made/golden-$kind.so" "$source"
done
mkdir "$golden/$abi"
install -m 644 "$made"/*.so "$golden/$abi"
ls -l "$golden/$abi"
