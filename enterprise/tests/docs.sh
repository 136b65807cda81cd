#!/bin/bash
# SPDX-License-Identifier: LicenseRef-si-enterprise
# docs/installation.md: its commands are run, one after the other, as they stand there. And what the
# pages refer to is there.
# shellcheck disable=SC2154
. "$(dirname "$0")/functions.sh"
docs=$SI_ENTERPRISE_SOURCE/docs

begin "every command of the guide does what it says"
awk '/^```sh$/ {on = 1; next} /^```$/ {on = 0} on' "$docs/installation.md" >"$dir/commands.sh"
[ "$(grep -c . "$dir/commands.sh")" -ge 25 ] || fail "so few commands: $(cat "$dir/commands.sh")"
mkdir "$dir/work"
export SI=$SI_PREFIX SOURCE=$SI_ENTERPRISE_SOURCE
expect_exit 0 bash -euxo pipefail -c 'cd "$0" && . "$1"' "$dir/work" "$dir/commands.sh"
# In the order of the guide: the tree of the first edition, of the second one, and none any more.
expect_equal "$(grep -c '^worm-s3 .* enterprise .* trusted' <<<"$out")" 1 "times that the list shows it"
expect_equal "$(jq -c '[.enterprise_dir, .keys, .serials.enterprise]' "$SI_PAAS_STATE_ROOT/plugins.json")" \
  '[null,[],2]'

begin "what the pages lead to is there"
for page in "$SI_ENTERPRISE_SOURCE/README.md" "$docs"/*.md; do
  for link in $(grep -oE '\]\([^)#]+\)' "$page" | tr -d '])(' | grep -v '^https:' | sort -u); do
    [ -e "$(dirname "$page")/$link" ] || fail "$(basename "$page"): there is no $link"
  done
done

begin "every code that the pages tell is one that si tells"
{
  cat "$SI_PREFIX"/share/doc/si/*.md
  strings -a "$SI_PREFIX/bin/si"
} | grep -oE '\b(PLUGIN|LOCK|RUNPACK|RETENTION)_[A-Z_]+' | sort -u >"$dir/known"
for code in $(grep -ohE '\b(PLUGIN|LOCK|RUNPACK|RETENTION)_[A-Z_]+' "$docs"/*.md | sort -u); do
  grep -qx "$code" "$dir/known" || fail "si has no code $code"
done
