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

echo 'Converting to ROOT with eeconverter...'
run_program eeconverter -s "file://$work/in/$name.evt" -f "$work/out/$name.root"
deliver "$work/out/$name.root" "$4"
