#!/bin/bash
# Sort the converted segments of one run into histograms.
#   run_compute_analyze.sh RUN INPUT_DIR OUTPUT_DIR LOG_DIR SEGMENT...
# INPUT_DIR/run-NNNN-SS-fitted.root of each SEGMENT -> OUTPUT_DIR/run-NNNN-sorted.root, log LOG_DIR/analyze.log
set -euo pipefail
stage=analyze
kit=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
source "$kit/common.sh"

(($# >= 5)) || fail "usage: ${0##*/} RUN INPUT_DIR OUTPUT_DIR LOG_DIR SEGMENT..."
set_number run "$1"
input=$2 output=$3 log=$4
shift 4
begin "$log" analyze
printf -v result 'run-%04d-sorted.root' "$run"
printf 'DirIn %s  FileOut %s  Segments %s\n' "$input" "$output/$result" "$*"

# betasort reads segments 0 to n-1. A segment that was waived leaves a gap, so the copies are numbered anew.
echo 'Copying input...'
mkdir -- "$work/in" "$work/out"
count=0
for segment in "$@"; do
    set_number segment "$segment"
    set_name name "$run" "$segment"
    set_name copy "$run" "$count"
    run_program cp -- "$input/$name-fitted.root" "$work/in/$copy-fitted.root"
    count=$((count + 1))
done
echo '... Done'

echo "Sorting $count segments with betasort..."
run_program betasort "$work/in/" "$work/out/" "$run" "$count"
deliver "$work/out/$result" "$output"
