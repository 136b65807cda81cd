#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A runpack in a directory that somebody worked on: whatever was changed, added, taken away or made
# into something else, it does not verify, and says why. R49, R50, R52.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"

# A good one: the empty artifact, a small one, one of some blocks.
mkdir -p "$dir/from/logs"
: >"$dir/from/empty.txt"
echo "what was done" >"$dir/from/small.txt"
head -c 300000 /dev/urandom >"$dir/from/logs/large.bin"
echo '{"what":"test"}' >"$dir/spec.json"
expect_exit 0 si --json runpack export --from "$dir/from" --spec "$dir/spec.json" --tenant t \
  --namespace n --scenario s --run r1 --sink file --config "root=$dir/good"
prefix=$(json .data.prefix)
expect_exit 0 si --json runpack verify "$dir/good/$prefix"
expect_json .data.status pass

# tampered CODE COMMAND...: in a fresh copy, run in the runpack's directory, makes verify fail with
# exit code 8 and a report that has CODE; quickly, and without following anything out of it.
tampered() {
  local wanted=$1
  shift
  rm -rf "$dir/store"
  cp -a "$dir/good" "$dir/store"
  (cd "$dir/store/$prefix" && "$@") || fail "$* failed"
  expect_exit 8 timeout 60 "$SI_PREFIX/bin/si" --json runpack verify "$dir/store/$prefix"
  expect_json .ok false
  [ -n "$(json '.error.remediation // ""')" ] || fail "no next step is told"
  expect_contains "\"$wanted\"" "$out"
}
small=artifacts/small.txt
swap() { mv "$small" x && mv artifacts/empty.txt "$small" && mv x artifacts/empty.txt; }
# replaced COMMAND...: by something of another kind, which COMMAND makes where the path is given.
replaced() { rm "$1" && "${@:2}" "$1"; }
moved_away() { mv "$1" "$dir/store/away" && ln -s "$dir/store/away" "$1"; }
device() { mknod "$1" c 1 5; }
link_up() { mv "$PWD" "$dir/store/away" && ln -s "$dir/store/away" "$PWD"; }
rewrite() { jq -cjS "$1" manifest.json >new && mv new manifest.json; }

begin "bytes, names and files that are not the manifest's"
tampered RUNPACK_HASH_MISMATCH swap
tampered RUNPACK_HASH_MISMATCH sh -c 'printf x >>artifacts/logs/large.bin'
tampered RUNPACK_HASH_MISMATCH sh -c 'printf x | dd of=artifacts/logs/large.bin conv=notrunc status=none'
tampered RUNPACK_ARTIFACT_MISSING rm "$small"
tampered RUNPACK_ARTIFACT_MISSING mv "$small" artifacts/other.txt
tampered RUNPACK_EXTRA touch artifacts/more
tampered RUNPACK_EXTRA touch more
tampered RUNPACK_EXTRA ln "$small" artifacts/linked
tampered RUNPACK_EXTRA touch artifacts/.hidden
tampered RUNPACK_EXTRA touch "artifacts/a b"
tampered RUNPACK_EXTRA touch $'artifacts/\xff\n'
tampered RUNPACK_EXTRA mkdir artifacts/.git
tampered RUNPACK_EXTRA mkfifo artifacts/pipe
tampered RUNPACK_EXTRA ln -s /dev/null artifacts/link
tampered RUNPACK_ARTIFACT_TOO_LARGE truncate -s 10G "$small"

begin "what is no regular file is not opened, and no link is followed"
tampered RUNPACK_ARTIFACT_UNREADABLE moved_away artifacts
tampered RUNPACK_ARTIFACT_UNREADABLE moved_away artifacts/logs
tampered RUNPACK_ARTIFACT_UNREADABLE moved_away "$small"
tampered RUNPACK_ARTIFACT_UNREADABLE replaced "$small" ln -s /dev/zero
tampered RUNPACK_ARTIFACT_UNREADABLE replaced "$small" mkfifo
tampered RUNPACK_ARTIFACT_UNREADABLE replaced "$small" mkdir
[ "$(id -u)" != 0 ] || tampered RUNPACK_ARTIFACT_UNREADABLE replaced "$small" device

begin "a manifest that is gone, cut, endless, another's, or no file"
tampered RUNPACK_INCOMPLETE rm manifest.json
tampered MANIFEST_INVALID truncate -s 100 manifest.json
tampered RUNPACK_MANIFEST truncate -s 10G manifest.json
tampered RUNPACK_MANIFEST replaced manifest.json mkfifo
tampered RUNPACK_MANIFEST moved_away manifest.json
tampered MANIFEST_INVALID rewrite 'del(.artifacts)'
tampered RUNPACK_PLACEMENT rewrite '.run_id = "r2"'
# A manifest that agrees with itself, and leaves an artifact out.
tampered RUNPACK_EXTRA rewrite '.artifacts |= map(select(.path != "artifacts/small.txt"))'

begin "a runpack's directory that is a link is not gone into"
tampered RUNPACK_MANIFEST link_up

# Whoever can make a hard link could as well have written the file: the bytes count.
begin "a file with a second name is read, and held to its hash whichever name it is changed by"
rm -rf "$dir/store"
cp -a "$dir/good" "$dir/store"
ln "$dir/store/$prefix/$small" "$dir/second"
expect_exit 0 si runpack verify "$dir/store/$prefix"
echo "what was never done" >"$dir/second"
expect_exit 8 si --json runpack verify "$dir/store/$prefix"
expect_contains "hash mismatch for $small" "$out"

begin "an empty place is no runpack"
mkdir "$dir/nothing"
expect_exit 3 si --json runpack verify "$dir/nothing"
expect_exit 3 si --json runpack verify "$dir/nowhere"
expect_json .error.code RUNPACK_NOT_FOUND
