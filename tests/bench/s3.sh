# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The store s3 against curl and rclone on a real server (tests/servers/s3.sh), which s3-turns takes
# by turns beside it. Sourced by tests/bench/run, whose functions it uses.
#
#   BENCH_TURNS  turns of each (default 5)

# s3_rows WHAT PEER OURS LEAST: both medians, and how fast si is, the peer being 1: the median of the
# turns' ratios.
s3_rows() {
  local plain ours share
  read -r plain ours share < <(jq -rRn 'def median: sort | .[length / 2 | floor];
    [inputs | split(" ") | map(tonumber)]
    | [(map(.[0]) | median), (map(.[1]) | median), (map(.[0] / .[1]) | median)]
    | map(. * 1000 | round / 1000) | join(" ")' "$work/s3.$1")
  row s3 "$2" "$plain" ms
  row s3 "$3" "$ours" ms
  row s3 "its speed, against that" "$share" x '' "$4"
}

bench_s3() {
  local tool code=0
  for tool in rclone radosgw-admin curl; do
    command -v "$tool" >/dev/null || die "there is no $tool"
  done
  S3_SIZE=8589934592 "$root/tests/servers/s3.sh" run "$root/tests/bench/s3-turns" "$si" "$work" \
    "${BENCH_TURNS:-5}" || code=$?
  [ "$code" = 0 ] || die "the turns beside the object store failed ($code)"
  s3_rows large-put "1 GiB: curl, PUT, the body not signed" "1 GiB: si runpack export" 0.9
  s3_rows large-put-signed "1 GiB: sha256sum, then curl, PUT, signed" "1 GiB: the same export" ''
  s3_rows large-get "1 GiB: curl, GET" "1 GiB: si runpack verify" 0.9
  s3_rows large-get-hashed "1 GiB: curl, GET, into sha256sum" "1 GiB: the same verify" ''
  s3_rows small-put "2,000 x 64 KiB: rclone copy" "2,000 x 64 KiB: si runpack export" 1.5
  s3_rows small-get "2,000 x 64 KiB: rclone copy, back" "2,000 x 64 KiB: si runpack verify" ''
}
