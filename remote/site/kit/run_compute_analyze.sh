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
printf -v run4 '%04d' "$run"
result=run-$run4-sorted.root
printf 'DirIn %s  FileOut %s  Segments %s\n' "$input" "$output/$result" "$*"

# betasort reads segments 0 to n-1. A segment that was waived leaves a gap, so the copies are numbered anew.
echo 'Copying input...'
count=0
for segment in "$@"; do
    set_number segment "$segment"
    set_name name "$run" "$segment"
    set_name copy "$run" "$count"
    run_program cp -- "$input/$name-fitted.root" "$work/in/$copy-fitted.root"
    count=$((count + 1))
done
echo '... Done'

values=([run]=$run [run4]=$run4 [segments]=$count [input]=$work/in [output]=$work/out)
fill_in command "${ANALYZE_COMMAND[@]}"
need "${command[0]}" ANALYZE_COMMAND
echo "Sorting $count segments with ${command[*]}..."
run_program "${command[@]}"

# What it made is delivered under the name that the flow returns, whatever its own name is.
fill_in filled "$ANALYZE_RESULT"
pattern=${filled[0]}
shopt -s nullglob dotglob
found=() others=
for file in "$work/out"/*; do
    # shellcheck disable=SC2053 # a pattern
    if [[ ${file##*/} == $pattern ]]; then found+=("$file"); else others+=" ${file##*/}"; fi
done
((${#found[@]} > 0)) || fail "the program ended with return code 0 but left no output $pattern${others:+, but$others}"
((${#found[@]} == 1)) || fail "${#found[@]} files match ANALYZE_RESULT=$ANALYZE_RESULT: ${found[*]##*/}"
deliver "${found[0]}" "$output" "$result"
