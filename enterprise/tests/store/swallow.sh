#!/bin/bash
# SPDX-License-Identifier: LicenseRef-si-enterprise
# A store that accepts locks and keeps none is found out, and nothing stays in it.
# shellcheck source=functions.sh
. "$(dirname "$(readlink -f "$0")")/functions.sh"
serve swallow swallow.py
config store si-test "$url"
echo one >"$dir/one"
head -c 11000000 /dev/urandom >"$dir/large"
left() { curl -sS "$url/__left"; }

for how in "compliance $(in_ms 60)" "governance $(in_ms 60) hold" hold "create compliance $(in_ms 60)"; do
  for file in one large; do
    begin "$file, $how"
    # shellcheck disable=SC2086
    expect $RETENTION put a "$dir/$file" $how
    expect_message 'accepted the lock headers and did not keep them'
    expect_message 'it was removed again'
    [ "$(left)" = 0 ] || fail "$(left) versions are left"
  done
done

begin "later"
expect 0 put a "$dir/one"
expect $RETENTION lock a - compliance "$(in_ms 60)"
expect_message 'did not keep it'
expect $RETENTION hold a - on
expect 0 read a -
expect_told mode none
finished
