#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `si plugin conform` runs the installed si-conform, and tells what came of it as si tells things.
. "$(dirname "$0")/../functions.sh"

plugins=$(find "$SI_PREFIX" -path '*/si/plugins/manifest.json' -printf '%h\n')
bad=$SI_TEST_PLUGINS/../conform/bad

begin 'a plugin that conforms: exit code 0, and every check told'
expect_exit 0 si plugin conform "$plugins/file.so" --config 'root={dir}/o' --only elf --only store.write
expect_contains 'pass   store.write.round-trip'
expect_contains ' 0 failed'

begin 'as JSON the report is the data of the envelope'
expect_exit 0 si --json plugin conform "$plugins/file.so" --config 'root={dir}/o' --only store.range --seed 7
expect_json .ok true
expect_json .data.schema si.conform/1
expect_json .data.seed 7
expect_json .data.counts.fail 0

begin 'one that does not: exit code 1, the error names it, and the report stands beside'
expect_exit 1 si plugin conform "$bad/elf.runpath.so" --only elf
expect_contains 'fail   elf.runpath: it has a RUNPATH'
expect_contains 'docs/conformance.md'
expect_exit 1 si --json plugin conform "$bad/elf.runpath.so" --only elf
expect_json .error.code PLUGIN_NOT_CONFORMING
expect_json '.data.checks | map(select(.verdict == "fail"))[0].id' elf.runpath

begin 'wrong use and missing files have the codes of si'
expect_exit 2 si plugin conform "$plugins/file.so" --only nothing.at.all
expect_exit 2 si plugin conform "$plugins/file.so" --seed seven
expect_exit 3 si plugin conform "$dir/none.so"
expect_exit 2 si plugin conform

begin 'no state is made'
expect_exit 0 si plugin conform "$plugins/local.so" --offline
[ ! -e "$SI_PAAS_STATE_ROOT" ] || fail 'a state root was made'
