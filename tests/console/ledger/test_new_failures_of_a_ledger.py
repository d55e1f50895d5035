from console.driver import round
from console.ledger import new_failures
from console.ledger.new_failures import NewFailures
from console.ledger.store import Ledger
from console.settings.model import Policy
from tests.fake_globus import Clock, Remote, make_context


def test_what_one_operator_has_seen_is_new_to_nobody_and_later_failures_are(tmp_path):
    ctx = make_context(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy())
    assert new_failures.read(ctx.ledger) == NewFailures()
    for level in ("bad", "info", "bad"):
        ctx.ledger.event(level, "something", actor="driver")
    seen = new_failures.read(ctx.ledger)
    assert (seen, str(seen)) == (NewFailures(troubles=2, newest=3, rings=3), "2 troubles")
    ctx.ledger.event("bad", "another", actor="driver")
    for operator in ("anna@daq1", "ben@daq2"):
        number = ctx.ledger.ask("acknowledge", None, actor=operator, upto=seen.newest)
        round.launch_what_is_due(ctx)
        assert ctx.ledger.request(number).state == "done"
    assert new_failures.read(ctx.ledger) == NewFailures(troubles=1, newest=4, rings=4)
    told = [(row["actor"], row["text"]) for row in ctx.ledger.rows("SELECT actor, text FROM events ORDER BY event")]
    assert told[-2:] == [
        ("anna@daq1", "acknowledge: 2 troubles: seen by anna@daq1"),
        ("ben@daq2", "acknowledge: what was new had been seen already"),
    ]


def test_runs_are_counted_not_their_events(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db", now=Clock())
    for run in (7, 7, 8):
        ledger.event("bad", "it failed", actor="driver", run=run)
        ledger.event("warning", "it is stuck", actor="driver", run=run, alert="flow.waits")
    ledger.event("warning", "it lacks a segment", actor="driver", run=9, alert="run.incomplete.missing")
    ledger.event("warning", "it changed", actor="driver", run=9)
    ledger.event("bad", "the disk is full", actor="driver")
    seen = new_failures.read(ledger)
    assert (seen, str(seen)) == (NewFailures(2, 2, 1, 1, 9, 9), "2 failed, 2 stuck, 1 incomplete, 1 trouble")
    plan = ledger.rows(f"EXPLAIN QUERY PLAN {new_failures._NEW}", 0, 9)
    assert any("events_that_call" in row["detail"] for row in plan), "it is asked four times a second"
