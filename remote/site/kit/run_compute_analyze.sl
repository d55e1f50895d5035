#!/bin/bash
# Sort the converted segments of a run by hand, from the kit's directory:   sbatch run_compute_analyze.sl 1217 1
# Arguments: run, number of segments (0: only the first)
#SBATCH --job-name=frib-analyze
#SBATCH --account=m4386
#SBATCH --qos=realtime
#SBATCH --constraint=cpu
#SBATCH --licenses=scratch,cfs
#SBATCH --nodes=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=40G
#SBATCH --time=04:00:00
set -euo pipefail
kit=${SLURM_SUBMIT_DIR:-$(dirname -- "$0")} # Slurm runs a copy of this file from elsewhere
source "$kit/numbers.sh"
source "$kit/site.conf"
set_number run "${1:?run number}"
set_number segments "${2:?number of segments}"
((segments > 0)) || segments=1
# shellcheck disable=SC2046 # numbers only
exec bash "$kit/run_compute_analyze.sh" "$run" \
    "$TOP/converted/run$run" "$TOP/analyzed" "$TOP/logs/run$run" $(seq 0 $((segments - 1)))
