"""What may be asked of a run, and what is to be confirmed before. Pure."""

from __future__ import annotations

from collections.abc import Callable

from console.reading.snapshot import RunRow
from flowspec import permits
from flowspec.states import RunState
from screens.question import Question

NO_RUN = "no run is selected"


# ---- why not


def may(verb: str) -> Callable[[RunRow | None], str | None]:
    """Why this may not be asked of the run, by the rule that the driver keeps too."""
    return lambda run: NO_RUN if run is None else permits.refusal(verb, run)


def hold_or_release(run: RunRow | None) -> str | None:
    return may("release" if run is not None and run.held_by else "hold")(run)


def detail(run: RunRow | None) -> str | None:
    return NO_RUN if run is None else None


# ---- what is asked before


def before_launch(run: RunRow) -> Question | None:
    if not permits.forced(run):
        return None
    forced = (
        f"It {run.why}",
        f"The {run.segments} segments that are on disk are analyzed as they are.",
    )
    return Question(f"Launch run {run.run} all the same?", forced, f"Yes, launch run {run.run}")


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
