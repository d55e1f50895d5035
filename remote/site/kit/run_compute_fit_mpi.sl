#!/bin/bash
# Fit one segment by hand, from the kit's directory:   sbatch run_compute_fit_mpi.sl 1217 0
# Arguments: run, segment
#SBATCH --job-name=frib-fit
#SBATCH --account=m4386
#SBATCH --qos=realtime
#SBATCH --constraint=cpu
#SBATCH --licenses=scratch,cfs
#SBATCH --nodes=1
#SBATCH --cpus-per-task=128
#SBATCH --time=00:30:00
set -euo pipefail
kit=${SLURM_SUBMIT_DIR:-$(dirname -- "$0")} # Slurm runs a copy of this file from elsewhere
source "$kit/numbers.sh"
source "$kit/site.conf"
set_number run "${1:?run number}"
exec bash "$kit/run_compute_fit_mpi.sh" "$run" "${2:?segment number}" \
    "$TOP/rawdata/run$run" "$TOP/fitted/run$run" "$TOP/logs/run$run"
