#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# private.sh DIRECTORY: fails where private state lies anywhere below it (R20): a state store or its
# lock, a vault, an identity, events, a context's settings. Builds are looked at too: a test that
# leaves state in the tree is found out. Git's own files are not.
set -euo pipefail

root=$(cd "${1:?is the directory to look through}" && pwd)
found=$(find "$root" -name .git -prune -o \( -type f -o -type l \) \( \
  -name state.db -o -name 'state.db-*' -o -name state.lock -o -name secrets.env \
  -o -name 'secrets.env.*' -o -name '*.identity' -o -name current_context -o -name removed.jsonl \
  -o -path '*/events/audit.jsonl' -o -path '*/events/deployments.jsonl' \
  -o -path '*/events/alerts.jsonl' -o -path '*/contexts/*/config.json' \
  -o -path '*/operations/op-*' \) -print)
[ -z "$found" ] || {
  printf 'private state lies in the repository; whoever put it there must not:\n%s\n' "$found" >&2
  exit 1
}
