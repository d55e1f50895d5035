"""A driver that comes back: how soon the ledger is right again, and what it costs."""

from __future__ import annotations

from tests.restart_fixture import FIRST_FINISHED, finish, forget, many_under_way, rest, restart

SOON = 10.0  # seconds, however busy the machine is; how long it takes says the benchmark `restart`


def test_after_a_restart_the_ledger_is_soon_right_whatever_has_ended_before(tmp_path):
    with many_under_way(tmp_path / "sandbox") as pipeline:
        finish(pipeline, range(FIRST_FINISHED, FIRST_FINISHED + 50))
        assert restart(pipeline).seconds < SOON, "of what happened while nobody drove"
        forget(pipeline)
        rest()
        with_50 = restart(pipeline)
        finish(pipeline, range(FIRST_FINISHED + 50, FIRST_FINISHED + 500))
        forget(pipeline)
        rest()
        with_500 = restart(pipeline)
        assert with_500.seconds < SOON
        assert with_500.requests < with_50.requests + 10  # one more look at the endpoints may fall into it
        forget(pipeline, everything=True)
        behind = restart(pipeline)
        assert behind.seconds < 2 * SOON, "forty task groups to ask for, and a limit of 16 requests in 10 s"
