"""What may be asked of a run, and what is to be confirmed before. Pure."""

from __future__ import annotations

from collections.abc import Callable

from console.reading.snapshot import RunRow, Snapshot
from flowspec import permits, text
from flowspec.states import RunState
from screens.question import Question

NO_RUN = "no run is selected"
UNTIL_IT_STARTS = "u takes that back until it has started; then only c ends it."


# ---- why not


def may(verb: str) -> Callable[[RunRow | None], str | None]:
    """Why this may not be asked of the run, by the rule that the driver keeps too."""
    return lambda run: NO_RUN if run is None else permits.refusal(verb, run)


def hold_or_release(run: RunRow | None) -> str | None:
    return may("release" if run is not None and run.held_by else "hold")(run)


def detail(run: RunRow | None) -> str | None:
    return NO_RUN if run is None else None


def preview(run: RunRow | None) -> str | None:
    return detail(run) or (None if run and run.result else f"run {run and run.run} has no result to preview")


# ---- what is asked before


def before_launch(run: RunRow) -> Question:
    """Always: what has started can be cancelled, which takes its time, and not be taken back."""
    if not permits.forced(run):
        consequence = (
            f"It is complete: {text.counted(run.segments, 'segment')}, {text.size(run.bytes)}.",
            UNTIL_IT_STARTS,
        )
        return Question(f"Launch run {run.run}?", consequence, f"Yes, launch run {run.run}")
    forced = (
        f"Run {run.run} {run.why}.",
        f"The {run.segments} segments that are on disk are analyzed as they are.",
    )
    return Question(f"Launch run {run.run} all the same?", forced, f"Yes, launch run {run.run}")


def before_hold_or_release(run: RunRow) -> Question | None:
    """Only before a release: the run may start at once."""
    if not run.held_by:
        return None
    consequence = (f"It is held by {run.held_by}. Released, it is launched when its turn comes.", UNTIL_IT_STARTS)
    return Question(f"Release run {run.run}?", consequence, f"Yes, release run {run.run}")


def before_stream(run: RunRow) -> Question | None:
    """Only before it begins: flow runs may start at once."""
    if run.streams:
        return None
    consequence = (
        "What is closed of it is transferred, fitted and converted at once; analysis and return follow after its end.",
        "b stops that again; what has started goes on.",
    )
    return Question(f"Work on run {run.run} while it is recorded?", consequence, f"Yes, stream run {run.run}")


def before_auto(snapshot: Snapshot) -> Question:
    """Before auto-launch is switched on: what it launches at once."""
    ready = [run.run for run in snapshot.runs if run.state is RunState.READY]
    older = snapshot.unread.get(RunState.READY, 0)
    count = text.counted(len(ready) + older, "complete run")
    first = f"runs {min(ready)} to {max(ready)}" if len(ready) > 1 else f"run {ready[0]}" if ready else ""
    more = f"{older} older ones that are not read yet" if older else ""
    named = ", and ".join(filter(None, (first, more)))
    consequence = (
        *([f"Now: {named}."] if named else []),
        "Each further run is launched when it is complete.",
        "u takes back what has not started, and switches it off again.",
    )
    if named:
        return Question(f"Launch {count} now?", consequence, f"Yes, launch {count}")
    return Question("Switch auto-launch on? No run waits for it now", consequence, "Yes, switch it on")


def before_retry(run: RunRow) -> Question | None:
    """Only of an attempt that is under way; else the plan of the retry is shown and asked about."""
    if not run.suspected:
        return None
    again = (
        f"Now: {run.why}",
        "Its flow run and its work at the site are told to end, and watched until they have.",
        "Then a new attempt does what is missing; what is done stays.",
    )
    return Question(f"End run {run.run} and do it again?", again, f"Yes, do run {run.run} again")


def before_cancel(run: RunRow) -> Question:
    if run.state is RunState.QUEUED:
        consequence = ("It is taken from the queue and is not launched.", "r launches it again.")
        return Question(f"Cancel run {run.run} (queued)?", consequence, f"Yes, cancel run {run.run}")
    if run.again_at is not None:
        stopped = (f"Now: {run.why}", "Nothing is done again until somebody presses r.")
        return Question(f"Do not repeat run {run.run}?", stopped, "Yes, stop it")
    lasting = (
        f"Now: {run.why}",
        "Its flow run and its work at the site are told to end, and watched until they have.",
        "What is done stays; r continues with what is missing.",
    )
    return Question(f"Cancel run {run.run}?", lasting, f"Yes, cancel run {run.run}")
