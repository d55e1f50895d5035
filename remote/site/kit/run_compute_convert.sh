#!/bin/bash
# Convert one fitted segment to a ROOT file.
#   run_compute_convert.sh RUN SEGMENT INPUT_DIR OUTPUT_DIR LOG_DIR
# INPUT_DIR/run-NNNN-SS-fitted.evt -> OUTPUT_DIR/run-NNNN-SS-fitted.root, log LOG_DIR/convert-SS.log
set -euo pipefail
stage=convert
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

(($# == 5)) || fail "usage: ${0##*/} RUN SEGMENT INPUT_DIR OUTPUT_DIR LOG_DIR"
run=$(number "$1")
segment=$(number "$2")
name=$(job_name "$run" "$segment")-fitted
begin "$5/$(printf 'convert-%02d.log' "$segment")"
printf 'FileIn %s  FileOut %s\n' "$3/$name.evt" "$4/$name.root"

echo 'Copying input...'
run_program cp -- "$3/$name.evt" "$work/$name.evt"
echo '... Done'

echo 'Converting to ROOT with eeconverter...'
run_program eeconverter -s "file://$work/$name.evt" -f "$work/$name.root"
deliver "$work/$name.root" "$4"
