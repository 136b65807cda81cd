#!/bin/bash
# SPDX-License-Identifier: LicenseRef-si-enterprise
# Makes an installed directory of plugins a signed tree: lists them in manifest.json, and signs that
# by `si plugin sign`, which looks at every file as it will be looked at before it is loaded.
#
#   sign.sh --key FILE [--serial N] [--si PROGRAM] DIRECTORY
#
# FILE is the private key (`si plugin keygen`). N counts the editions of the tree: the next one after
# the manifest that lies there, 1 where there is none. PROGRAM is the si that signs; the one on PATH.
# Whatever is in the directory is listed: FILE.so with its description FILE.so.json, or it is refused.
set -euo pipefail

usage() { sed -n '/^# Makes/,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"; }
die() {
  printf 'sign.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

key='' serial='' si=si tree=''
while [ $# -gt 0 ]; do
  case $1 in
    --key | --serial | --si)
      [ $# -ge 2 ] || die "$1 wants a value" 2
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    -h | --help) usage; exit ;;
    -*) die "unknown argument $1; --help tells what there is" 2 ;;
    *) [ -z "$tree" ] || die "one directory at most" 2; tree=$1 ;;
  esac
  shift
done
[ -n "$key" ] && [ -n "$tree" ] || { usage >&2; exit 2; }
[ -z "$serial" ] || [[ $serial =~ ^[1-9][0-9]{0,15}$ ]] || die "--serial is a number from 1 on" 2
command -v jq >/dev/null || die "there is no jq (Debian: apt-get install jq)"
command -v "$si" >/dev/null || die "there is no $si: say where it is, --si PROGRAM"

umask 022 # si loads nothing that others may write to
cd "$tree"
shopt -s nullglob
files=(*.so)
[ "${#files[@]}" -gt 0 ] || die "no plugin in $tree: cmake --install puts them there"
for file in "${files[@]}"; do
  [ -f "$file.json" ] || die "$file has no description $file.json: install it again"
done
before=0
[ ! -e manifest.json ] || before=$(jq .serial manifest.json)
[ "${serial:=$((before + 1))}" -ge "$before" ] ||
  die "the manifest in $tree is edition $before already: an older one is not loaded any more"

# The old signature goes first: whatever ends this half-way leaves a tree that nobody loads.
rm -f manifest.sig
jq -s --argjson serial "$serial" \
  '{schema: "si.plugins/1", tree: "enterprise", serial: $serial, plugins: .}' \
  "${files[@]/%/.json}" >manifest.json.new
mv manifest.json.new manifest.json
cd "$OLDPWD"
"$si" plugin sign "$tree" --key "$key"
