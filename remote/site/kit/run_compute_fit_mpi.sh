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
bash "$kit/check_fit_conf.sh" || exit 1

echo 'Copying input...'
run_program cp -- "$3/$name.evt" "$work/in/$name.evt"
echo '... Done'

clump=2000 # ring items
fit=(EventEditor -s "file://$work/in/$name.evt" -S "file://$work/out/$name-fitted.evt" -l "$FIT_LIBRARY" -c "$clump")
if [[ -n ${LAUNCHER[*]:-} ]]; then
    # Three ranks read, sort and write; the others fit.
    fit=("${LAUNCHER[@]}" "${fit[@]}" -n "$((RANKS - 3))" -p mpi)
else
    workers=1
    if ((FIT_WORKERS > 1)); then
        workers=$(python3 "$kit/clumps.py" "$work/in/$name.evt" "$clump" "$FIT_WORKERS") || workers=1
        echo "Workers $workers of $FIT_WORKERS: no more than clumps of $clump ring items"
    fi
    fit+=(-n "$workers" -p threaded)
    # The threads talk through ZeroMQ. Endpoints of this job alone, relative to its directory: two jobs on a node do not
    # meet, and no path is longer than the 107 bytes that a socket's name can have.
    cd -- "$work"
    printf '%d ipc://service%d\n' 1 1 2 2 3 3 >zmqservices
    export ZMQ_SERVICES=$work/zmqservices
fi
printf 'Fitting traces with %s...\n' "${fit[*]}"
run_program "${fit[@]}"
deliver "$work/out/$name-fitted.evt" "$4"
