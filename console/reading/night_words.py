"""The line that says whether the night moves, in words. Pure.

Ages are whole minutes: what changes every second would cost a slow line more than it is worth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from console.ledger.pause import Pause
from console.reading import keeping_up
from console.reading.night import RATE_SECONDS, SLOW_AFTER, Judgement, Night, State, Why, grows, judge, worked_off
from console.reading.snapshot import Snapshot
from flowspec import text

MINUTE = 60.0
ROUND = 300.0  # seconds: a time that is an estimate is told in these steps
STYLES = {State.MOVING: "good", State.SLOW: "warn", State.STANDS: "alarm", State.PAUSED: "warn", State.IDLE: "title"}
KEY = 1000  # what is never given up


@dataclass(frozen=True)
class Part:
    """Ways to say it, from the longest to the shortest, each with what it is worth: the least is given up first.

    `style` is one of screens.widgets.piece.STYLES.
    """

    variants: tuple[tuple[int, str], ...]
    style: str = "plain"


def line(snapshot: Snapshot, now: float) -> list[Part]:
    """The parts from left to right; none while it is not known."""
    night = snapshot.night
    judged = judge(night, snapshot.paused, snapshot.driver, now)
    if judged.state is State.UNKNOWN:
        return []
    head = _part(judged.state.value.ljust(6), KEY + 1, STYLES[judged.state])
    if judged.state is State.STANDS:
        return [head, *_stands(snapshot, judged, now)]
    if judged.state is State.PAUSED and snapshot.paused is not None:
        return [head, *_paused(snapshot.paused, night, now)]
    if judged.state is State.IDLE:
        return [head, *_idle(snapshot, now)]
    return [head, *_moves(night, now)]


def sentence(snapshot: Snapshot, now: float) -> str:
    """All of it, for who has the room."""
    return "  ".join(part.variants[0][1].strip() for part in line(snapshot, now))


def _part(words: str, worth: int, style: str = "plain") -> Part:
    return Part(((worth, words),), style)


def _moves(night: Night, now: float) -> Iterator[Part]:
    yield _result(night, now)
    yield _part(f"{night.in_flight} in flight", 55)
    yield from _waiting(night, 60)
    yield from _trouble(night)
    yield from _recorded(night, now)
    until = worked_off(night, now)
    if until is not None:
        yield _part(f"backlog until {text.clock(-(-until // ROUND) * ROUND)}", 50)
    elif grows(night):
        yield Part(((45, f"backlog grows: {_rates(night)}"), (50, "backlog grows")), "warn")
    yield from _new_run(night, now)
    yield from _after_end(night)


def _stands(snapshot: Snapshot, judged: Judgement, now: float) -> Iterator[Part]:
    night = snapshot.night
    if judged.why is Why.DRIVER:
        problem = snapshot.driver.problem if snapshot.driver is not None else ""
        hung = f"the driver gives no sign of life ({text.span(snapshot.driver.beat_age)})" if snapshot.driver else ""
        nobody = "no driver runs: console driver start"
        yield _part(text.clean(problem, 60) or hung or nobody, KEY, "bad")
    elif judged.why is Why.STUCK:
        yield Part(((90, f"nothing moves: {_all_stuck(night)}"), (KEY, _all_stuck(night))), "bad")
        yield _part("p shows them", KEY, "title")
    elif judged.why is Why.WAITS:
        yield Part(((90, f"nothing moves: {_cut(night.waits_for, 50)}"), (95, _cut(night.waits_for, 30))), "bad")
        yield _part("p shows them", KEY, "title")
    else:
        silent = f"nothing has happened for {_age(now - (night.moved or now))}"
        yield Part(((90, f"{silent} to {_runs(night.in_flight)} in flight"), (KEY, silent)), "bad")
        yield _part("enter on a run says more", KEY, "title")
    yield from _waiting(night, 60)
    yield _result(night, now)
    if judged.why in (Why.DRIVER, Why.SILENT):
        yield from _trouble(night, 85)
    elif night.failed:
        yield _part(f"{night.failed} failed", 70, "bad")


def _all_stuck(night: Night) -> str:
    if night.slots is not None and night.waiting:
        return f"{night.in_flight} of {night.slots} slots are held by stuck runs"
    return f"{_runs(night.in_flight)} in flight, all stuck" if night.in_flight > 1 else "the run in flight is stuck"


def _paused(paused: Pause, night: Night, now: float) -> Iterator[Part]:
    by, why = f"by {text.clean(paused.by, 16)} {_age(now - paused.since)}", text.clean(paused.why)
    yield Part(((40, f"{by}: {why}"), (75, f"{by}: {_cut(why, 24)}"), (90, by)), "warn")
    yield from _waiting(night, 80)
    if night.in_flight:
        yield _part(f"{night.in_flight} in flight", 70)
    yield _part("H resumes", KEY, "title")
    yield from _trouble(night, 85)


def _idle(snapshot: Snapshot, now: float) -> Iterator[Part]:
    night = snapshot.night
    yield _part("no run waits", 60)
    if night.held:
        yield _part(f"{night.held} held", 85, "warn")
    if night.ready:
        off = "" if snapshot.auto else ", auto-launch is off"
        yield Part(((75, f"{night.ready} ready{off}"), (80, f"{night.ready} ready")), "title")
    yield from _trouble(night)
    yield from _recorded(night, now)
    yield from _new_run(night, now, idle=True)
    yield _result(night, now)
    yield from _after_end(night)


def _result(night: Night, now: float) -> Part:
    if night.last_result is None:
        return _part("no result yet", 65)
    age, usual = _age(now - night.last_result), _usual(night.usual_result)
    return Part(
        (
            (35, f"last result {age} ago{usual}"),
            (40, f"result {age} ago{usual}"),
            (65, f"result {age}{usual}"),
            (70, f"result {age}"),
        )
    )


def _recorded(night: Night, now: float) -> Iterator[Part]:
    """Data in against work done of the run that is recorded."""
    found = night.recorded
    if found is None:
        return
    words = f"{found.run}: {keeping_up.verdict(found, now)}"
    count = f", {found.converted} of {found.closed} converted" if found.behind(now) is not None else ""
    late = keeping_up.falls_behind(found, now)
    yield Part(((58 if late else 32, f"{words}{count}"), (62 if late else 47, words)), "warn" if late else "plain")


def _after_end(night: Night) -> Iterator[Part]:
    """What streaming gains; the report has both as well."""
    streamed, plain = night.after_end_streamed, night.after_end
    if streamed is None:
        return
    otherwise = f", {text.span(plain)} not streamed" if plain is not None else ""
    yield _part(f"END_RUN to result {text.span(streamed)} streamed{otherwise}", 20)


def _waiting(night: Night, worth: int) -> Iterator[Part]:
    if night.waiting:
        yield _part(f"{night.waiting} waiting", worth)
    if night.held:
        yield _part(f"{night.held} held", worth - 10)


def _trouble(night: Night, worth: int = KEY) -> Iterator[Part]:
    """What `p` shows."""
    told = [(night.stuck, "stuck"), (night.failed, "failed")]
    words = ", ".join(f"{count} {word}" for count, word in told if count)
    if words:
        yield _part(f"{words} (p)", worth, "bad")


def _new_run(night: Night, now: float, *, idle: bool = False) -> Iterator[Part]:
    if night.last_run is None:
        return
    age, usual = now - night.last_run, _usual(night.usual_run)
    if night.usual_run is not None and age > max(MINUTE, SLOW_AFTER * night.usual_run):
        words, worth = f"no new run for {_age(age)}", 52 if idle else 48
        yield Part(((worth - 20, f"{words}{usual}"), (worth, words)), "warn" if idle else "plain")
    else:
        yield Part(((28, f"last run {_age(age)} ago{usual}"), (30, f"run {_age(age)} ago")))


def _rates(night: Night) -> str:
    return f"{night.runs_in} in, {night.results_out} out in {text.span(RATE_SECONDS)}"


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"


def _age(seconds: float) -> str:
    if seconds < MINUTE:
        return "<1 min"
    return f"{seconds // MINUTE:.0f} min" if seconds < 100 * MINUTE else text.span(seconds)


def _usual(seconds: float | None) -> str:
    """Without a unit it is minutes, as the age before it."""
    if seconds is None or seconds < 1:
        return ""
    return f" (usual {seconds // MINUTE:.0f})" if MINUTE <= seconds < 100 * MINUTE else f" (usual {text.span(seconds)})"


def _cut(words: str, width: int) -> str:
    return text.clean(words, width)
