#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The author's guide: its commands are run, one after the other, as they stand there, with the source
# tree out of reach; its listing is the example.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
. "$repository/tests/sdk/author.sh"
guide=$prefix/share/doc/si/plugin-author-guide.md

begin "the listing is the example, in fewer than 80 lines of code"
example=$prefix/share/si/examples/artifact/drawer.c
awk '/^```c$/ {on = 1; next} /^```$/ {on = 0} on' "$guide" >"$dir/listing.c"
cmp "$dir/listing.c" "$example" || fail "the guide shows another drawer.c"
lines=$(grep -cvE '^ *(/\*|\*|$)' "$example")
[ "$lines" -lt 80 ] || fail "$lines lines of code"
grep -q "the provider: $lines lines of code" "$guide" || fail "the guide does not say $lines lines"

begin "every command of the guide does what it says"
awk '/^```sh$/ {on = 1; next} /^```$/ {on = 0} on' "$guide" >"$dir/commands.sh"
[ "$(grep -c . "$dir/commands.sh")" -ge 25 ] || fail "so few commands: $(cat "$dir/commands.sh")"
mkdir "$dir/work"
expect_exit 0 author bash -euxo pipefail -c 'cd "$0" && . "$1"' "$dir/work" "$dir/commands.sh"
expect_contains 'verdict:        pass'
[ -e "$dir/work/drawer/tree/manifest.sig" ] || fail "the last command did not sign the tree"

begin "what is installed to be read leads to nothing that is not installed"
for page in "$prefix"/share/doc/si/*.md; do
  for link in $(grep -oE '\]\([^)#]+\)' "$page" | tr -d '])(' | grep -v '^https:' | sort -u); do
    [ -e "$(dirname "$page")/$link" ] || fail "$(basename "$page"): $link is not installed beside it"
  done
done
mentions='(^|[^A-Za-z0-9/_.-])(sdk/(include|conform|kit|package)|tests|core|paas|cli|plugins|scripts|docs)/[a-z]'
found=$(grep -rnE "$mentions" "$prefix/share/doc/si" "$prefix/share/man" "$prefix/share/si/examples" \
  "$prefix"/include/si/*.h | grep -v '<!-- ' || true)
[ -z "$found" ] || fail "a place in the source tree is named: $found"
