"""Work that is cancelled, lost or refused on the real rig: the unmodified endpoints, Parsl and a real Slurm.

In this order a block that is there already serves the next story.
"""

from __future__ import annotations

from console.ledger import cancel_lines
from console.ledger.attempts import newest_attempt
from flowspec.states import RunState
from tests.rig_fixture import Rig, rig, slurm

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
