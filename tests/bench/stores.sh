# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Exports and verifications on the file store against backup tools that do the same work, and
# against what the machine can do. Sourced by tests/bench/run, whose functions it uses. Every
# turn has directories of its own; nothing is removed between the turns of small files.
#
#   BENCH_TURNS  turns of each (default 3)

peers=(restic borg rclone)
cold=$([ -w /proc/sys/vm/drop_caches ] && echo yes || echo no)

# Random bytes: nothing to compress, nothing that two files have in common.
make_files() { # FOLDER COUNT BYTES
  local folder=$1 count=$2 bytes=$3 i each
  each=$((count < 20 ? count : count / 20))
  for ((i = 0; i * each < count; i++)); do
    mkdir -p "$folder/d$i"
    head -c "$((each * bytes))" /dev/urandom | split -a 3 -b "$bytes" - "$folder/d$i/f"
  done
  sync -f "$work"
}

# Everything is on disk, and nothing of it in memory, where we may see to that.
settle() {
  sync -f "$work"
  [ "$cold" = no ] || echo 3 >/proc/sys/vm/drop_caches
}

# A writer finds what it reads in memory, as far as that goes: writing is what is compared. A
# verification finds nothing there: it has to read.
warm() {
  settle
  find "$1" -type f -print0 | xargs -0 cat >/dev/null
}

# The peers, made ready (not timed), writing, and reading all of it again. A copy that is not on
# disk is no copy: rclone leaves that to whoever calls it, the others see to it.
prepare_restic() { restic -q init --repository-version 2 -r "$1"; }
prepare_borg() { borg init -e none "$1"; }
prepare_rclone() { mkdir "$1"; }
write_restic() { (cd "$2" && restic -q backup --compression off -r "$1" .); }
write_borg() { (cd "$2" && borg create --compression none "$1::bench" .); }
write_rclone() { rclone -q copy "$2" "$1" && sync -f "$1"; }
check_restic() { restic -q check --read-data -r "$1"; }
check_borg() { borg check --verify-data "$1"; }
check_rclone() { rclone -q check "$2" "$1"; }

cold_lap() { # COMMAND...
  settle
  lap "$@"
}
warm_lap() { # FOLDER COMMAND...
  warm "$1"
  shift
  lap "$@"
}

least() { printf '%s\n' "$@" | sort -g | head -1; }
over() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }
# median VALUE...: of ratios, one a turn.
median() { printf '%s\n' "$@" | sort -g | sed -n "$((($# + 1) / 2))p"; }

# One turn: appends "<tool> <write> <read>" lines to $work/turns.
store_turn() { # NAME TURN FOLDER KEEP
  local at=$work/$1.$2 peer wrote
  mkdir "$at"
  export_to "$at/si" "$3"
  wrote=$(warm_lap "$3" "${command[@]}" --max-artifact-bytes 1073741824)
  pack=$(pack_in "$at/si")
  printf 'si %s %s\n' "$wrote" \
    "$(cold_lap "$si" -q runpack verify "$pack" --max-artifact-bytes 1073741824)" >>"$work/turns"
  [ "$4" = yes ] || rm -rf "$at/si"
  for peer in "${peers[@]}"; do
    "prepare_$peer" "$at/$peer"
    wrote=$(warm_lap "$3" "write_$peer" "$at/$peer" "$3")
    printf '%s %s %s\n' "$peer" "$wrote" "$(cold_lap "check_$peer" "$at/$peer" "$3")" >>"$work/turns"
    [ "$4" = yes ] || rm -rf "${at:?}/$peer"
  done
}

# The table of the turns, with ratios to the fastest peer of the same turn.
store_rows() { # NAME WHAT WRITE_GOAL READ_GOAL
  local tool column word goal turn fastest
  local -a of ours ratios
  for column in 2 3; do
    word=$([ "$column" = 2 ] && echo export || echo verify)
    goal=$([ "$column" = 2 ] && echo "$3" || echo "$4")
    for tool in "${peers[@]}" si; do
      mapfile -t of < <(awk -v t="$tool" -v c="$column" '$1 == t { print $c }' "$work/turns")
      row "$1" "$2: $word, $tool" "$(median "${of[@]}")" ms
    done
    mapfile -t ours < <(awk -v c="$column" '$1 == "si" { print $c }' "$work/turns")
    ratios=()
    for ((turn = 0; turn < ${#ours[@]}; turn++)); do
      mapfile -t of < <(awk -v n="$turn" -v c="$column" \
        '$1 == "si" { i++ } i == n + 1 && $1 != "si" { print $c }' "$work/turns")
      fastest=$(least "${of[@]}")
      ratios+=("$(over "${ours[turn]}" "$fastest")")
    done
    row "$1" "$2: $word, against the fastest of them" "$(median "${ratios[@]}")" x "$goal"
  done
}

# Both processes together, the ring counted in each.
store_memory() { # NAME WHAT GOAL_MIB COMMAND...
  local name=$1 what=$2 goal=$3 sum
  shift 3
  sum=$("$tools/peak" "$@" | awk '{ k += $2 } END { printf "%.1f", k / 1024 }')
  row "$name" "$what: peak RSS of si and si-host" "$sum" MiB "$goal"
}

bench_store() { # NAME WHAT COUNT BYTES WRITE_GOAL READ_GOAL KEEP
  local name=$1 what=$2 folder=$work/$1 turn at=$work/$1.memory most
  local missing
  for missing in "${peers[@]}"; do
    command -v "$missing" >/dev/null || die "there is no $missing"
  done
  export RESTIC_PASSWORD=bench BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
  [ "$cold" = yes ] || printf '  (not as root: the page cache stays as it is)\n'
  mkdir "$folder"
  make_files "$folder" "$3" "$4"
  : >"$work/turns"
  for ((turn = 0; turn < ${BENCH_TURNS:-3}; turn++)); do
    store_turn "$name" "$turn" "$folder" "$7"
  done
  store_rows "$name" "$what" "$5" "$6"
  most=$(awk -v n="$3" 'BEGIN { printf "%.1f", 24 + n * 200 / 1048576 }')
  mkdir "$at"
  export_to "$at/si" "$folder"
  store_memory "$name" "$what: export" "$most" "${command[@]}" --max-artifact-bytes 1073741824
  store_memory "$name" "$what: verify" "$most" \
    "$si" -q runpack verify "$(pack_in "$at/si")" --max-artifact-bytes 1073741824
}

bench_stores-w1() { bench_store stores-w1 "10,000 x 4 KiB" 10000 4096 0.45 0.85 yes; }
bench_stores-w3() { bench_store stores-w3 "1,000 x 1 MiB" 1000 1048576 0.45 0.40 yes; }

# The limits in the same run, once before and once after: the better one counts.
bench_stores-w2() {
  local free bytes=$((4 << 30)) write hash read ours
  free=$(df --output=avail -BG "$work" | tail -1 | tr -dc 0-9)
  [ "$free" -ge 20 ] || die "stores-w2 needs 20 GB below $work, and there are $free"
  settle_and_limit before "$bytes"
  bench_store stores-w2 "4 x 1 GiB" 4 1073741824 0.22 0.22 no
  settle_and_limit after "$bytes"
  settle
  read=$("$tools/limits" read "$work"/stores-w2/*/*)
  write=$(least "$(<"$work/write.before")" "$(<"$work/write.after")")
  hash=$(least "$(<"$work/hash.before")" "$(<"$work/hash.after")")
  row stores-w2 "4 GiB written in windows of 8 MiB" "$write" ms
  row stores-w2 "4 GiB hashed in memory, two threads" "$hash" ms
  row stores-w2 "the four files read and hashed, two threads" "$read" ms
  ours=$(awk '$1 == "si" { print $2 }' "$work/turns" | sort -g | head -1)
  row stores-w2 "4 x 1 GiB: export, share of the write's speed" "$(over "$write" "$ours")" '' '' 0.65
  ours=$(awk '$1 == "si" { print $3 }' "$work/turns" | sort -g | head -1)
  row stores-w2 "4 x 1 GiB: verify, share of the hash's speed" "$(over "$hash" "$ours")" '' '' 0.6
  row stores-w2 "4 x 1 GiB: verify, share of reading and hashing" "$(over "$read" "$ours")" ''
}

settle_and_limit() { # WHEN BYTES
  settle
  "$tools/limits" write "$work/limit.$1" "$2" >"$work/write.$1"
  rm "$work/limit.$1"
  "$tools/limits" hash "$2" >"$work/hash.$1"
}

bench_stores() {
  bench_stores-w1
  bench_stores-w3
  bench_stores-w2
}
