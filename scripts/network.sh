# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What an engine sets in the network of the machine: remembered before it starts, put back when it
# is gone. Needs root (the prefix "${as_root[@]}" of scripts/lib.sh), iptables and iproute2.

network_switches=(net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv6.conf.default.forwarding
  net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables)

switch_file() { printf '/proc/sys/%s' "${1//.//}"; }

# save_network DIR: once for each start of the machine; a later call keeps what stands.
save_network() {
  local dir=$1 name boot
  boot=$(cat /proc/sys/kernel/random/boot_id)
  [ "$(cat "$dir/boot" 2>/dev/null)" != "$boot" ] || return 0
  "${as_root[@]}" mkdir -p "$dir"
  "${as_root[@]}" rm -f "$dir/boot"
  for name in "${network_switches[@]}"; do
    [ ! -e "$(switch_file "$name")" ] || printf '%s %s\n' "$name" "$(cat "$(switch_file "$name")")"
  done | "${as_root[@]}" tee "$dir/switches" >/dev/null
  ip -o link show type bridge | sed 's/^[0-9]*: \([^:@]*\).*/\1/' |
    "${as_root[@]}" tee "$dir/bridges" >/dev/null
  "${as_root[@]}" iptables-save | "${as_root[@]}" tee "$dir/iptables" >/dev/null
  "${as_root[@]}" ip6tables-save 2>/dev/null | "${as_root[@]}" tee "$dir/ip6tables" >/dev/null
  printf '%s\n' "$boot" | "${as_root[@]}" tee "$dir/boot" >/dev/null
}

# restore_network DIR: takes back what a Docker Engine set since save_network, and nothing else:
# rules that others made in the meantime stay.
restore_network() {
  local dir=$1 name value bridge
  [ "$(cat "$dir/boot" 2>/dev/null)" = "$(cat /proc/sys/kernel/random/boot_id)" ] || return 0
  restore_rules iptables "$dir/iptables"
  restore_rules ip6tables "$dir/ip6tables"
  ip -o link show type bridge | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | while read -r bridge; do
    [[ $bridge =~ ^(docker0|br-[0-9a-f]{12})$ ]] || continue
    grep -qxF "$bridge" "$dir/bridges" || "${as_root[@]}" ip link delete "$bridge"
  done
  while read -r name value; do
    "${as_root[@]}" sh -c 'printf "%s\n" "$2" >"$1"' sh "$(switch_file "$name")" "$value"
  done <"$dir/switches"
}

# restore_rules TOOL SAVED: the rules as they are, without those lines of Docker's that SAVED does
# not have, and with SAVED's policy for forwarding, which Docker sets to DROP.
restore_rules() {
  local tool=$1 saved=$2
  "${as_root[@]}" "$tool-save" 2>/dev/null | awk -v saved="$saved" '
    function bare(line) { sub(/ \[[0-9]+:[0-9]+\]$/, "", line); return line }
    BEGIN {
      policy = ":FORWARD ACCEPT"
      while ((getline line < saved) > 0) {
        if (line ~ /^\*/) table = line
        had[table, bare(line)] = 1
        if (table == "*filter" && line ~ /^:FORWARD /) policy = bare(line)
      }
      table = ""
    }
    /^\*/ { table = $0 }
    (table, bare($0)) in had { print; next }
    table == "*filter" && /^:FORWARD / { print policy " [0:0]"; next }
    /^:DOCKER/ || / DOCKER/ || / docker0( |$)/ || / br-[0-9a-f]+( |$)/ { next }
    # what lets a container reach its own published port
    table == "*nat" && /^-A POSTROUTING -s ([0-9.]+)\/32 -d [0-9.]+\/32 .* -j MASQUERADE$/ { next }
    { print }' | "${as_root[@]}" "$tool-restore"
}
