#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `si plugin new`: what it writes builds and conforms at once against the installed SDK, and what it
# cannot write leaves nothing behind. R74.
# shellcheck disable=SC2154
. "$(dirname "$0")/../functions.sh"
. "$repository/tests/sdk/author.sh"
cd "$dir" || exit 1

refused() {
  local wanted=$1 why=$2 before after
  shift 2
  before=$(find . ! -name '.out' ! -name '.err' -printf '%p %m %s\n' | sort)
  expect_exit "$wanted" si --json plugin new "$@"
  expect_json .error.code "$why"
  [ -n "$(json .error.remediation)" ] || [ "$why" = CLI_USAGE ] || fail "nothing is said of what to do"
  after=$(find . ! -name '.out' ! -name '.err' -printf '%p %m %s\n' | sort)
  expect_equal "$after" "$before" "what the refusal left"
}

begin "the project is the example, with its own name and license"
expect_exit 0 si --json plugin new --kind artifact --license MIT 0-store
expect_json .data.directory "$dir/0-store"
expect_json .data.license MIT
[ -e 0-store/0-store.c ] || fail "there is no 0-store.c"
! grep -rqi -e drawer -e Apache 0-store || fail "it still tells of the example: $(grep -rni drawer 0-store)"
for file in "$prefix"/share/si/examples/artifact/*; do
  name=$(basename "$file")
  sed 's/drawer/0-store/g; s/Apache-2\.0/MIT/g' "$file" | cmp - "0-store/${name//drawer/0-store}" ||
    fail "$name is not as the example has it"
done
build_project "$dir/0-store"
trust "$dir/0-store/build/0-store.so"
expect_exit 0 si --json plugin info 0-store
expect_json .data.license MIT
# That what it writes conforms is run by author_guide.sh, and by sdk.sh on the examples.

begin "there is a template of every kind, and of every example"
while read -r kind language example word; do
  expect_exit 0 si plugin new --kind "$kind" --language "$language" --dir "$dir/by-$example" x
  for file in "$prefix/share/si/examples/$example"/*; do
    name=$(basename "$file")
    sed "s/$word/x/g" "$file" | cmp - "by-$example/${name//$word/x}" || fail "$example/$name differs"
  done
  printf '%s\n' "$example" >>"$dir/templates"
done <<'TABLE'
artifact c artifact drawer
artifact c++ artifact-cxx cabinet
provisioner c provisioner noticeboard
backup c backup carbon
TABLE
expect_equal "$(sort "$dir/templates" | xargs)" "$(cd "$prefix/share/si/examples" && echo *)"

begin "a name, a kind, a language and a license that are none are refused"
refused 2 PLUGIN_NAME --kind artifact Upper
refused 2 PLUGIN_NAME --kind artifact -- -x
refused 2 PLUGIN_NAME --kind artifact ../x
refused 2 CLI_INVALID_VALUE --kind artifact ""
refused 2 PLUGIN_NAME --kind artifact "$(printf 'a%.0s' {1..64})"
refused 2 PLUGIN_NAME --kind artifact test
refused 2 PLUGIN_NAME --kind artifact s3
refused 2 CLI_USAGE --kind store x
refused 2 CLI_MISSING_OPTION x
refused 2 CLI_USAGE --kind artifact --language rust x
refused 2 CLI_USAGE --kind provisioner --language c++ x
refused 2 CLI_USAGE --kind backup --language c++ x
refused 2 CLI_USAGE --kind artifact --license 'MIT"; evil' x
refused 2 CLI_USAGE --kind artifact --dir . x
refused 2 CLI_USAGE --kind artifact --dir / x

begin "what is there stays as it is; an empty directory is taken"
mkdir full empty
touch full/mine
refused 4 PLUGIN_NEW_EXISTS --kind artifact --dir full x
refused 4 PLUGIN_NEW_EXISTS --kind artifact --dir full/mine x
ln -s empty link
ln -s none dangling
refused 4 PLUGIN_NEW_EXISTS --kind artifact --dir link x
refused 4 PLUGIN_NEW_EXISTS --kind artifact --dir dangling x
expect_json .error.message "$dir/dangling exists, and is a symbolic link"
refused 3 PLUGIN_NEW_WRITE --kind artifact --dir none/such x
expect_exit 0 si plugin new --kind artifact --dir empty/ x
[ -e empty/x.c ] || fail "the empty directory was not taken"
refused 4 PLUGIN_NEW_EXISTS --kind artifact --dir empty x

begin "what to type next can be typed as it is told"
expect_exit 0 si plugin new --kind backup --dir "it's \$HOME" x
next=$(sed -n 's/^next: //p' <<<"$err$out")
case $next in *"'"*"'\\''"*) ;; *) fail "the path is not quoted: $next" ;; esac
expect_equal "$(eval "set -- ${next%% &&*}" && echo "$3")" "$dir/it's \$HOME"
expect_contains 'si does not call backup providers yet' "$err$out"

begin "a full disk leaves nothing"
if author mount --version >/dev/null 2>&1 && [ "$can_hide" = yes ]; then
  mkdir small
  # shellcheck disable=SC2016
  expect_exit 1 unshare --mount --propagation private bash -c '
    mount -t tmpfs -o size=8k none small && dd if=/dev/zero of=small/fill bs=4096 count=1 2>/dev/null
    si --json plugin new --kind artifact --dir small/x x; code=$?
    [ "$(ls -A small)" = fill ] || { echo "left: $(ls -A small)" >&2; exit 99; }
    exit $code'
  expect_json .error.code PLUGIN_NEW_WRITE
fi
