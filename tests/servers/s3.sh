#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real object store that speaks S3, on loopback: Ceph's gateway with a store in memory behind it.
#
#   tests/servers/s3.sh run COMMAND [ARG...]   beside a store that exists for this command alone
#   tests/servers/s3.sh start | stop           make an empty one in S3_DIR and start it; end it
#   tests/servers/s3.sh resume                 start again what was stopped, with what it holds
#   tests/servers/s3.sh skew SECONDS           the gateway alone, its clock so far ahead (0: right)
#   tests/servers/s3.sh status | env           its processes and their memory; what it exports
#
# `run` makes namespaces of its own (loopback.sh), with S3_DIR on a tmpfs: no port and no store of
# the machine can be met, and everything ends with the command. The others work where they are
# called: in `run`'s command, or with an S3_DIR and ports of one's own.
#
# S3_SIZE is the number of bytes that it holds (4 GiB); what is deleted counts for a minute more.
#
# It checks signatures, knows two users (and neither sees the other's buckets), path-style and
# virtual-host addresses, Object Lock, and the key testkey-1 for SSE-KMS. The command gets what
# `env` prints. TLS has a certificate for localhost, 127.0.0.1 and *.s3.localhost, signed by
# $S3_CA; $S3_OTHER_CA signed nothing.
#
# 77 = cannot run here (needs root, Ceph, openssl, curl; `skew` needs faketime); the reason is on
# stderr.
set -u

S3_DIR=${S3_DIR:-/run/si-test-s3}
S3_PORT=${S3_PORT:-8000} S3_TLS_PORT=${S3_TLS_PORT:-8443} S3_MON_PORT=${S3_MON_PORT:-6790}
domain=s3.localhost
conf=$S3_DIR/ceph.conf
key=AKIDTEST00000000TEST secret=testsecrettestsecrettestsecret0000000000
other_key=AKIDTEST00000000OTHR other_secret=othersecretothersecretothersecret00000000

skip() {
  printf 's3.sh: skipped: %s\n' "$1" >&2
  exit 77
}

die() {
  printf 's3.sh: %s\n' "$1" >&2
  local log
  for log in "$S3_DIR"/*.out; do
    [ ! -s "$log" ] || tail -n 5 "$log" | cut -c 1-300 | sed "s|^|  ${log##*/}: |" >&2
  done
  stop
  exit 1
}

needs() {
  local tool
  for tool; do
    command -v "$tool" >/dev/null || skip "there is no $tool (./check --deps installs it)"
  done
}

print_env() {
  cat <<END
export S3_DIR=$S3_DIR S3_PORT=$S3_PORT S3_TLS_PORT=$S3_TLS_PORT S3_MON_PORT=$S3_MON_PORT
export S3_HTTP=http://127.0.0.1:$S3_PORT S3_HTTPS=https://127.0.0.1:$S3_TLS_PORT
export S3_VHOST_HTTP=http://$domain:$S3_PORT S3_VHOST_HTTPS=https://$domain:$S3_TLS_PORT
export S3_CA=$S3_DIR/ca.pem S3_OTHER_CA=$S3_DIR/other-ca.pem
export S3_KEY=$key S3_SECRET=$secret S3_OTHER_KEY=$other_key S3_OTHER_SECRET=$other_secret
END
}

# --- processes -----------------------------------------------------------------------------------

# pid_of NAME: only if the process still is our daemon.
pid_of() {
  local pid
  pid=$(cat "$S3_DIR/$1.pid" 2>/dev/null) || return 1
  grep -qsaF "$conf" "/proc/$pid/cmdline" || return 1
  printf '%s' "$pid"
}

# launch NAME COMMAND...: a session of its own, so that Ctrl-C does not reach it.
launch() {
  local name=$1
  shift
  setsid "$@" -f </dev/null >>"$S3_DIR/$name.out" 2>&1 &
  printf '%s\n' "$!" >"$S3_DIR/$name.pid"
}

end() {
  local pid
  pid=$(pid_of "$1") || return 0
  kill -TERM "$pid"
  for _ in $(seq 100); do
    [ -d "/proc/$pid" ] || break
    sleep 0.1
  done
  [ ! -d "/proc/$pid" ] || kill -KILL "$pid"
  rm -f "$S3_DIR/$1.pid"
}

# The gateway holds nothing that must be saved, and takes seconds to say good-bye.
stop_gateway() {
  local pid
  pid=$(pid_of gateway) && kill -KILL "$pid"
  until ! pid_of gateway >/dev/null; do sleep 0.05; done
  rm -f "$S3_DIR/gateway.pid"
}

stop() {
  stop_gateway
  end osd
  end mon
}

# await NAME WHAT...: until the command works, as long as the daemon lives; 90 seconds at most.
await() {
  local name=$1 until=$((SECONDS + 90))
  shift
  until "$@" >/dev/null 2>&1; do
    pid_of "$name" >/dev/null || die "$name ended"
    [ "$SECONDS" -lt "$until" ] || die "$name did not come up within 90 seconds"
    sleep 0.1
  done
}

answers() { curl -s -o /dev/null --max-time 5 "http://127.0.0.1:$S3_PORT/"; }
osd_is_up() { ceph -c "$conf" --connect-timeout 20 osd stat | grep -q '1 up'; }

start_mon() { launch mon ceph-mon -c "$conf" -i a; }
start_osd() {
  launch osd ceph-osd -c "$conf" -i 0
  await osd osd_is_up
}
# start_gateway [SECONDS]: with its clock so far ahead.
start_gateway() {
  if [ "${1:-0}" = 0 ]; then
    launch gateway radosgw -c "$conf" -n client.rgw.a
  else
    # Not under faketime itself, which would stand between us and the gateway. Timers run on the
    # monotonic clock, which stays as it is.
    launch gateway env LD_PRELOAD="$(faketime -m -f +0s printenv LD_PRELOAD)" \
      FAKETIME="$(printf '%+ds' "$1")" FAKETIME_DONT_FAKE_MONOTONIC=1 \
      radosgw -c "$conf" -n client.rgw.a
  fi
  await gateway answers
}

# --- a new store ---------------------------------------------------------------------------------

# sign NAME CA: a key and a certificate for the server.
make_certificates() {
  local ca
  cd "$S3_DIR" || exit 1
  for ca in ca other-ca; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
      -subj "/CN=$ca" -keyout "$ca.key" -out "$ca.pem" 2>/dev/null
  done
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
    -keyout server.key -out server.csr 2>/dev/null
  printf 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:%s,DNS:*.%s\nbasicConstraints=CA:false\n' \
    "$domain" "$domain" >server.ext
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
    -extfile server.ext -out server.pem 2>/dev/null || die "no certificate could be made"
  cd - >/dev/null || exit 1
}

# configure FSID: one copy of everything, no authentication inside, nothing waits for quorum.
configure() {
  cat >"$conf" <<END
[global]
fsid = $1
mon host = v2:127.0.0.1:$S3_MON_PORT
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail warn = 2
mon data avail crit = 1
paxos propose interval = 0.02
paxos min wait = 0.01
mon tick interval = 1
run dir = $S3_DIR
admin socket = $S3_DIR/\$name.asok
log file = $S3_DIR/\$name.log
pid file = $S3_DIR/\$name.own-pid
[mon.a]
mon data = $S3_DIR/mon
mon addr = v2:127.0.0.1:$S3_MON_PORT
[osd]
osd data = $S3_DIR/osd
osd objectstore = memstore
osd fast shutdown = false
memstore device bytes = ${S3_SIZE:-4294967296}
[client]
keyring = /dev/null
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:$S3_PORT ssl_endpoint=127.0.0.1:$S3_TLS_PORT ssl_certificate=$S3_DIR/server.pem ssl_private_key=$S3_DIR/server.key
rgw dns name = $domain
rgw thread pool size = 64
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = testkey-1=YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo=
rgw gc obj min wait = 60
rgw gc processor period = 60
END
}

make_user() {
  radosgw-admin -c "$conf" user create --uid="$1" --display-name="$1" --access-key="$2" \
    --secret-key="$3" >"$S3_DIR/user-$1.out" 2>&1 || die "user $1 could not be made"
}

start() {
  local fsid osd
  needs ceph-mon ceph-osd radosgw radosgw-admin monmaptool ceph openssl curl
  stop
  # Never a directory that is somebody else's.
  [ ! -e "$S3_DIR" ] || [ -e "$S3_DIR/.si-test-s3" ] || {
    echo "s3.sh: $S3_DIR is not mine" >&2
    exit 1
  }
  rm -rf "$S3_DIR"
  mkdir -p "$S3_DIR"/{mon,osd}
  touch "$S3_DIR/.si-test-s3"
  fsid=$(cat /proc/sys/kernel/random/uuid) osd=$(cat /proc/sys/kernel/random/uuid)
  configure "$fsid"
  monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$S3_MON_PORT]" "$S3_DIR/monmap" \
    >/dev/null || die "no map of the monitor could be made"
  ceph-mon -c "$conf" -i a --mkfs --monmap "$S3_DIR/monmap" >"$S3_DIR/mon.out" 2>&1 ||
    die "the monitor's store could not be made"
  start_mon
  make_certificates
  ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd" >"$S3_DIR/osd.out" 2>&1 ||
    die "the store could not be made"
  ceph -c "$conf" --connect-timeout 60 osd new "$osd" >/dev/null 2>"$S3_DIR/new.out" ||
    die "the monitor knows no store"
  start_osd
  make_user test "$key" "$secret"
  make_user other "$other_key" "$other_secret"
  start_gateway
}

resume() {
  [ -e "$conf" ] || die "there is nothing in $S3_DIR to resume"
  stop
  start_mon
  start_osd
  start_gateway
}

skew() {
  needs faketime
  stop_gateway
  start_gateway "$1"
}

status() {
  local name pid code=0
  for name in mon osd gateway; do
    if pid=$(pid_of "$name"); then
      printf '%s %s %s KiB\n' "$name" "$pid" "$(awk '/^VmRSS/ {print $2}' "/proc/$pid/status")"
    else
      printf '%s is not running\n' "$name"
      code=1
    fi
  done
  exit "$code"
}

run() {
  [ $# -gt 0 ] || { echo "usage: $0 run COMMAND [ARG...]" >&2; exit 2; }
  needs ceph-mon ceph-osd radosgw radosgw-admin monmaptool ceph openssl curl
  unset S3_DIR S3_PORT S3_TLS_PORT S3_MON_PORT
  exec "$(dirname "$0")/loopback.sh" "$0" --beside "$@"
}

beside() {
  start
  eval "$(print_env)"
  # What is left ends with the namespace.
  exec "$@"
}

case ${1:-} in
  run) shift; run "$@" ;;
  --beside) shift; beside "$@" ;;
  start) start && print_env ;;
  resume) resume ;;
  stop) stop ;;
  skew) skew "${2:?is the number of seconds}" ;;
  status) status ;;
  env) print_env ;;
  *) sed -n '/^# A real/,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2; exit 2 ;;
esac
