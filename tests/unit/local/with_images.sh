#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command beside a throw-away engine that has the images si-test:1 and si-test:2 (busybox and
# nothing else, with a health command of each image's own). SI_TEST_ENGINE is the engine: a script
# of tests/servers, "engine" (Docker, where nothing is said) or "podman". Exit code 77: cannot run
# here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ "${1:-}" != --inside ]; then
  [ -x /bin/busybox ] || { echo "with_images.sh: skipped: there is no /bin/busybox" >&2; exit 77; }
  exec "$here/../../servers/${SI_TEST_ENGINE:-engine}.sh" "$here/with_images.sh" --inside "$@"
fi
shift
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,data,etc,tmp}
cp /bin/busybox "$root/bin"
for tool in sh sleep cat echo httpd true false test date hostname nslookup wget id pwd ls touch kill; do
  ln -s busybox "$root/bin/$tool"
done
for tag in 1 2; do
  echo "$tag" >"$root/etc/image"
  tar -C "$root" -c . | curl -sf --unix-socket "${DOCKER_HOST#unix://}" --data-binary @- -o /dev/null \
    -H 'Content-Type: application/x-tar' \
    "http://engine/v1.40/images/create?fromSrc=-&repo=si-test:$tag"
done
"$@"
