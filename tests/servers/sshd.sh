#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An OpenSSH server with keys of its own, which forwards sockets and runs no command.
#
#   sshd.sh DIR [PORT [ADDRESS]]   runs until it is killed (default 2222 on 127.0.0.1); DIR/ready, or
#                                  where an address is given DIR/ready.sshd, is there once it listens
#
# In DIR, made at the first start: user (the private key that it lets in, as root), host.pub (its
# host key), other.pub (a host key that it has not). Needs root and a /run of its own.
set -euo pipefail
dir=$(realpath -m "${1:?usage: sshd.sh DIR [PORT [ADDRESS]]}")
port=${2:-2222} address=${3:-127.0.0.1} ready=$dir/ready${3:+.sshd}
mkdir -p "$dir"
chmod 700 "$dir"
mkdir -p /run/sshd
for key in user host other; do
  [ -e "$dir/$key" ] || ssh-keygen -q -t ed25519 -N '' -C '' -f "$dir/$key"
done
cat >"$dir/config" <<END
ListenAddress $address:$port
HostKey $dir/host
AuthorizedKeysFile $dir/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowStreamLocalForwarding yes
ForceCommand /bin/false
LogLevel VERBOSE
END
rm -f "$ready"
/usr/sbin/sshd -D -e -f "$dir/config" 2>"$dir/log" &
server=$!
trap 'kill "$server" 2>/dev/null' EXIT
trap 'exit 143' TERM INT
for _ in $(seq 100); do
  ! grep -q 'Server listening' "$dir/log" || break
  kill -0 "$server" || { cat "$dir/log" >&2; exit 1; }
  sleep 0.05
done
: >"$ready"
wait "$server"
