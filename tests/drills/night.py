"""A night in which eight kinds of trouble come and nobody acts: is the line that says whether it moves right?

python -m tests.drills.night [--runs 60], at 80x24 behind a slow line

Again and again the line is compared with what the sandbox has done (tests/sandbox_records.py): which flow runs are
under way, which have ended and how. The console learns of that a little later, and writes down what it asks for before:
so what the line says must have been true at some moment between LAG seconds before and the next look. At the end
nothing changes any more, and it must be true as it stands; and one key lists all runs that need a person, no others.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.ledger import pause
from console.ledger.store import Ledger
from console.reading import night_words
from console.reading.night import Judgement, Night, State, Why, judge
from console.reading.snapshot import SnapshotReader
from flowspec.states import RunState
from tests.drills.desk import Desk, desk_in
from tests.sandbox_records import records
from tests.waiting import until

SLOTS = 3
LAG = 20.0  # s, on a machine on which ten other things run; a poll is 0.7 s
EVERY = 0.4  # s between two looks
FIRST = 101
# What goes wrong with which of so many runs: (place among them as a part of all, fault, its arguments).
STUCK: Sequence[tuple[float, str, dict[str, Any]]] = (
    (0.15, "missing-path", {"stage": "transfer"}),
    (0.40, "quota-full", {"stage": "transfer"}),
    (0.80, "consent-missing", {"stage": "fit"}),  # the third: from now on no slot is free
)
FAILS: Sequence[tuple[float, str, dict[str, Any]]] = (
    (0.05, "function-crash", {"stage": "fit"}),
    (0.25, "silent-success", {"stage": "convert", "who": "program"}),
    (0.35, "transfer-failed", {"stage": "transfer"}),
    (0.50, "function-not-allowed", {"stage": "fit"}),
    (0.65, "result-too-large", {"stage": "analyze"}),
)


@dataclass(frozen=True)
class Truth:
    """What the sandbox has done until `at`: by run, whether its flow run is under way, and how the others ended."""

    at: float
    under_way: frozenset[int]
    failed: frozenset[int]
    done: int
    last_done: float | None


@dataclass(frozen=True)
class Said:
    at: float
    night: Night
    judged: Judgement
    line: str
    shown: str  # the state on the screen


@dataclass
class Watch:
    """Looks at both, and remembers what does not agree."""

    desk: Desk
    stuck: frozenset[int]
    truths: list[Truth] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = SnapshotReader(Ledger(self.desk.world.settings.ledger, read_only=True))

    def look(self) -> Said:
        self.truths.append(self._truth())
        words = self.desk.window.text().splitlines()[1].split()
        seen = self.reader.snapshot()
        said = Said(
            seen.at, seen.night, judge(seen.night, seen.paused, seen.driver, seen.at),
            night_words.sentence(seen, seen.at), words[0] if words else "",
        )  # fmt: skip
        self.said.append(said)
        for before in self.said[-2:-1]:
            self.wrong += [f"{claim}, {before.line} | {self.truths[-1]}" for claim in self._untrue(before)]
        return said

    def _truth(self) -> Truth:
        flow_runs = records(self.desk.world.sandbox.directory).flow_runs
        of = {run["id"]: int(run["label"].split()[2]) for run in flow_runs}
        done = [run["ended"] for run in flow_runs if run["status"] == "SUCCEEDED"]
        return Truth(
            time.time(),
            frozenset(of[run["id"]] for run in flow_runs if run["status"] in ("ACTIVE", "INACTIVE")),
            frozenset(of[run["id"]] for run in flow_runs if run["status"] == "FAILED"),
            len(done),
            max(done, default=None),
        )

    def _untrue(self, said: Said) -> list[str]:
        """What of it was so at no moment of the last seconds."""
        night, lately = said.night, [t for t in self.truths if t.at >= said.at - LAG]
        claims: dict[str, Callable[[Truth], bool]] = {
            f"{night.stuck_in_flight} stuck": lambda t: night.stuck_in_flight <= len(t.under_way & self.stuck),
            f"last result {night.last_result}": lambda t: _near(night.last_result, t.last_done),
        }
        if said.judged.state is State.IDLE:
            claims["IDLE"] = lambda t: not t.under_way
        if said.judged.why is Why.STUCK:
            claims["all stuck"] = lambda t: t.under_way <= self.stuck
        if said.judged.why in (Why.SILENT, Why.WAITS, Why.DRIVER):
            claims[f"STANDS, {said.judged.why.value}"] = lambda t: False  # nothing of the kind happens in this night
        untrue = [claim for claim, holds in claims.items() if not any(holds(truth) for truth in lately)]
        # These go up and down by one, so between two looks they had all values between.
        for claim, count, counts in (
            ("in flight", night.in_flight, [len(truth.under_way) for truth in lately]),
            ("failed", night.failed, [len(truth.failed) for truth in lately]),
        ):
            if not min(counts) <= count <= max(counts):
                untrue.append(f"{count} {claim}")
        states = {s.judged.state.value for s in self.said if s.at >= said.at - LAG}
        if any(t.under_way and t.under_way <= self.stuck for t in lately):  # also between two looks of ours
            states.add(State.STANDS.value)
        return untrue if said.shown in states else [*untrue, f"the screen shows {said.shown!r}"]


def _near(said: float | None, truth: float | None) -> bool:
    """A result is seen on the disk up to some looks before, or after, Flows ends the flow run."""
    return said is truth or (said is not None and truth is not None and abs(said - truth) <= LAG)


@dataclass(frozen=True)
class Outcome:
    """Of a night: at how many moments it was looked at, how often each state was said, and what was not right."""

    looks: int
    states: dict[str, int]
    wrong: list[str]
    seconds: float


def spend(directory: Path, runs: int, *, far: bool = False) -> Outcome:
    """`far`: as `desk_in` has it. Raises AssertionError when it does not end as it has to."""
    began = time.monotonic()
    stuck = {FIRST + int(part * runs): (name, arguments) for part, name, arguments in STUCK}
    fails = {FIRST + int(part * runs): (name, arguments) for part, name, arguments in FAILS}
    assert len(stuck | fails) == len(STUCK) + len(FAILS), f"{runs} runs are too few for all troubles"
    with desk_in(directory, policy=f"max_in_flight = {SLOTS}\nauto_retries = 0", far=far) as desk:
        watch = Watch(desk, frozenset(stuck))
        assert watch.look().judged.state is State.IDLE
        for run, (name, arguments) in (stuck | fails).items():
            desk.fault(name, run=run, **arguments)
        for _ in range(runs):
            desk.deliver()
            watch.look()
        _pause(watch, at_least=2)
        until(lambda: _stands(watch), every=EVERY, told=lambda: str(watch.said[-1]))
        for _ in range(5):
            time.sleep(EVERY)  # moments of a night in which nothing happens
            watch.look()
        _judge_the_end(watch, stuck=frozenset(stuck), failed=frozenset(fails))
    states = [said.judged.state.value for said in watch.said]
    told = {state: states.count(state) for state in dict.fromkeys(states)}
    return Outcome(len(watch.said), told, watch.wrong, time.monotonic() - began)


def _pause(watch: Watch, at_least: int) -> None:
    """Somebody pauses, and resumes when what was in flight has come in: the stuck ones stay."""
    ledger = Ledger(watch.desk.world.settings.ledger)
    until(lambda: watch.look().night.last_result is not None, every=EVERY)
    ledger.ask(pause.VERB, None, actor="anna@daq1", reason="a test")
    until(lambda: watch.look().shown == "PAUSED", every=EVERY)
    until(lambda: ledger.get("pause"), every=EVERY)
    before = watch.truths[-1]
    until(lambda: watch.look() and watch.truths[-1].under_way <= watch.stuck, every=EVERY)
    ended = watch.truths[-1]
    launched = len(ended.under_way | ended.failed) + ended.done - len(before.under_way | before.failed) - before.done
    assert launched <= 0, "launched in a pause"
    ledger.ask("resume", None, actor="anna@daq1")
    until(lambda: watch.look().shown != "PAUSED", every=EVERY)
    ledger.close()


def _stands(watch: Watch) -> bool:
    said = watch.look()
    return said.judged.why is Why.STUCK and said.shown == "STANDS" and watch.truths[-1].under_way == watch.stuck


def _judge_the_end(watch: Watch, stuck: frozenset[int], failed: frozenset[int]) -> None:
    """Nothing happens any more, so what the line says must hold as it stands."""
    truth, said = watch.truths[-1], watch.said[-1]
    waiting = len(watch.desk.world.runs) - len(truth.under_way) - len(truth.failed) - truth.done
    night = said.night
    assert (truth.under_way, truth.failed) == (stuck, failed & frozenset(watch.desk.world.runs[: -waiting or None]))
    assert (night.in_flight, night.stuck_in_flight) == (SLOTS, SLOTS)
    assert (night.waiting, night.failed) == (waiting, len(truth.failed))
    assert waiting > 0
    assert f"{SLOTS} of {SLOTS} slots are held by stuck runs" in said.line, said.line
    on_screen = watch.desk.window.text().splitlines()[1]
    assert "STANDS" in on_screen, on_screen
    assert "p shows them" in on_screen, on_screen
    rows = {row.run for row in watch.reader.snapshot().runs if row.state is RunState.RUNNING and row.stuck}
    assert rows == stuck
    watch.desk.press("p")
    watch.desk.see("problems only")
    until(lambda: _listed(watch.desk) == stuck | failed, told=watch.desk.window.text)


def _listed(desk: Desk) -> set[int]:
    """The runs in the pane Runs."""
    runs = desk.window.text().partition("Runs")[2].partition("Segments")[0]
    return {int(run) for run in re.findall(r"^[> *]*(\d+) [A-Za-z]", runs, re.MULTILINE)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drills.night", description="A night of trouble.")
    parser.add_argument("--runs", type=int, default=60)
    with tempfile.TemporaryDirectory(prefix="night-") as directory:
        outcome = spend(Path(directory), parser.parse_args(arguments).runs, far=True)
    print(f"{outcome.looks} looks in {outcome.seconds:.0f} s: {outcome.states}; {len(outcome.wrong)} of them wrong")
    print(*outcome.wrong[:20], sep="\n")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
