"""Notes and claims as requests: what the driver writes, and where people read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.actions import requests
from console.context import Context
from console.ledger import remarks
from console.ledger.store import Ledger
from console.reading.report import report
from console.reading.report_page import page
from console.reading.snapshot import snapshot
from console.settings.model import Policy
from tests.fake_globus import Clock, Remote, judge, make_context

ANNA, BERT = "anna(shift)@daq1", "bert(shift)@daq2"


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    ctx = make_context(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy())
    judge(ctx, 7)
    return ctx


def asked(ctx: Context, verb: str, run: int = 7, *, actor: str = ANNA, **args: object) -> tuple[str, str]:
    number = ctx.ledger.ask(verb, run, actor=actor, **args)
    (request,) = ctx.ledger.asked()
    requests.answer(ctx, request)
    answered = ctx.ledger.request(number)
    assert answered is not None
    return answered.state, answered.answer


def test_a_note_stands_beside_the_run_and_in_the_report_without_secrets(ctx: Context) -> None:
    assert asked(ctx, "note", text="trap was open\x1b[31m; token=AgZx93kd8Q7wPq2LmN5vTt1YbC6hJ4")[0] == "done"
    assert asked(ctx, "note", actor=BERT, text="closed at 3")[0] == "done"
    first, second = remarks.of_run(ctx.ledger, 7).notes
    assert (first.text, first.actor) == ("trap was open; token=***", ANNA)
    assert snapshot(ctx.ledger).remarks[7].words == f"note of {BERT}: closed at 3 (2 notes)"
    (section,) = (s for s in page(report(ctx.ledger, "e", 0.0)).sections if s.heading == "Notes and claims")
    assert [line[20:] for line in section.lines] == [f"run 7 {ANNA}: {first.text}", f"run 7 {BERT}: {second.text}"]


@pytest.mark.parametrize("words", ["", "  ", "\x1b[31m", None])
def test_a_note_without_words_is_refused(ctx: Context, words: str | None) -> None:
    assert asked(ctx, "note", text=words) == ("refused", "a note without words")
    assert snapshot(ctx.ledger).remarks == {}


def test_a_claim_is_taken_given_to_another_and_given_up(ctx: Context) -> None:
    assert asked(ctx, "claim", undo=True) == ("refused", "run 7 is claimed by nobody")
    assert asked(ctx, "claim") == ("done", f"run 7 is claimed by {ANNA}")
    assert asked(ctx, "claim", actor=BERT) == ("done", f"run 7 is claimed by {BERT}, before by {ANNA}")
    assert snapshot(ctx.ledger).remarks[7].words == f"claimed by {BERT}"
    assert asked(ctx, "claim", actor=ANNA, undo=True) == ("done", f"run 7 is nobody's, it was claimed by {BERT}")
    assert snapshot(ctx.ledger).remarks == {}


@pytest.mark.parametrize("verb", ["note", "claim"])
def test_of_a_run_that_is_not_known_nothing_can_be_said(ctx: Context, verb: str) -> None:
    state, answer = asked(ctx, verb, 99, text="x")
    assert state == "refused"
    assert "run 99 is not known" in answer
