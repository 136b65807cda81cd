#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the images of this sample, si-sample/postgres:15 and si-sample/blog:1, and loads them into
# a Docker-compatible engine. No image registry is asked and no root is needed: the files are this
# machine's own (PostgreSQL 15 where it is installed), or come out of Debian's packages, which are
# downloaded and unpacked into a cache and not installed.
#
#   examples/blog/images.sh            make what the engine does not have yet
#   examples/blog/images.sh --prepare  make the image archives in the cache alone; no engine needed
#   examples/blog/images.sh --remove   take both images out of the engine
#
# The engine is DOCKER_HOST (unix://PATH), or /var/run/docker.sock. The cache is
# build/sample-images, or SI_SAMPLE_CACHE. SI_SAMPLE_UNPACK=1 takes Debian's packages even where
# PostgreSQL is installed. Needs Debian 12, curl, jq and a static busybox.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${SI_SAMPLE_CACHE:-$here/../../build/sample-images}
label=si-sample.content
pg=usr/lib/postgresql/15

die() {
  printf 'images.sh: %s\n' "$1" >&2
  shift
  [ $# = 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

case ${DOCKER_HOST:=unix:///var/run/docker.sock} in
  unix://*) socket=${DOCKER_HOST#unix://} ;;
  *) die "DOCKER_HOST is $DOCKER_HOST, and only unix://PATH is understood" ;;
esac

# engine METHOD PATH [CURL OPTION...]: the reply's body; fails on any status from 400.
engine() {
  local method=$1 path=$2
  shift 2
  curl -sS --fail-with-body --unix-socket "$socket" -X "$method" "$@" "http://engine$path"
}

# --- the files -----------------------------------------------------------------------------------

# Sets `from`: the directory under which PostgreSQL's files lie ('' = this machine's own).
find_postgres() {
  from=
  [ -z "$installed" ] || return 0
  from=$cache/packages/$version
  [ -e "$from/complete" ] || unpack_packages
}

# Downloads PostgreSQL and the libraries that this machine lacks, and unpacks them.
unpack_packages() {
  local archives=$cache/packages/archives file wanted=()
  command -v apt-get >/dev/null ||
    die "PostgreSQL 15 is not installed, and there is no apt-get to download it with"
  rm -rf "$cache/packages"
  mkdir -p "$archives/partial" "$from"
  echo "images.sh: downloading PostgreSQL 15 (nothing is installed)"
  # The server alone: not its JIT compiler, and nothing that administers clusters of the machine.
  while read -r file; do
    case $file in
      libllvm* | libz3* | libc-l10n_* | lib*-perl_*) ;;
      postgresql-15_* | postgresql-client-15_* | lib*) wanted+=("${file%%_*}") ;;
    esac
  done < <(apt-get install -y --reinstall --no-install-recommends --print-uris \
    -o Debug::NoLocking=1 -o Dir::Cache::archives="$archives" postgresql-15 postgresql-client-15 libpq5 |
    sed -n "s/^'[^']*' \([^ ]*\) .*/\1/p")
  [ "${#wanted[@]}" -gt 1 ] || die "apt found nothing to download for postgresql-15"
  (cd "$archives" && apt-get download -o APT::Sandbox::User="$(id -un)" "${wanted[@]}" >/dev/null) ||
    die "the packages of PostgreSQL 15 could not be downloaded" "Try: sudo apt-get update"
  for file in "$archives"/*.deb; do
    dpkg-deb -x "$file" "$from"
  done
  rm -rf "$archives"
  touch "$from/complete"
}

# add_program ROOT PATH...: copies programs or libraries (PATH is relative to /, and may lie under
# `from`) and every library that they need.
add_program() {
  local root=$1 path file libraries
  shift
  libraries=$(for path in "$from"/usr/lib/*-linux-gnu*; do printf '%s:' "$path"; done)
  for path; do
    file=$from/$path
    [ -e "$file" ] || file=/$path
    mkdir -p "$root/$(dirname "$path")"
    cp -L "$file" "$root/$path"
    LD_LIBRARY_PATH=$libraries ldd "$file" >"$root/needs"
    ! grep 'not found' "$root/needs" >&2 || die "$file needs libraries that are not there"
    grep -oE '/[^ ]+\.so[^ ]*' "$root/needs" || true
  done | sort -u | while read -r file; do
    path=${file#"$from"}
    case $path in /lib*) path=/usr$path ;; esac # /lib is a link to usr/lib
    [ -e "$root$path" ] || install -D -m 755 "$file" "$root$path"
  done
  rm -f "$root/needs"
}

# base ROOT: directories, accounts, and a shell with its tools.
base() {
  local root=$1 name
  mkdir -p "$root"/{etc,proc,dev,sys,root,run,tmp,usr/bin,usr/sbin,usr/lib,usr/lib64,var}
  chmod 1777 "$root/tmp"
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
  ln -s ../run "$root/var/run"
  cp "$busybox" "$root/bin/busybox"
  while read -r name; do
    [ "$name" = busybox ] || ln -s busybox "$root/bin/$name"
  done < <("$busybox" --list)
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'postgres:x:999:999::/var/lib/postgresql:/bin/sh' \
    'nobody:x:65534:65534:nobody:/:/bin/sh' >"$root/etc/passwd"
  printf '%s\n' root:x:0: postgres:x:999: nogroup:x:65534: >"$root/etc/group"
  printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
}

postgres_files() {
  local root=$1 file
  base "$root"
  rm -f "$root/bin/setpriv" # busybox's cannot change users
  add_program "$root" usr/bin/setpriv usr/bin/locale
  for file in postgres initdb pg_ctl pg_isready pg_dump pg_controldata psql createdb; do
    add_program "$root" "$pg/bin/$file"
    ln -s "../../$pg/bin/$file" "$root/usr/bin/$file"
  done
  for file in plpgsql dict_snowball libpqwalreceiver pgoutput pg_trgm pgcrypto; do
    add_program "$root" "$pg/lib/$file.so"
  done
  mkdir -p "$root/usr/share/postgresql" "$root/usr/lib/locale" "$root/docker-entrypoint-initdb.d"
  cp -RL "$from/usr/share/postgresql/15" "$root/usr/share/postgresql/"
  rm -rf "$root/usr/share/postgresql/15/man"
  cp -RL /usr/lib/locale/C.utf8 "$root/usr/lib/locale/"
  cp -RL /usr/share/zoneinfo "$root/usr/share/"
  install -m 755 "$here/images/postgres-entrypoint" "$root/usr/bin/entrypoint"
}

blog_files() {
  local root=$1
  base "$root"
  add_program "$root" "$pg/bin/psql"
  ln -s "../../$pg/bin/psql" "$root/usr/bin/psql"
  install -D -m 755 "$here/images/seed" "$root/blog/seed"
  install -D -m 755 "$here/images/page" "$root/blog/www/cgi-bin/index.cgi" # httpd runs it for /
  install -D -m 755 "$here/images/health" "$root/blog/www/cgi-bin/health"
}

# --- the images ----------------------------------------------------------------------------------

postgres_config='{
  Entrypoint: ["/usr/bin/entrypoint"], Env: ["PATH=/usr/bin:/bin",
  "PGDATA=/var/lib/postgresql/data"], ExposedPorts: {"5432/tcp": {}}, StopSignal: "SIGINT"}'
# shellcheck disable=SC2016
blog_config='{
  Cmd: ["/bin/httpd", "-f", "-p", "8080", "-h", "/blog/www"], Env: ["PATH=/usr/bin:/bin",
  "PGHOST=db", "PGUSER=postgres", "PGDATABASE=blog", "PGCONNECT_TIMEOUT=3", "HOME=/"],
  ExposedPorts: {"8080/tcp": {}}}'

# pack NAME CONFIG FILE: files of NAME as an image archive, the same bytes for the same content.
pack() {
  local name=$1 config=$2 file=$3 diff_id id
  work=$(mktemp -d "$cache/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  "${name%:*}_files" "$work/root"
  mkdir "$work/image"
  tar -C "$work/root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu \
    -cf "$work/image/layer.tar" .
  diff_id=sha256:$(sha256sum "$work/image/layer.tar" | cut -d ' ' -f 1)
  jq -cn --arg diff "$diff_id" --arg content "$content" --arg key "$label" \
    --arg arch "$(dpkg --print-architecture)" \
    "{architecture: \$arch, os: \"linux\", created: \"1970-01-01T00:00:00Z\",
      config: ($config + {Labels: {(\$key): \$content}}),
      rootfs: {type: \"layers\", diff_ids: [\$diff]},
      history: [{created: \"1970-01-01T00:00:00Z\", created_by: \"examples/blog/images.sh\"}]}" \
    >"$work/config.json"
  id=$(sha256sum "$work/config.json" | cut -d ' ' -f 1)
  mv "$work/config.json" "$work/image/$id.json"
  jq -cn --arg id "$id" --arg tag "si-sample/$name" \
    '[{Config: "\($id).json", RepoTags: [$tag], Layers: ["layer.tar"]}]' \
    >"$work/image/manifest.json"
  tar -C "$work/image" --sort=name --mtime=@0 --owner=0 --group=0 -cf "$work/archive.tar" .
  mv "$work/archive.tar" "$file"
  rm -rf "$work"
}

has_image() {
  [ "$(engine GET "/images/si-sample/$1/json" 2>/dev/null |
    jq -r --arg key "$label" '.Config.Labels[$key] // empty')" = "$content" ]
}

# make_archive NAME CONFIG: sets `archive`, made where the cache lacks it.
make_archive() {
  archive=$cache/${1%:*}-$content.tar
  [ ! -e "$archive" ] || return 0
  find_postgres
  rm -f "$cache/${1%:*}"-*.tar
  pack "$1" "$2" "$archive"
}

load_image() {
  local name=$1 config=$2 reply
  if has_image "$name"; then
    echo "images.sh: si-sample/$name is there"
    return
  fi
  make_archive "$name" "$config"
  reply=$(engine POST '/images/load?quiet=1' -H 'Content-Type: application/x-tar' -T "$archive") ||
    die "the engine did not take si-sample/$name: $reply"
  has_image "$name" || die "the engine took si-sample/$name but does not show it: $reply"
  echo "images.sh: si-sample/$name made ($(du -h "$archive" | cut -f 1))"
}

remove_images() {
  local image
  for image in blog:1 postgres:15; do
    engine DELETE "/images/si-sample/$image" >/dev/null 2>&1 || true
    ! engine GET "/images/si-sample/$image/json" >/dev/null 2>&1 ||
      die "the engine still has si-sample/$image: a container may be using it"
  done
}

# Sets what the images are made of: `installed`, `version` (of PostgreSQL), and `content`, a hash
# of these and of the scripts.
examine() {
  busybox=$(command -v busybox || true)
  if [ -z "$busybox" ] || ldd "$busybox" >/dev/null 2>&1; then
    die "there is no static busybox" "Try: sudo apt-get install busybox-static"
  fi
  installed=
  if [ -z "${SI_SAMPLE_UNPACK:-}" ] && [ -x "/$pg/bin/postgres" ]; then
    installed=yes
    version=$(dpkg-query -W -f '${Version}' postgresql-15 2>/dev/null || "/$pg/bin/postgres" -V)
  else
    version=$(apt-cache show --no-all-versions postgresql-15 2>/dev/null |
      sed -n 's/^Version: //p' || true)
    [ -n "$version" ] ||
      die "apt knows no package postgresql-15" "Try: sudo apt-get update (this needs Debian 12)"
  fi
  content=$({ cat "$here/images.sh" "$here"/images/* && sha256sum <"$busybox" &&
    echo "$installed $version"; } | sha256sum | cut -c 1-16)
  mkdir -p "$cache"
  cache=$(cd "$cache" && pwd)
  # What a run that was killed left.
  find "$cache" -maxdepth 1 -name 'work.*' -mmin +60 -exec rm -rf {} +
}

need_engine() {
  engine GET /_ping >/dev/null ||
    die "no engine answers at $socket" "Start one, or set DOCKER_HOST=unix://PATH"
}

for tool in curl jq; do
  command -v "$tool" >/dev/null || die "there is no $tool" "Try: sudo apt-get install $tool"
done
case ${1:-} in
  '')
    need_engine
    examine
    load_image postgres:15 "$postgres_config"
    load_image blog:1 "$blog_config"
    ;;
  --prepare)
    examine
    make_archive postgres:15 "$postgres_config"
    make_archive blog:1 "$blog_config"
    ;;
  --remove)
    need_engine
    remove_images
    ;;
  -h | --help) sed -n '/^# Makes/,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" ;;
  *) die "unknown argument $1" "Try: $0 --help" ;;
esac
