"""Each rule fires once in its scenario, and none of them in a quiet day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.alerts import rules
from console.alerts.watch import AlertWatch
from console.ledger import alerts as rows
from console.ledger import sources
from flowspec.conditions import reason
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from flowspec.states import RunState
from tests.ledger_fixture import NOW, DemoLedger, stand

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
USUAL = 22 * MINUTE  # between two runs


class Night:
    """Runs that come as usual and go as usual, with a look of the driver every three minutes."""

    def __init__(self, path: Path) -> None:
        self.demo = DemoLedger(path)
        self.ledger = self.demo.ledger
        self.next_run, self.next_begin = 2000, self.demo.at
        self.comes = self.goes = self.answers = True
        self.fresh()
        self.looking().look()

    def fresh(self) -> None:
        self._watch = AlertWatch(self.ledger, "e21062", {}, 6, beam=True)

    def looking(self) -> AlertWatch:
        return self._watch

    def pass_by(self, seconds: float, every: float = 3 * MINUTE) -> None:
        end = self.demo.at + seconds
        while self.demo.at < end:
            self.demo.at += every
            if self.comes and self.demo.at >= self.next_begin + USUAL:
                self._a_run()
            if self.answers:
                for source in ("disk", "flows", "compute", "transfer"):
                    sources.answered(self.ledger, source)
            self._watch.look()

    def _a_run(self) -> None:
        """It has just ended; the one before it has its result."""
        self.next_begin += USUAL
        self.demo.found(self.next_run, Verdict.READY, "is complete", 3, ended=10)
        stand(self.ledger, self.next_run, RunState.RUNNING, started=self.next_begin - USUAL)
        if self.goes and self.next_run > 2000:
            stand(self.ledger, self.next_run - 1, RunState.DONE, finished_at=self.demo.at)
        self.next_run += 1

    def fired(self) -> list[str]:
        return [alert.code for alert in reversed(rows.newest(self.ledger, 100))]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    night = Night(tmp_path / "ledger.db")
    yield night
    night.ledger.close()


def test_a_quiet_day_calls_nobody(night: Night) -> None:
    night.pass_by(DAY)
    assert night.next_run > 2060
    assert night.fired() == []


def fails(night: Night) -> None:
    stand(night.ledger, 2000, RunState.FAILED, reason("failed.abort", words="aborted (rc 134)"))


def is_stuck(night: Night) -> None:
    why = reason("flow.inactive", words="Globus asks for a consent")
    stand(night.ledger, 2000, RunState.RUNNING, why)


def nobody_drives(night: Night) -> None:
    night.demo.at += HOUR
    for source in ("disk", "flows", "compute", "transfer"):
        sources.answered(night.ledger, source)
    night.fresh()


def a_source_is_in_trouble(night: Night) -> None:
    night.answers = False
    for source in ("disk", "flows", "compute"):
        sources.answered(night.ledger, source)
    sources.failed(night.ledger, "transfer", "no answer", chore="follow")

    def answer() -> None:
        for source in ("disk", "flows", "compute"):
            sources.answered(night.ledger, source)

    look = night.looking().look
    night.looking().look = lambda: (answer(), look())[1]  # type: ignore[method-assign]


def no_run_comes(night: Night) -> None:
    night.comes = False


def nothing_goes(night: Night) -> None:
    night.goes = False


def the_disk_fills(night: Night) -> None:
    night.ledger.put("disk_space", '{"free": 1000, "total": 100000, "rate": 0.0}')


def the_login_ends(night: Night) -> None:
    night.ledger.put("tokens_end", str(night.demo.at + HOUR))


def an_endpoint_is_down(night: Night) -> None:
    night.demo.endpoint("frib-fit-mpi", Stage.FIT, False, 0)


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        (fails, "alert.failed"),
        (is_stuck, "alert.stuck"),
        (nobody_drives, "alert.no-driver"),
        (a_source_is_in_trouble, "alert.source"),
        (no_run_comes, "alert.no-run"),
        (nothing_goes, "alert.backlog"),
        (the_disk_fills, "alert.disk"),
        (the_login_ends, "alert.login"),
        (an_endpoint_is_down, "alert.endpoint"),
    ],
)
def test_a_rule_fires_once_in_its_scenario(night: Night, scenario: Callable[[Night], None], code: str) -> None:
    night.pass_by(3 * HOUR)
    assert night.fired() == []
    scenario(night)
    night.pass_by(5 * HOUR)
    assert night.fired() == [code]
    assert rows.newest(night.ledger, 1)[0].words != code, "it has words"


def test_every_rule_has_a_scenario() -> None:
    assert len(rules.RULES) == 9


def test_without_beam_nobody_is_called_for_runs_that_do_not_come(tmp_path: Path) -> None:
    night = Night(tmp_path / "ledger.db")
    night._watch = AlertWatch(night.ledger, "e21062", {}, 6, beam=False)
    night.pass_by(3 * HOUR)
    night.comes = False
    night.pass_by(5 * HOUR)
    assert night.fired() == []


def test_a_long_run_is_no_missing_run(night: Night) -> None:
    night.pass_by(3 * HOUR)
    night.comes = False
    night.demo.found(2999, Verdict.TAKING, "segment 40 is growing", 40)
    night.pass_by(3 * HOUR)
    assert night.fired() == []


def test_what_is_retried_by_itself_calls_nobody(night: Night) -> None:
    night.pass_by(HOUR)
    stand(night.ledger, 2000, RunState.FAILED, reason("failed.worker", words="lost"), again_at=NOW + DAY)
    night.pass_by(HOUR)
    assert night.fired() == []
