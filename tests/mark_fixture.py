"""Two consoles, each with a ledger of its own, and the directory for the results that they have in common."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from console.disk.mark import NAME, RECORD_BYTES, Mark
from console.driver.marking import Marking
from console.ledger.store import Ledger


class Console:
    """A ledger of one account, its driver's mark, and a clock of its own."""

    def __init__(self, results: Path, directory: Path) -> None:
        directory.mkdir()
        self.path, self.results, self.time = directory / "ledger.db", results, 100.0
        self.ledger = Ledger(self.path)
        self.restart()

    def restart(self) -> None:
        self.marking = Marking(self.results, self.path, lambda: self.time)

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.time += 2.0
            self.marking.look(self.ledger)

    @property
    def drives(self) -> bool:
        return self.marking.holds() is None

    @property
    def events(self) -> list[str]:
        return [row["text"] for row in self.ledger.rows("SELECT text FROM events ORDER BY event")]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    made = tmp_path / "results"
    made.mkdir()
    return made


@pytest.fixture
def two(results: Path, tmp_path: Path) -> Iterator[tuple[Console, Console]]:
    both = Console(results, tmp_path / "anna"), Console(results, tmp_path / "bert")
    yield both
    for console in both:
        console.ledger.close()


def put(results: Path, mark: Mark) -> None:
    (results / NAME).write_bytes(json.dumps(asdict(mark)).encode().ljust(RECORD_BYTES))


def of_another_machine(results: Path, **known: object) -> Mark:
    there = Mark("0" * 32, "daq2", "carl", 1003, 4711, "boot:1", "boot:2", "/home/carl/ledger.db", "boot:3:4", 1e9)
    there = replace(there, **known)
    put(results, there)
    return there
