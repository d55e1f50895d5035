"""Work that is refused, cancelled or lost on the real rig: the unmodified endpoints, Parsl and a real Slurm.

One rig serves all stories. The first needs an endpoint without a block; each of the others finds one that is at work.
"""

from __future__ import annotations

from pathlib import Path

from console.ledger import cancel_lines
from console.ledger.attempts import newest_attempt
from flowspec.states import RunState
from tests.rig_fixture import Rig, rig, slurm
from tests.slurm_fixture import NODES
from tests.tmux import terminal
from tests.waiting import until

__all__ = ["rig", "slurm"]


def test_what_sbatch_says_when_it_refuses_is_told_and_a_retry_waits_while_nodes_are_drained(rig: Rig) -> None:
    with rig.partition_drained():
        rig.deliver(11)
        rig.sees(11, "fit 0/1: segment 00 failed: ", "sbatch: error: ")
    rig.pipeline.wait_for(11, RunState.FAILED)  # when convert and analyze have had their blocks
    rig.sees(11, "fit of segment 00 failed: ", "sbatch: error: ", "r retries")
    with rig.slurm.node_in("DRAIN", ",".join(NODES)):
        rig.console("retry", 11)
        until(lambda: "PENDING" in rig.jobs().values(), every=0.2, told=rig.told)
        rig.sees(11, "fit 0/1: waits for a worker since")
    rig.is_done(11, attempts_made=2)


def test_c_in_the_middle_of_a_fit_leaves_nothing_at_the_site(rig: Rig, tmp_path: Path) -> None:
    with rig.fits_held():
        rig.deliver(12)
        rig.blocks()
        assert rig.programs(12)
        with terminal(tmp_path, "--profile", str(rig.pipeline.profile)) as screen:
            screen.wait_for("12 running")
            screen.press("c")
            screen.wait_for("Cancel run 12?")
            screen.press("Tab", "Enter")
            screen.wait_for("nothing of it runs any more")
        assert rig.programs(12) == []
    assert rig.pipeline.state(12) is RunState.CANCELLED
    attempt = newest_attempt(rig.pipeline.ledger, 12)
    assert attempt is not None
    lines = cancel_lines.read(rig.pipeline.ledger, attempt.attempt)
    assert lines
    assert all(line.gone for line in lines)
    assert rig.of_run("fitted", 12) == []


def test_a_full_scratch_fails_the_segment_and_a_retry_goes_well_when_there_is_room(rig: Rig) -> None:
    with rig.small_disk():
        rig.deliver(13)
        rig.sees(13, "fit of segment 00 failed: ", "no space left for the temporary files in ", "r retries")
        rig.pipeline.wait_for(13, RunState.FAILED)
    rig.console("retry", 13)
    rig.is_done(13, attempts_made=2)


def test_what_a_killed_user_endpoint_had_is_ended_and_done_again_by_a_retry(rig: Rig) -> None:
    with rig.fits_held():
        rig.deliver(14)
        [orphaned] = rig.blocks()
        rig.kill_child()
        rig.sees(14, "fit 0/1: segment 00 running since", ": it may hang; r ends it and does it again")
        assert rig.programs(14)
        rig.let_next_child_start()
        rig.console("retry", 14)
        until(lambda: not rig.programs(14))  # in the old block, which goes on: by the marker
        assert rig.jobs()[orphaned] == "RUNNING"
        assert rig.blocks(2)[1] != orphaned
    rig.is_done(14, attempts_made=2)
    rig.slurm.run("scancel", str(orphaned))  # its interchange keeps it until the walltime


def test_what_ran_in_a_block_at_its_walltime_or_in_one_that_is_lost_is_run_again_and_nothing_is_double(
    rig: Rig,
) -> None:
    with rig.fits_held():
        rig.deliver(15, segments=2)
        old, new = sorted(rig.blocks(2))
        rig.slurm.run("scontrol", "update", f"JobId={old}", "TimeLimit=1")  # minutes
        rig.slurm.run("scancel", str(new))
        assert rig.slurm.ended(new)["JobState"] == "CANCELLED"
        assert rig.slurm.ended(old)["JobState"] == "TIMEOUT"
        again = rig.blocks(4)[2:]
        assert not {old, new} & set(again)
        rig.sees(15, "fit 0/2: ", "running since")
    rig.is_done(15, segments=2)
