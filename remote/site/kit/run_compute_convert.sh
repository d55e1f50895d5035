#!/bin/bash
# Convert one fitted segment to a ROOT file.
#   run_compute_convert.sh RUN SEGMENT INPUT_DIR OUTPUT_DIR LOG_DIR
# INPUT_DIR/run-NNNN-SS-fitted.evt -> OUTPUT_DIR/run-NNNN-SS-fitted.root, log LOG_DIR/convert-SS.log
set -euo pipefail
stage=convert
kit=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
source "$kit/common.sh"

(($# == 5)) || fail "usage: ${0##*/} RUN SEGMENT INPUT_DIR OUTPUT_DIR LOG_DIR"
set_number run "$1"
set_number segment "$2"
set_name name "$run" "$segment"
name+=-fitted
printf -v log 'convert-%02d' "$segment"
begin "$5" "$log"
printf 'FileIn %s  FileOut %s\n' "$3/$name.evt" "$4/$name.root"

echo 'Copying input...'
run_program cp -- "$3/$name.evt" "$work/in/$name.evt"
echo '... Done'

printf -v run4 '%04d' "$run"
printf -v segment2 '%02d' "$segment"
values=([run]=$run [run4]=$run4 [segment]=$segment [segment2]=$segment2)
values+=([input]=$work/in/$name.evt [output]=$work/out/$name.root)
fill_in command "${CONVERT_COMMAND[@]}"
need "${command[0]}" CONVERT_COMMAND
printf 'Converting to ROOT with %s...\n' "${command[*]}"
run_program "${command[@]}"
deliver "$work/out/$name.root" "$4"
