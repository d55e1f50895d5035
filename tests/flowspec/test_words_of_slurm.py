"""What Slurm, the kernel and the runtime of a program say of an end: for each phrase its code, and who has to act."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec.causes import classify, kind_of, of_reply
from tests.failure_phrases import CANCELLED, PASSES, PHRASES, STAYS, SUBMISSION

# Others of their kind.
NEIGHBOURS = [
    ("slurmstepd: error: Detected 1 oom-kill event(s) in step 123.batch cgroup.", "failed.memory", STAYS),
    ("kernel: Out of memory: Killed process 4242 (EventEditor)", "failed.memory", STAYS),
    ("State OUT_OF_ME+", "failed.memory", STAYS),
    ("Unable to allocate 12.0 GiB for an array with shape (40000, 40000)", "failed.memory", STAYS),
    ("return code 137: Detected 1 oom_kill event", "failed.memory", STAYS),
    ("virtual memory exhausted: Cannot allocate memory", "failed.memory", STAYS),
    ("./fit.sh: line 12:  4242 Killed                  EventEditor -a", "failed.killed", STAYS),
    ("Killed", "failed.killed", STAYS),
    ("srun: error: n1: tasks 0-3: Killed", "failed.killed", STAYS),
    (f"{CANCELLED} DUE TO SIGNAL Killed ***", "failed.killed", STAYS),
    ("the process ended by SIGKILL", "failed.killed", STAYS),
    ("JobState=FAILED Reason=NonZeroExitCode ExitCode=0:9", "failed.killed", STAYS),
    ("srun: error: n1: task 0: Exited with exit code 137", "failed.killed", STAYS),
    ("srun: error: n1: task 0: Exited with exit code 1", "failed.abort", STAYS),
    ("srun: error: n1: task 0: Segmentation fault (core dumped)", "failed.abort", STAYS),
    ("srun: error: n1: task 0: Terminated", "failed.stopped", STAYS),
    ("State CANCELLED by 1000", "failed.stopped", STAYS),
    ("srun: error: Unable to allocate resources: Job violates accounting/QOS policy (job submit limit, user's size "
     "and/or time limits)", "failed.account", STAYS),
    ("sbatch: error: QOSMaxSubmitJobPerUserLimit", "failed.account", STAYS),
    ("the block waits: (QOSMaxJobsPerUserLimit)", "failed.account", STAYS),
    ("the block waits: (AssocGrpCpuLimit)", "failed.account", STAYS),
    ("the block waits: (PartitionTimeLimit)", "failed.account", STAYS),
    (f"{SUBMISSION} Invalid qos specification", "failed.account", STAYS),
    ("sbatch: error: invalid partition specified: debug", "failed.account", STAYS),
    (f"{SUBMISSION} User's group not permitted to use this partition", "failed.account", STAYS),
    (f"{SUBMISSION} Requested node configuration is not available", "failed.account", STAYS),
    (f"{SUBMISSION} Requested time limit is invalid (missing or exceeds some limit)", "failed.account", STAYS),
    (f"{SUBMISSION} Invalid license specification", "failed.account", STAYS),
    ("State NODE_FAIL", "failed.block", PASSES),
    ("State BOOT_FAIL", "failed.block", PASSES),
    ("State PREEMPTED", "failed.block", PASSES),
    ("State DEADLINE", "failed.block", PASSES),
    ("State REVOKED", "failed.block", PASSES),
    ("JobState=TIMEOUT Reason=TimeLimit", "failed.block", PASSES),
    (f"{CANCELLED} DUE TO JOB REQUEUE ***", "failed.block", PASSES),
    # What is killed at the time limit of its block was not killed for want of memory.
    (f"{CANCELLED} DUE TO TIME LIMIT ***\nsrun: error: n1: task 0: Killed", "failed.block", PASSES),
    (f"srun: error: n1: task 0: Killed\n{CANCELLED} DUE TO TIME LIMIT ***", "failed.block", PASSES),
    ("WorkerLost: Task failure due to loss of worker 17 on host n1 (SIGKILL)", "failed.worker", PASSES),
    ("the worker was killed by signal 9", "failed.worker", PASSES),
    (f"{SUBMISSION} Socket timed out on send/recv operation", "failed.site", PASSES),
    ("srun: error: Unable to create step for job 123: Requested nodes are busy", "failed.site", PASSES),
    ("Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", "failed.site",
     PASSES),
    ("('Connection aborted.', RemoteDisconnected('Remote end closed connection'))", "failed.network", PASSES),
]  # fmt: skip

# They sound alike and say nothing of the kind.
NEAR_MISSES = [
    "no jobs killed",
    "5 jobs killed, 2 kept",
    "Detected 0 oom_kill events",
    "the room killed nobody",
    "memory limit is 2 GB",
    "exit code 0",
    "signal 9 of detector 7 is noisy",
    "srun: Job step aborted: Waiting up to 32 seconds for job step to finish.",
    "the partition of the events among workers",
    "allocated 3 GB of memory",
    "state of the limit switches",
]


@pytest.mark.parametrize(("words", "code", "kind"), [*PHRASES, *NEIGHBOURS])
def test_a_phrase_has_its_code_and_who_has_to_act(words, code, kind):
    assert (classify(words).code, kind_of(code)) == (code, kind)


@pytest.mark.parametrize("words", NEAR_MISSES)
def test_what_only_sounds_like_it_is_unknown(words):
    assert classify(words).code == "failed.unknown"


@given(st.text(alphabet=st.characters(categories=["Ll", "Zs"])), st.sampled_from(PHRASES))
def test_a_phrase_keeps_its_kind_after_other_words(before, phrase):
    words, _, kind = phrase
    assert kind_of(classify(f"{before}: {words}").code) in {kind, STAYS}


@pytest.mark.parametrize("rc", [135, 137])
def test_a_job_that_was_killed_is_known_by_its_return_code(rc):
    reply = {"rc": rc, "code": "failed.abort", "parameters": {"rc": rc}, "cause": f"return code {rc}: Fitting..."}
    assert of_reply(reply).code == "failed.killed"
    assert of_reply(reply | {"rc": 134}).code == "failed.abort"
    assert of_reply(reply | {"code": "failed.time"}).code == "failed.time"
