#!/bin/bash
# Fit the traces of one segment.
#   run_compute_fit_mpi.sh RUN SEGMENT INPUT_DIR OUTPUT_DIR LOG_DIR
# INPUT_DIR/run-NNNN-SS.evt -> OUTPUT_DIR/run-NNNN-SS-fitted.evt, log LOG_DIR/fit-SS.log
set -euo pipefail
stage=fit
kit=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
source "$kit/common.sh"

(($# == 5)) || fail "usage: ${0##*/} RUN SEGMENT INPUT_DIR OUTPUT_DIR LOG_DIR"
set_number run "$1"
set_number segment "$2"
set_name name "$run" "$segment"
printf -v log 'fit-%02d' "$segment"
begin "$5" "$log"
printf 'FileIn %s  FileOut %s  Ranks %s  Workers %s\n' "$3/$name.evt" "$4/$name-fitted.evt" "$RANKS" "$FIT_WORKERS"

echo 'Copying input...'
run_program cp -- "$3/$name.evt" "$work/$name.evt"
echo '... Done'

fit=(EventEditor -s "file://$work/$name.evt" -S "file://$work/$name-fitted.evt" -l "$FIT_LIBRARY" -c 2000)
if [[ -n ${LAUNCHER[*]:-} ]]; then
    # Three ranks read, sort and write; the others fit.
    fit=("${LAUNCHER[@]}" "${fit[@]}" -n "$((RANKS - 3))" -p mpi)
else
    fit+=(-n "$FIT_WORKERS" -p threaded)
fi
printf 'Fitting traces with %s...\n' "${fit[*]}"
run_program "${fit[@]}"
deliver "$work/$name-fitted.evt" "$4"
