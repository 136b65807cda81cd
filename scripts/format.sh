#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Holds the sources to .clang-format:  scripts/format.sh --check | --fix
# Exit codes: 0 in order, 1 not, 77 = there is no clang-format 14 here (others format otherwise).
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  --check) how=(--dry-run -Werror) ;;
  --fix) how=(-i) ;;
  *) echo "usage: $0 --check | --fix" >&2; exit 2 ;;
esac
tool=$(command -v clang-format-14 || command -v clang-format || true)
case $("${tool:-true}" --version 2>/dev/null) in
  *" version 14."*) ;;
  *) echo "skipped: there is no clang-format 14 (./check --deps installs it)" >&2; exit 77 ;;
esac
find . \( -path ./build -o -path ./.git \) -prune -o -type f \
  \( -name '*.c' -o -name '*.h' -o -name '*.cc' \) -print0 |
  sort -z | xargs -0 "$tool" "${how[@]}" || exit 1
