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
    assert (seen, str(seen)) == (NewFailures(2, 3), "2 new failures")
    ctx.ledger.event("bad", "another", actor="driver")
    for operator in ("anna@daq1", "ben@daq2"):
        number = ctx.ledger.ask("acknowledge", None, actor=operator, upto=seen.newest)
        round.launch_what_is_due(ctx)
        assert ctx.ledger.request(number).state == "done"
    assert new_failures.read(ctx.ledger).count == 1
    told = [(row["actor"], row["text"]) for row in ctx.ledger.rows("SELECT actor, text FROM events ORDER BY event")]
    assert told[-2:] == [
        ("anna@daq1", "acknowledge: failures up to event 3 seen by anna@daq1"),
        ("ben@daq2", "acknowledge: failures up to event 3 had been seen already"),
    ]
