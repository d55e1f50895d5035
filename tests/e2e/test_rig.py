"""Work that is cancelled, lost or refused on the real rig: the unmodified endpoints, Parsl and a real Slurm.

In this order a block that is there already serves the next story.
"""

from __future__ import annotations

from console.ledger import cancel_lines
from console.ledger.attempts import newest_attempt
from flowspec.states import RunState
from tests.rig_fixture import Rig, rig, slurm
from tests.waiting import until

__all__ = ["rig", "slurm"]


def test_a_cancel_in_the_middle_of_a_fit_leaves_nothing_at_the_site(rig: Rig) -> None:
    rig.deliver(11, segments=2)
    with rig.held("fit"):
        rig.blocks("fit", 2)
        assert len(rig.programs("run-0011")) >= 2
        rig.console("cancel", 11)
        rig.pipeline.wait_for(11, RunState.CANCELLED)
        assert rig.programs("run-0011") == []
    attempt = newest_attempt(rig.pipeline.ledger, 11)
    assert attempt is not None
    lines = cancel_lines.read(rig.pipeline.ledger, attempt.attempt)
    assert lines
    assert all(line.gone for line in lines)
    assert "nothing of it runs any more" in rig.console("status", 11)
    assert rig.unfinished(11) == []
    assert list((rig.site / "fitted").rglob("*0011*")) == []


def test_what_ran_in_a_block_that_is_lost_is_run_again_and_nothing_is_double(rig: Rig) -> None:
    rig.deliver(12, segments=2)
    with rig.held("fit"):
        lost = rig.blocks("fit", 2)[0]
        rig.slurm.run("scancel", str(lost))
        assert rig.slurm.ended(lost)["JobState"] == "CANCELLED"
        assert lost not in rig.blocks("fit", 4)[2:]
    rig.is_done(12)
    for stage in ("fit", "convert"):
        assert rig.reports(12, stage) == [f"{stage}-00.json", f"{stage}-01.json"]
    assert rig.programs("run-0012") == []


def test_what_a_killed_user_endpoint_had_is_ended_and_done_again_by_a_retry(rig: Rig) -> None:
    """It is told as one that gets no block: that the task was begun is told by nobody."""
    rig.deliver(14)
    with rig.held("fit"):
        [orphaned] = rig.blocks("fit")
        rig.kill_child("frib-fit-mpi")
        rig.sees(
            14, "fit 0/1: segment 00 waits for a worker since", "frib-fit-mpi has begun nothing since", "r ends it"
        )
        assert rig.programs("run-0014")
        rig.let_next_child_start("frib-fit-mpi")
        rig.console("retry", 14)
        until(lambda: not rig.programs("run-0014"))  # in the old block, which goes on: by the marker
        assert rig.jobs()[str(orphaned)] == "RUNNING"
        assert rig.blocks("fit", 2)[1] != orphaned
    rig.is_done(14, attempts_made=2)


def test_a_full_scratch_fails_the_segment_and_a_retry_goes_well_when_there_is_room(rig: Rig) -> None:
    with rig.full_disk():
        rig.deliver(15)
        rig.sees(15, "fit of segment 00 failed: ", "no space left for the temporary files in ", "r retries")
        rig.pipeline.wait_for(15, RunState.FAILED)
    rig.console("retry", 15)
    rig.is_done(15, attempts_made=2)
