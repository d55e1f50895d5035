"""What a key says it cannot do is what the driver would answer, word by word, in every state of a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.actions import requests
from console.ledger.store import Ledger
from console.reading.snapshot import snapshot
from console.settings.model import Policy
from flowspec.conditions import Reason, reason
from flowspec.standing import INACTIVE, SUSPECT
from flowspec.states import RunState
from screens.keys.action import Action, why_not
from screens.keys.actions import CANCEL, HOLD, LAUNCH, RETRY, STREAM
from tests.fake_globus import Clock, Remote, judge, make_context
from tests.ledger_fixture import stand

WHYS = [
    reason("words", words="for a reason"),
    reason(INACTIVE, words="a consent"),
    reason(SUSPECT, words="it may hang"),
]


@pytest.mark.parametrize("why", WHYS, ids=lambda why: why.code)
@pytest.mark.parametrize("state", RunState)
@pytest.mark.parametrize("action", [LAUNCH, RETRY, CANCEL, HOLD, STREAM], ids=lambda action: action.name)
@pytest.mark.parametrize("held", [None, "anna"])
def test_the_key_and_the_driver_say_the_same(
    action: Action, state: RunState, why: Reason, held: str | None, tmp_path
) -> None:
    ctx = replace(make_context(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy()), results=tmp_path)
    judge(ctx, 7)
    stand(ctx.ledger, 7, state, why, held_by=held if state is RunState.QUEUED else None)
    row = snapshot(ctx.ledger).run(7)
    said = why_not(action, row, read_only=False)
    verb = "release" if action is HOLD and row is not None and row.held_by else action.name
    request = ctx.ledger.ask(verb, 7, actor="anna", force=True, dry=action is RETRY)
    requests.answer(ctx, next(asked for asked in ctx.ledger.asked() if asked.id == request))
    answered = ctx.ledger.request(request)
    assert answered is not None
    if said is not None:
        assert (answered.state, answered.answer) == ("refused", said)
    else:
        assert answered.state == "done" or "is under way" in answered.answer or "nothing" in answered.answer
