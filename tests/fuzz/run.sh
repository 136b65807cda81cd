#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh FUZZER CORPUS OPTION...: fuzzes from the kept inputs on. What it makes on the way is thrown away:
# it may look like private state, which this tree must not hold. What fails is kept by the fuzzer.
set -eu
new=$(mktemp -d "${TMPDIR:-/tmp}/si-fuzz.XXXXXX")
trap 'rm -rf "$new"' EXIT
"$1" "${@:3}" "$new" "$2"
