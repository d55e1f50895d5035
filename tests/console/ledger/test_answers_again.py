"""Only an answer heals a source, for whoever had asked in vain; a failure is one event, however it flickers."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.ledger import sources
from console.ledger.sources import LASTING_SECONDS, NOT_MET_SECONDS, TOLD_SECONDS
from console.ledger.store import Ledger
from tests.fake_globus import Clock

DAY = 86400.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    with closing(Ledger(tmp_path / "ledger.db", now=clock)) as ledger:
        ledger.row("PRAGMA synchronous=OFF")
        yield ledger


def does(ledger, chore, *heard, fails="", source="own"):
    """A chore has heard these services; in the end it failed at one, or not."""
    with suppress(ConnectionError), sources.chore(ledger, chore, source):
        for name in heard:
            sources.answered(ledger, name)
        if fails:
            raise ConnectionError
    if fails:
        sources.failed(ledger, fails, "503: busy", chore=chore)


def red(ledger):
    return [source.name for source in sources.read(ledger) if source.problem]


def told(ledger):
    return [row["text"] for row in ledger.rows("SELECT text FROM events ORDER BY event")]


def test_a_chore_that_had_nothing_to_ask_heals_nothing(ledger):
    does(ledger, "follow", fails="transfer")
    does(ledger, "follow", "flows")
    assert red(ledger) == ["transfer"]
    does(ledger, "follow", "flows", "transfer")
    assert red(ledger) == []
    assert told(ledger) == ["transfer: 503: busy", "transfer: answers again"]


def test_a_service_that_answers_some_calls_and_not_others_stays_red(ledger, clock):
    """Endpoints are told, the state of tasks is not: one event in a day, and no flicker."""
    for _ in range(int(DAY / 300)):
        does(ledger, "follow", "compute", "flows", fails="compute", source="flows")
        clock.time += 150
        does(ledger, "endpoints", "compute", source="compute")
        assert red(ledger) == ["compute"]
        clock.time += 149
    assert told(ledger) == ["compute: 503: busy"]
    does(ledger, "follow", "compute", source="flows")
    assert red(ledger) == []


def test_what_is_not_asked_again_is_over_when_the_source_answers_others_for_long(ledger, clock):
    does(ledger, "cancel", fails="transfer")
    does(ledger, "follow", "transfer")
    assert red(ledger) == ["transfer"]
    clock.time += NOT_MET_SECONDS
    assert red(ledger) == ["transfer"]
    does(ledger, "follow", "transfer")
    assert red(ledger) == []


@pytest.mark.parametrize("name", ["flows", "transfer", "compute", "auth", "own"])
def test_after_a_restart_a_trouble_stays_until_it_is_heard(tmp_path, clock, name):
    with closing(Ledger(tmp_path / "ledger.db", now=clock)) as ledger:
        does(ledger, "follow", fails=name)
    clock.time += DAY
    with closing(Ledger(tmp_path / "ledger.db", now=clock)) as ledger:
        does(ledger, "reports", "disk", source="reports")
        assert red(ledger) == [name]
        does(ledger, "follow", *[name] if name in sources.SERVICES else [])
        assert red(ledger) == []


def test_one_chore_does_not_heal_what_another_met_at_the_same_source(ledger):
    does(ledger, "space", fails="results", source="results")
    does(ledger, "results", fails="results", source="results")
    does(ledger, "space", source="results")
    assert red(ledger) == ["results"]
    does(ledger, "results", source="results")
    assert red(ledger) == []
    assert told(ledger) == ["results: 503: busy", "results: answers again"]


@pytest.mark.parametrize("period", [61, 600, 1100, 3700])
def test_what_comes_and_goes_is_told_now_and_then(ledger, clock, period):
    for _ in range(int(DAY / period)):
        does(ledger, "follow", fails="flows", source="flows")
        clock.time += period / 2
        does(ledger, "follow", "flows", source="flows")
        clock.time += period / 2
    assert 2 <= len(told(ledger)) < 50
    assert told(ledger)[-1] == "flows: answers again"


def test_what_lasts_is_told_though_something_was_told_before(ledger, clock):
    does(ledger, "follow", fails="flows", source="flows")
    does(ledger, "follow", "flows", source="flows")
    clock.time += 60
    for _ in range(30):
        does(ledger, "follow", fails="flows", source="flows")
        clock.time += LASTING_SECONDS / 20
    assert told(ledger) == ["flows: 503: busy", "flows: answers again", "flows: 503: busy"]


def test_a_login_that_is_needed_is_told_as_such_until_it_was_given(ledger):
    sources.failed(ledger, "flows", "401: expired", chore="follow", login=True)
    sources.failed(ledger, "flows", "503: busy", chore="launch")
    assert sources.read(ledger)[0].login
    does(ledger, "follow", "flows")
    assert not sources.read(ledger)[0].login
    assert red(ledger) == ["flows"]


@pytest.mark.parametrize("jump", [-7200.0, 7200.0, -30 * DAY])
def test_a_clock_that_is_set_keeps_no_source_from_being_written(ledger, clock, jump):
    sources.answered(ledger, "flows")
    clock.time += jump
    assert sources.read(ledger)[0].stale(clock.time), "nobody knows how old the answer is"
    sources.answered(ledger, "flows")
    assert sources.answered_at(ledger, "flows") == clock.time
    assert not sources.read(ledger)[0].stale(clock.time)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sets(st.sampled_from(sources.SERVICES)),
            st.sampled_from(["", *sources.SERVICES]),
        ),
        max_size=30,
    )
)
def test_a_source_is_red_exactly_while_a_chore_waits_for_its_answer(happens):
    waiting = set()
    with TemporaryDirectory() as directory, closing(Ledger(Path(directory, "ledger.db"), now=Clock())) as ledger:
        for chore, heard, fails in happens:
            does(ledger, chore, *heard, fails=fails)
            if fails:
                waiting.add((fails, chore))
            else:
                waiting -= {(name, chore) for name in heard}
            assert red(ledger) == sorted({name for name, _ in waiting})


def test_troubles_of_an_older_ledger_are_kept_and_healed_by_whoever_hears(tmp_path, clock):
    old = Path(__file__).parents[2] / "data" / "ledger-0.1.0.sql"
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(old.read_text())
        db.execute("UPDATE sources SET problem = 'no answer' WHERE name IN ('transfer', 'disk')")
        db.commit()
    with closing(Ledger(path)) as ledger:
        assert red(ledger) == ["disk", "transfer"]
        sources.answered(ledger, "disk")
        does(ledger, "follow", "transfer")
        assert red(ledger) == []


def test_the_hour_in_which_nothing_is_told_again_does_not_outlast_a_clock_set_back(ledger, clock):
    does(ledger, "follow", fails="flows", source="flows")
    does(ledger, "follow", "flows", source="flows")
    clock.time -= 2 * TOLD_SECONDS
    does(ledger, "follow", fails="flows", source="flows")
    assert told(ledger)[-1] == "flows: 503: busy"
