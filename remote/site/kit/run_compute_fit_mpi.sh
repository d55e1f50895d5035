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
[[ ${FIT_COMMAND[*]} != *'{library}'* ]] || bash "$kit/check_fit_conf.sh" || exit 1 # a fit of DDASToys

echo 'Copying input...'
run_program cp -- "$3/$name.evt" "$work/in/$name.evt"
echo '... Done'

clump=2000 # ring items
workers=1 parallel=threaded
if [[ -n ${LAUNCHER[*]:-} ]]; then
    workers=$((RANKS - 3)) parallel=mpi # three ranks read, sort and write; the others fit
elif ((FIT_WORKERS > 1)); then
    workers=$(python3 "$kit/clumps.py" "$work/in/$name.evt" "$clump" "$FIT_WORKERS") || workers=1
    echo "Workers $workers of $FIT_WORKERS: no more than clumps of $clump ring items"
fi
if [[ $parallel == threaded ]]; then
    # The threads talk through ZeroMQ. Endpoints of this job alone, relative to its directory: two jobs on a node do not
    # meet, and no path is longer than the 107 bytes that a socket's name can have.
    cd -- "$work"
    printf '%d ipc://service%d\n' 1 1 2 2 3 3 >zmqservices
    export ZMQ_SERVICES=$work/zmqservices
fi
printf -v run4 '%04d' "$run"
printf -v segment2 '%02d' "$segment"
values=([run]=$run [run4]=$run4 [segment]=$segment [segment2]=$segment2 [library]=$FIT_LIBRARY [clump]=$clump)
values+=([input]=$work/in/$name.evt [output]=$work/out/$name-fitted.evt [workers]=$workers [parallel]=$parallel)
fill_in command "${FIT_COMMAND[@]}"
need "${command[0]}" FIT_COMMAND
[[ -z ${LAUNCHER[*]:-} ]] || need "${LAUNCHER[0]}" LAUNCHER
command=("${LAUNCHER[@]}" "${command[@]}")
printf 'Fitting traces with %s...\n' "${command[*]}"
run_program "${command[@]}"
deliver "$work/out/$name-fitted.evt" "$4"
