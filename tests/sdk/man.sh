#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# man.sh DIRECTORY: fails where a man page of it is not sound, or is not of the section and the name
# that its file says.
set -euo pipefail

pages=("${1:?is the directory of the man pages}"/*.[1-8])
[ -e "${pages[0]}" ] || { echo "no man page in $1" >&2; exit 1; }
command -v mandoc >/dev/null || { echo "skipped: there is no mandoc (./check --deps installs it)" >&2; exit 77; }
mandoc -T lint -W warning "${pages[@]}"
for page in "${pages[@]}"; do
  name=$(basename "$page")
  grep -qx "\.Dt $(printf %s "${name%.*}" | tr a-z A-Z) ${name##*.}" "$page" ||
    { echo "$page: its .Dt names another page" >&2; exit 1; }
done
