"""What Slurm, the kernel and the runtime of a program say of an end: for each phrase its code, and who has to act.

23 as Slurm 22.05, Linux, glibc and Parsl write them.
"""

from __future__ import annotations

from flowspec.causes import Kind

CANCELLED = "slurmstepd: error: *** JOB 123 ON n1 CANCELLED AT 2026-11-26T03:00:00"
SUBMISSION = "sbatch: error: Batch job submission failed:"
STAYS, PASSES = Kind.STAYS, Kind.PASSES

PHRASES = [
    (
        "slurmstepd: error: Detected 1 oom_kill event in StepId=123.0. Some of the step tasks have been OOM Killed.",
        "failed.memory", STAYS,
    ),
    (f"{CANCELLED} DUE TO TIME LIMIT ***", "failed.block", PASSES),
    (f"{CANCELLED} DUE TO PREEMPTION ***", "failed.block", PASSES),
    (f"{CANCELLED} DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***", "failed.block", PASSES),
    (f"{CANCELLED} ***", "failed.stopped", STAYS),
    ("slurmstepd: error: Exceeded job memory limit at some point.", "failed.memory", STAYS),
    (
        "slurmstepd: error: Step 123.0 exceeded memory limit (2100000 > 2048000), being killed",
        "failed.memory", STAYS,
    ),
    ("State OUT_OF_MEMORY", "failed.memory", STAYS),
    ("terminate called after throwing an instance of 'std::bad_alloc'", "failed.memory", STAYS),
    ("Cannot allocate memory", "failed.memory", STAYS),
    ("task/cgroup: .batch: Killed", "failed.killed", STAYS),
    ("Bus error", "failed.killed", STAYS),
    ("killed by signal 9", "failed.killed", STAYS),
    ("return code 137: Killed", "failed.killed", STAYS),
    ("Disk quota exceeded", "failed.space", STAYS),
    ("parsl ManagerLost: Task failure due to loss of manager b'abc' on host n1", "failed.worker", PASSES),
    ("Task failure due to loss of worker 0 on host n1", "failed.worker", PASSES),
    (f"{SUBMISSION} Job violates accounting/QOS policy", "failed.account", STAYS),
    (f"{SUBMISSION} Invalid account or account/partition combination specified", "failed.account", STAYS),
    ("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying", "failed.site", PASSES),
    ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)", "failed.site", PASSES),
    ("srun: error: n1: task 0: Killed", "failed.killed", STAYS),
    ("stopped because its worker died", "failed.worker", PASSES),
]  # fmt: skip
