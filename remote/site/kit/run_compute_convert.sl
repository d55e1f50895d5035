#!/bin/bash
# Convert one fitted segment by hand, from the kit's directory:   sbatch run_compute_convert.sl 1217 0
# Arguments: run, segment
#SBATCH --job-name=frib-convert
#SBATCH --account=m4386
#SBATCH --qos=realtime
#SBATCH --constraint=cpu
#SBATCH --licenses=scratch,cfs
#SBATCH --nodes=1
#SBATCH --cpus-per-task=1
#SBATCH --time=01:00:00
set -euo pipefail
kit=${SLURM_SUBMIT_DIR:-$(dirname -- "$0")} # Slurm runs a copy of this file from elsewhere
source "$kit/numbers.sh"
source "$kit/site.conf"
set_number run "${1:?run number}"
exec bash "$kit/run_compute_convert.sh" "$run" "${2:?segment number}" \
    "$TOP/fitted/run$run" "$TOP/converted/run$run" "$TOP/logs/run$run"
