#!/bin/bash
# Fit one segment by hand, from any directory:   sbatch run_compute_fit_mpi.sl 1217 0
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
# Slurm runs a copy of this file from elsewhere; the kit is where the file is, and Slurm knows that.
file=
if [[ -n ${SLURM_JOB_ID:-} ]]; then
    file=$(timeout 20 scontrol show job "$SLURM_JOB_ID" 2>/dev/null | sed -n 's/^ *Command=//p') || true
fi
for kit in "${file%/run_compute_*}" "${SLURM_SUBMIT_DIR:-.}" "$(dirname -- "$0")"; do
    [[ ! -f $kit/byhand.py ]] || break
done
[[ -f $kit/byhand.py ]] || {
    echo "the kit is not found: submit this file where it lies, beside byhand.py, or from there" >&2
    exit 1
}
type -P python3 >/dev/null || {
    echo "there is no python3 on $HOSTNAME: the job that judges needs 3.6 or newer" >&2
    exit 1
}
exec python3 "$kit/byhand.py" fit "$@"
