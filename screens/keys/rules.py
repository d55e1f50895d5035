"""What may be asked of a run, and what is to be confirmed before. Pure."""

from __future__ import annotations

from console.reading.snapshot import RunRow
from flowspec.states import ENDED, RunState
from screens.question import Question

NO_RUN = "no run is selected"
FORCED = (RunState.INCOMPLETE, RunState.ABNORMAL)  # launched all the same, when the operator insists

# ---- why not


def launch(run: RunRow | None) -> str | None:
    if run is None:
        return NO_RUN
    if run.state in (RunState.TAKING, RunState.ARRIVING):
        return f"run {run.run} is {run.state.value} ({run.because}): it can be launched when it is complete"
    if run.state in (RunState.FAILED, RunState.CANCELLED):
        return f"run {run.run} is {run.state.value}: r retries what is missing"
    if run.state not in (RunState.READY, *FORCED):
        return f"run {run.run} is {run.state.value}: nothing to launch"
    if not run.segments:
        return f"run {run.run} has no segment to analyze"
    return None


def retry(run: RunRow | None) -> str | None:
    if run is None:
        return NO_RUN
    if run.state in ENDED or run.inactive or run.suspected:
        return None
    hint = "; l launches it" if run.state in (RunState.READY, *FORCED) else ""
    return f"run {run.run} is {run.state.value}: nothing to retry{hint}"


def cancel(run: RunRow | None) -> str | None:
    if run is None:
        return NO_RUN
    if run.state is RunState.CANCELLING and run.again_at is None:
        return f"run {run.run} is being cancelled already"
    if run.state not in (RunState.RUNNING, RunState.QUEUED) and run.again_at is None:
        return f"run {run.run} is {run.state.value}: nothing to cancel"
    return None


def hold(run: RunRow | None) -> str | None:
    if run is None:
        return NO_RUN
    if run.state is not RunState.QUEUED:
        return f"run {run.run} is {run.state.value}: only a queued run can be held"
    return None


def detail(run: RunRow | None) -> str | None:
    return NO_RUN if run is None else None


# ---- what is asked before


def before_launch(run: RunRow) -> Question | None:
    if run.state not in FORCED:
        return None
    forced = (
        f"It is {run.state.value}: {run.because}",
        f"The {run.segments} segments that are on disk are analyzed as they are.",
    )
    return Question(f"Launch run {run.run} all the same?", forced, f"Yes, launch run {run.run}")


def before_retry(run: RunRow) -> Question | None:
    """Only of an attempt that is under way; else the plan of the retry is shown and asked about."""
    if not run.suspected:
        return None
    again = (
        f"Now: {run.because}",
        "Its flow run and its work at the site are told to end, and watched until they have.",
        "Then a new attempt does what is missing; what is done stays.",
    )
    return Question(f"End run {run.run} and do it again?", again, f"Yes, do run {run.run} again")


def before_cancel(run: RunRow) -> Question:
    if run.state is RunState.QUEUED:
        consequence = ("It is taken from the queue and is not launched.", "r launches it again.")
        return Question(f"Cancel run {run.run} (queued)?", consequence, f"Yes, cancel run {run.run}")
    if run.again_at is not None:
        stopped = (f"Now: {run.because}", "Nothing is done again until somebody presses r.")
        return Question(f"Do not repeat run {run.run}?", stopped, "Yes, stop it")
    lasting = (
        f"Now: {run.because}",
        "Its flow run and its work at the site are told to end, and watched until they have.",
        "What is done stays; r continues with what is missing.",
    )
    return Question(f"Cancel run {run.run}?", lasting, f"Yes, cancel run {run.run}")
