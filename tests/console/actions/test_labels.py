"""What flow runs and transfer tasks are called: Globus takes it, and the console knows it again."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from console.actions import reconcile
from console.actions.launch import write_intent
from console.driver import round as driver_round
from console.ledger import attempts, dossier
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.names import LARGEST_NUMBER
from flowspec.plan import plan_all
from flowspec.states import RunState
from remote.sandbox.transfer.document import LABEL
from tests.fake_globus import Clock, Remote, judge, make_context
from tests.ledger_fixture import stand

LONGEST_EXPERIMENT = "e" * 64  # of console/settings/model.py


@pytest.mark.parametrize("experiment", ["e21062", "E-1.2_3", LONGEST_EXPERIMENT])
@pytest.mark.parametrize("run", [1, 1217, 999_999_999, LARGEST_NUMBER])
def test_labels_and_tags_are_such_as_globus_takes_and_are_known_again(
    tmp_path: Path, run: int, experiment: str
) -> None:
    clock, remote = Clock(), Remote()
    ctx = replace(make_context(Ledger(tmp_path / "a.db", now=clock), remote, Policy()), experiment=experiment)
    judge(ctx, run)
    stand(ctx.ledger, run, RunState.QUEUED)
    write_intent(ctx, dossier.read(ctx.ledger, run), plan_all(run, (0, 1)), "me@here")
    driver_round.launch_what_is_due(ctx)
    (flow_run,) = remote.flows.there
    body = remote.flows.bodies[flow_run.id]
    for label in (flow_run.label, body["label"]):
        assert re.fullmatch(r"[A-Za-z0-9 ._-]{1,128}", label)
        assert LABEL.fullmatch(label)
    for tag in flow_run.tags:
        assert re.fullmatch(r"[A-Za-z0-9-]{1,64}", tag)

    lost = replace(ctx, ledger=Ledger(tmp_path / "b.db", now=clock))
    reconcile.settle(lost)
    found = attempts.newest_attempt(lost.ledger, run)
    assert found is not None
    assert (found.flow_run, found.tag, found.label) == (flow_run.id, flow_run.tags[0], flow_run.label)
