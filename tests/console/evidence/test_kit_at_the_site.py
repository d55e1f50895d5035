"""Whether the kit at the site is this console's: when a canary is sent, what its answer means, what is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from console.context import Context
from console.evidence.site import AGAIN_SECONDS, MENDED_SECONDS, look_at_kit
from console.ledger import site
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.stages import Stage
from remote.globus.compute import TaskStatus
from remote.globus.errors import RemoteError
from remote.site import shipped
from tests import fake_globus
from tests.fake_globus import Clock
from tests.ledger_fixture import DemoLedger

DAMAGED = {"rc": 1, "code": "failed.function", "cause": "digests.py ended with return code 2"}
ANOTHER = {"rc": 1, "code": "failed.unknown", "cause": "registered for another kit"}


@dataclass
class Compute:
    """Takes canaries; how each ended stands in `answers`, by its task."""

    sent: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, TaskStatus] = field(default_factory=dict)
    asked: int = 0
    refuses: bool = False

    def submit(self, endpoint: str, function: str, calls: list[dict[str, Any]]) -> list[str]:
        if self.refuses:
            raise RemoteError("later", "compute", "submit", "429", "wait")
        (arguments,) = calls
        self.sent.append((endpoint, function, arguments))
        return [f"task-{len(self.sent)}"]

    def batch_status(self, tasks: list[str]) -> dict[str, TaskStatus]:
        self.asked += 1
        return {task: self.answers.get(task, TaskStatus(task, "pending")) for task in tasks}


class Bench:
    def __init__(self, path: Path) -> None:
        self.demo = DemoLedger(path)
        self.ledger: Ledger = self.demo.ledger
        self.clock = Clock()
        self.ledger.now = self.clock  # type: ignore[method-assign]
        self.compute = Compute()
        globus = fake_globus.Remote()
        globus.compute = self.compute
        ctx = fake_globus.make_context(self.ledger, globus, Policy())
        self.ctx: Context = replace(ctx, canary="the-canary")
        self.endpoint(online=True)

    def endpoint(self, *, online: bool) -> None:
        with self.ledger.change() as db:
            db.execute(
                "INSERT OR REPLACE INTO endpoints (endpoint, name, stage, online, since) VALUES (?,?,?,?,?)",
                (fake_globus.ID, "frib-fit-mpi", Stage.FIT.value, online, 0),
            )

    def answer(self, value: Any, status: str = "success") -> None:
        """What the newest canary says; it is heard at the next look."""
        task = f"task-{len(self.compute.sent)}"
        self.compute.answers[task] = TaskStatus(task, status, value=value)  # type: ignore[arg-type]
        look_at_kit(self.ctx)

    def later(self, seconds: float) -> None:
        self.clock.time += seconds
        look_at_kit(self.ctx)

    def said(self) -> list[tuple[str, str]]:
        return [
            (row["level"], row["text"]) for row in self.ledger.rows("SELECT level, text FROM events ORDER BY event")
        ]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "ledger")
    look_at_kit(made.ctx)
    yield made
    made.ledger.close()


def test_a_canary_goes_to_the_endpoint_of_fit_once(bench: Bench) -> None:
    bench.later(10)
    bench.later(10)
    assert bench.compute.sent == [(fake_globus.ID, "the-canary", {"kit": "/kit"})]
    assert bench.compute.asked == 2


def test_the_kit_that_is_ours_is_asked_about_once_a_day(bench: Bench) -> None:
    bench.answer({"rc": 0, "digest": shipped.digest()})
    assert (site.outdated(bench.ledger).code, bench.said()) == ("", [])
    bench.later(AGAIN_SECONDS - 1)
    assert len(bench.compute.sent) == 1
    bench.later(1)
    assert len(bench.compute.sent) == 2


def test_another_kit_is_told_once_and_asked_about_each_hour(bench: Bench) -> None:
    for _ in range(3):
        bench.answer({"rc": 0, "digest": "0123456789abcdef"})
        bench.later(MENDED_SECONDS - 1)
        bench.later(1)
    assert len(bench.compute.sent) == 4
    assert site.outdated(bench.ledger).code == "site.kit-outdated"
    ((level, text),) = bench.said()
    assert level == "warning"
    assert text.startswith("the kit at the site is of another version than this console: copy it")
    bench.answer({"rc": 0, "digest": shipped.digest()})
    assert site.outdated(bench.ledger).code == ""
    assert bench.said()[1][0] == "good"


def test_a_kit_that_cannot_tell_its_digest_is_another_one(bench: Bench) -> None:
    bench.answer(DAMAGED)
    assert site.outdated(bench.ledger).code == "site.kit-outdated"


@pytest.mark.parametrize(
    ("value", "status"),
    [(ANOTHER, "success"), (None, "success"), ([], "success"), ({"rc": 0, "digest": 7}, "success"), (None, "failed")],
)
def test_a_canary_without_a_digest_says_nothing_of_the_kit(bench: Bench, value: Any, status: str) -> None:
    bench.answer(value, status)
    assert site.kit(bench.ledger) is None
    bench.later(MENDED_SECONDS - 1)
    assert len(bench.compute.sent) == 1
    bench.later(1)
    assert len(bench.compute.sent) == 2


def test_a_canary_that_never_answers_is_given_up_after_a_day(bench: Bench) -> None:
    bench.later(AGAIN_SECONDS - 1)
    assert len(bench.compute.sent) == 1
    bench.later(1)
    assert len(bench.compute.sent) == 2


def test_nothing_is_sent_to_an_endpoint_that_is_offline_or_not_heard_of(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "ledger")
    bench.endpoint(online=False)
    look_at_kit(bench.ctx)
    with bench.ledger.change() as db:
        db.execute("DELETE FROM endpoints")
    look_at_kit(bench.ctx)
    assert bench.compute.sent == []


def test_without_a_registered_canary_none_is_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "ledger")
    look_at_kit(replace(bench.ctx, canary=None))
    assert bench.compute.sent == []


def test_a_canary_that_could_not_be_sent_is_sent_at_the_next_look(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "ledger")
    bench.compute.refuses = True
    with pytest.raises(RemoteError):
        look_at_kit(bench.ctx)
    bench.compute.refuses = False
    look_at_kit(bench.ctx)
    assert len(bench.compute.sent) == 1


def test_what_a_status_has_found_counts_without_a_canary(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "ledger")
    site.record_kit(bench.ledger, "0123", {**shipped.files(), "job.py": "other", "old.py": "1"})
    look_at_kit(bench.ctx)
    assert bench.compute.sent == []
    assert site.outdated(bench.ledger).parameters == {"files": ["job.py", "old.py"]}


def test_files_that_are_known_stay_known_while_the_kit_is_the_same(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "ledger")
    site.record_kit(bench.ledger, "0123", {"job.py": "other"})
    site.record_kit(bench.ledger, "0123", {})
    assert site.kit(bench.ledger).files == {"job.py": "other"}
    site.record_kit(bench.ledger, "4567", {})
    assert site.kit(bench.ledger).files == {}


def test_a_newer_console_knows_at_its_start_that_the_kit_is_old(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.answer({"rc": 0, "digest": shipped.digest()})
    monkeypatch.setattr(shipped, "digest", lambda: "fedcba9876543210")
    look_at_kit(bench.ctx)
    assert site.outdated(bench.ledger).code == "site.kit-outdated"
