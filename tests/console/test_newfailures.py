from console import actions, newfailures
from console.ledger import Ledger
from console.newfailures import NewFailures
from console.settings import Policy
from tests.fake_globus import Clock, Remote, operations


def test_what_one_operator_has_seen_is_new_to_nobody_and_later_failures_are(tmp_path):
    ops = operations(Ledger(tmp_path / "ledger.db", now=Clock()), Remote(), Policy())
    assert newfailures.read(ops.ledger) == NewFailures()
    for level in ("bad", "info", "bad"):
        ops.ledger.event(level, "something", actor="driver")
    seen = newfailures.read(ops.ledger)
    assert (seen, str(seen)) == (NewFailures(2, 3), "2 new failures")
    ops.ledger.event("bad", "another", actor="driver")
    for operator in ("anna@daq1", "ben@daq2"):
        number = ops.ledger.ask("acknowledge", None, actor=operator, upto=seen.newest)
        actions.launch_what_is_due(ops)
        assert ops.ledger.request(number).state == "done"
    assert newfailures.read(ops.ledger).count == 1
    told = [(row["actor"], row["text"]) for row in ops.ledger.rows("SELECT actor, text FROM events ORDER BY event")]
    assert told[-2:] == [
        ("anna@daq1", "acknowledge: failures up to event 3 seen by anna@daq1"),
        ("ben@daq2", "acknowledge: failures up to event 3 had been seen already"),
    ]
