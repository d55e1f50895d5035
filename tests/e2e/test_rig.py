"""Work that is cancelled, lost or refused on the real rig: the unmodified endpoints, Parsl and a real Slurm.

The first story needs an endpoint without a block; after it one that is there already serves the next.
"""

from __future__ import annotations

from console.ledger import cancel_lines
from console.ledger.attempts import newest_attempt
from flowspec.states import RunState
from tests.rig_fixture import Rig, rig, slurm
from tests.slurm_fixture import NODES
from tests.waiting import until

__all__ = ["rig", "slurm"]


def test_what_sbatch_says_when_it_refuses_is_told_and_a_retry_waits_while_nodes_are_drained(rig: Rig) -> None:
    with rig.partition("DRAIN"):
        rig.deliver(11)
        rig.sees(11, "fit of segment 00 failed: ", "sbatch: error: ")
        rig.pipeline.wait_for(11, RunState.FAILED)
    with rig.slurm.node_in("DRAIN", ",".join(NODES)):
        rig.console("retry", 11)
        until(lambda: "PENDING" in rig.jobs().values(), every=0.2, told=rig.told)
        rig.sees(11, "fit 0/1: waits for a worker since")
    rig.is_done(11, attempts_made=2)


def test_a_cancel_in_the_middle_of_a_fit_leaves_nothing_at_the_site(rig: Rig) -> None:
    rig.deliver(12, segments=2)
    with rig.fits_held():
        rig.blocks(2)
        assert len(rig.programs("run-0012")) >= 2
        rig.console("cancel", 12)
        rig.pipeline.wait_for(12, RunState.CANCELLED)
        assert rig.programs("run-0012") == []
    attempt = newest_attempt(rig.pipeline.ledger, 12)
    assert attempt is not None
    lines = cancel_lines.read(rig.pipeline.ledger, attempt.attempt)
    assert lines
    assert all(line.gone for line in lines)
    assert "nothing of it runs any more" in rig.console("status", 12)
    assert rig.unfinished(12) == []
    assert list((rig.site / "fitted").rglob("*0012*")) == []


def test_what_ran_in_a_block_that_is_lost_is_run_again_and_nothing_is_double(rig: Rig) -> None:
    rig.deliver(13, segments=2)
    with rig.fits_held():
        lost = rig.blocks(2)[0]
        rig.slurm.run("scancel", str(lost))
        assert rig.slurm.ended(lost)["JobState"] == "CANCELLED"
        assert lost not in rig.blocks(4)[2:]
    rig.is_done(13)
    for stage in ("fit", "convert"):
        assert rig.reports(13, stage) == [f"{stage}-00.json", f"{stage}-01.json"]
    assert rig.programs("run-0013") == []


def test_what_a_killed_user_endpoint_had_is_ended_and_done_again_by_a_retry(rig: Rig) -> None:
    """It is told as one that gets no block: that the task was begun is told by nobody."""
    rig.deliver(14)
    with rig.fits_held():
        [orphaned] = rig.blocks()
        rig.kill_child("frib-fit-mpi")
        rig.sees(
            14, "fit 0/1: segment 00 waits for a worker since", "frib-fit-mpi has begun nothing since", "r ends it"
        )
        assert rig.programs("run-0014")
        rig.let_next_child_start("frib-fit-mpi")
        rig.console("retry", 14)
        until(lambda: not rig.programs("run-0014"))  # in the old block, which goes on: by the marker
        assert rig.jobs()[str(orphaned)] == "RUNNING"
        assert rig.blocks(2)[1] != orphaned
    rig.is_done(14, attempts_made=2)
    rig.slurm.run("scancel", str(orphaned))  # its interchange keeps it until the walltime


def test_a_full_scratch_fails_the_segment_and_a_retry_goes_well_when_there_is_room(rig: Rig) -> None:
    with rig.full_disk():
        rig.deliver(15)
        rig.sees(15, "fit of segment 00 failed: ", "no space left for the temporary files in ", "r retries")
        rig.pipeline.wait_for(15, RunState.FAILED)
    rig.console("retry", 15)
    rig.is_done(15, attempts_made=2)
