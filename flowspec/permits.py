"""What may be asked of a run: one rule for the keys that say why not, and for the driver that refuses. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from flowspec.decisions import Acceptance, Waiver
from flowspec.stages import STAGES, Place, Stage
from flowspec.states import ENDED, LAUNCHABLE, ON_DISK, RECORDED, RunState

JOBS = (Stage.FIT, Stage.CONVERT, Stage.ANALYZE)  # the stages that leave a report at the site
FORCED = (RunState.INCOMPLETE, RunState.ABNORMAL)  # launched only when somebody says so


class Subject(Protocol):
    """What is known of the run: a row of the screen, or the run as the driver has read it."""

    @property
    def run(self) -> int: ...
    @property
    def state(self) -> RunState: ...
    @property
    def why(self) -> str: ...
    @property
    def because(self) -> str: ...
    @property
    def segment_count(self) -> int: ...
    @property
    def begun(self) -> bool:
        """Whether early attempts have worked on it."""
        ...

    @property
    def held_by(self) -> str | None: ...
    @property
    def again_at(self) -> float | None: ...
    @property
    def inactive(self) -> bool: ...
    @property
    def suspected(self) -> bool: ...


def _launch(run: Subject) -> str | None:
    if run.state in RECORDED:
        return f"{_is(run)} ({run.because}): it can be launched when it is complete"
    if run.state in (RunState.FAILED, RunState.CANCELLED):
        return f"run {run.run} was launched before and is {run.state.word}: r retries what is missing"
    if run.state is RunState.GONE:
        return f"{_is(run)}: {run.why}"
    if run.state not in LAUNCHABLE:
        return f"{_is(run)}: nothing to launch"
    if not run.segment_count:
        return f"run {run.run} has no segment to analyze"
    return None


def _retry(run: Subject) -> str | None:
    if run.state in ENDED or run.inactive or run.suspected:
        return None
    hint = "; l launches it" if run.state in LAUNCHABLE else ""
    return f"{_is(run)}: only a run that has ended is retried{hint}"


def _cancel(run: Subject) -> str | None:
    if run.again_at is not None:  # its automatic retry is what is cancelled
        return None
    if run.state is RunState.CANCELLING:
        return f"run {run.run} is being cancelled already: {run.why}"
    early = run.begun and run.state in ON_DISK
    if run.state not in (RunState.RUNNING, RunState.QUEUED) and not early:
        return f"{_is(run)}: there is nothing to cancel"
    return None


def _hold(run: Subject) -> str | None:
    if run.held_by is not None:
        return f"run {run.run} is held already, by {run.held_by}"
    return _queued(run)


def _release(run: Subject) -> str | None:
    return _queued(run) or (f"run {run.run} is not held" if run.held_by is None else None)


def _queued(run: Subject) -> str | None:
    return None if run.state is RunState.QUEUED else f"{_is(run)}: only a queued run can be held or released"


def _stream(run: Subject) -> str | None:
    return None if run.state in RECORDED else f"{_is(run)}: only a run that is still recorded can be streamed or not"


def _is(run: Subject) -> str:
    return f"run {run.run} is {run.state.word}"


_RULES: dict[str, Callable[[Subject], str | None]] = {
    "launch": _launch,
    "retry": _retry,
    "cancel": _cancel,
    "hold": _hold,
    "release": _release,
    "stream": _stream,
    "unstream": _stream,
}


def refusal(verb: str, run: Subject) -> str | None:
    """Why this cannot be asked of the run now, as a sentence that says what can; None when it can."""
    rule = _RULES.get(verb)
    return rule(run) if rule else None


def forced(run: Subject) -> bool:
    """Whether a launch has to be asked for although the run is not complete."""
    return run.state in FORCED


def waive(run: int, segment: object, members: Collection[int], waived: Mapping[int, Waiver], undo: bool) -> str | None:
    """Why a segment cannot be waived, or that be taken back; None when it can. `members` are the run's segments."""
    if not isinstance(segment, int) or segment not in members:
        return f"run {run} has no segment {segment}"
    if undo:
        return None if segment in waived else f"run {run}: segment {segment:02d} is not waived"
    if segment in waived:
        return f"run {run}: segment {waived[segment]} already"
    if len(waived.keys() & {*members}) + 1 == len(members):
        return f"run {run}: segment {segment:02d} is the last one; without it there is nothing to analyze"
    return None


def accept(
    run: int, segment: object, lossy: Collection[int], accepted: Mapping[int, Acceptance], undo: bool
) -> str | None:
    """Why a segment cannot be accepted as it is, or that be taken back; None when it can. `lossy`: they lost hits."""
    if isinstance(segment, int) and segment in accepted:
        return None if undo else f"run {run}: segment {accepted[segment]} already"
    if not isinstance(segment, int) or undo:
        return f"run {run}: segment {segment} is not accepted as it is"
    if segment not in lossy:
        return f"run {run}: segment {segment:02d} has not failed by losses, so there is nothing to accept"
    return None


def report(run: int, stage: object, segment: int | None, done: Collection[Place]) -> str | None:
    """Why there can be no report of a job; None when there can. `done`: the places that attempts were started for."""
    if stage not in [s.value for s in STAGES]:
        return f"run {run}: there is no stage {stage!r}"
    if stage not in [s.value for s in JOBS]:
        return f"{stage} is no job at the site and leaves no report; the flow log tells of it"
    if (Stage(stage), segment) not in done:
        of = stage if segment is None else f"{stage} of segment {segment}"
        return f"run {run}: no attempt has done {of} yet, so there is no report"
    return None
