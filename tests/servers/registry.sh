#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A registry of images (Debian's docker-registry) on loopback, over plain HTTP, which engines allow
# there. Anybody may push.
#
#   registry.sh DIR [PORT]     runs until it is killed (default port 5000); DIR/ready is there once it
#                              answers. What was pushed stays in DIR.
set -euo pipefail
dir=$(realpath -m "${1:?usage: registry.sh DIR [PORT]}")
port=${2:-5000}
mkdir -p "$dir/data"
cat >"$dir/config.yml" <<END
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $dir/data}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port"}
END
rm -f "$dir/ready"
docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null' EXIT
trap 'exit 143' TERM INT
for _ in $(seq 200); do
  ! curl -sf -o /dev/null "http://127.0.0.1:$port/v2/" || break
  kill -0 "$server" || { cat "$dir/log" >&2; exit 1; }
  sleep 0.05
done
: >"$dir/ready"
wait "$server"
