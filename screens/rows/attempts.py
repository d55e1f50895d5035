"""What the detail of a run shows of its attempts, as rows: timeline, flow log, input document.

Nothing is cleaned here: whoever draws does that.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from console.ledger.attempts import Attempt
from console.ledger.hints import Hint
from console.reading.detail import RunDetail
from console.reading.timing import Timing
from flowspec import flowlog, text
from flowspec.causes import in_words
from flowspec.numbers import ranges
from flowspec.progress import Says
from flowspec.stages import Place, Stage
from flowspec.states import AttemptState
from flowspec.timeline import StageTime
from screens.rows import styles
from screens.rows.row import Row, columns
from screens.rows.sections import precisely

TIMELINE = columns(
    ("ATT", 3, True), ("STAGE", 9), ("BEGAN", 5), ("TOOK", 5, True), ("WORK", 5, True), ("QUEUE", 5, True),
    ("FLOWS", 5, True), ("WHAT", 0),
)  # fmt: skip
LOG = columns(("ATT", 3, True), ("STAGE", 8), ("SAYS", 7), ("BEGAN", 8), ("LOOKED", 8), ("ENDED", 8), ("WHAT", 0))
INPUT = columns(("JSON", 0))


def timeline_rows(detail: RunDetail, now: float) -> list[Row]:
    """The attempts, newest first, each followed by its stages; END_RUN is between those that began before and after."""
    end = _end_of_run(detail)
    rows: list[Row] = []
    for attempt in reversed(detail.attempts):
        if end and (detail.run.ended is None or _began_early(attempt, detail)):
            rows.append(end.pop())
        timing = detail.timing.get(attempt.attempt, Timing())
        spent = timing.spent(attempt, now)
        word, style = styles.attempt_state(attempt.state)
        late = _after_the_end(attempt.intended_at, attempt.ended_at, detail, now)
        what = "; ".join(filter(None, (_segments(attempt), late, attempt.plan.describe(), attempt.why)))
        pieces = (
            (str(attempt.number), "title"), (word, style), (text.clock(attempt.intended_at), "plain"),
            (_short(spent.total), "plain"), (_short(spent.worked + spent.together), "plain"),
            (_short(spent.queued), "plain"), (_short(spent.waited), "plain"), (what, "plain"),
        )  # fmt: skip
        flow_run = detail.address(attempt.flow_run) if attempt.flow_run else "no flow run yet"
        sentence = (
            f"attempt {attempt.number} by {attempt.actor}, {text.moment(attempt.intended_at)}: {what} | {flow_run}"
        )
        rows.append(Row((attempt.number, ""), pieces, (sentence, "plain"), style == "bad"))
        rows += [_stage(attempt, time, timing, detail, now) for time in spent.stages]
    return rows + end


def _end_of_run(detail: RunDetail) -> list[Row]:
    """END_RUN as a row, of a run that has early attempts."""
    if not any(attempt.plan.early for attempt in detail.attempts):
        return []
    before = sum(_began_early(attempt, detail) for attempt in detail.attempts)
    after = len(detail.attempts) - before
    ended = detail.run.ended
    what = f"{text.counted(before, 'attempt')} before it, {after} after it" if ended else "not yet: it is recorded"
    pieces = (("", "plain"), ("END_RUN", "title"), (text.clock(ended), "title"), *[("", "plain")] * 4, (what, "title"))
    at = f"END_RUN, {text.moment(ended)}: attempts began: {what}" if ended else "END_RUN has not come yet"
    return [Row("END_RUN", pieces, (at, "plain"))]


def _began_early(attempt: Attempt, detail: RunDetail) -> bool:
    return detail.run.ended is not None and attempt.intended_at < detail.run.ended


def _after_the_end(began: float, ended: float | None, detail: RunDetail, now: float) -> str:
    """How much of what began before END_RUN went on after it."""
    end = detail.run.ended
    until = now if ended is None else ended
    if end is None or not began < end < until or not any(attempt.plan.early for attempt in detail.attempts):
        return ""
    return f"{_short(until - end)} after END_RUN"


def _segments(attempt: Attempt) -> str:
    return f"segment {ranges(attempt.plan.expected)}" if attempt.plan.early else ""


def _stage(attempt: Attempt, time: StageTime, timing: Timing, detail: RunDetail, now: float) -> Row:
    visit = attempt.visits[time.stage]
    took = (time.ended if time.ended is not None else now) - time.began
    says = Says.FAILED if _has_failed(attempt, time.stage, timing) else visit.says
    style = styles.SAYS_STYLES.get(says.value, "plain")
    hints = [hint for hint in timing.hints if hint.stage is time.stage]
    late = _after_the_end(time.began, time.ended, detail, now)
    what = "; ".join(filter(None, (says.value, late, in_words(visit.cause), _hints(hints))))
    split = time.worked is not None
    pieces = (
        ("", "plain"), (time.stage.value, style), (text.clock(time.began), "plain"), (_short(took), "plain"),
        (_short(time.worked if time.worked is not None else time.together), "plain"),
        (_short(time.queued or 0) if split else "?", "plain"), (_short(time.unnoticed), "plain"), (what, style),
    )  # fmt: skip
    times = (
        f"worked {precisely(time.worked or 0)}, queued {precisely(time.queued or 0)}" if split
        else f"{precisely(time.together)} of work and queue, which cannot be told apart"
    )  # fmt: skip
    noticed = f"{precisely(time.unnoticed)} until Flows noticed its end"
    sentence = f"attempt {attempt.number} {time.stage.value}: {times}, {noticed}; {what}"
    place: Place | None = (Stage.ANALYZE, None) if time.stage is Stage.ANALYZE else None
    bad = says is Says.FAILED
    return Row((attempt.number, time.stage.value), pieces, (sentence, "plain"), bad, place=place)


def _has_failed(attempt: Attempt, stage: Stage, timing: Timing) -> bool:
    """To Flows an action is done when its tasks have replied, whatever they replied."""
    ended_there = attempt.state is AttemptState.FAILED and attempt.stage == stage.value
    return attempt.visits[stage].ended is not None and (ended_there or stage in timing.failed)


def _hints(hints: Sequence[Hint]) -> str:
    if not hints:
        return ""
    given = f"asked to look{f' {len(hints)} times' if len(hints) > 1 else ''}"
    last = hints[-1]
    if last.moved is not None:
        return f"{given}, moved {precisely(last.moved - last.at)} after the last"
    return f"{given}{', not taken: ' if last.kind else ''}{last.problem}"


def _short(seconds: float) -> str:
    """At most five characters, as text.span, with a decimal where that fits."""
    return f"{seconds:.1f} s" if 0.05 <= seconds < 9.95 else text.span(seconds)


def log_rows(detail: RunDetail) -> list[Row]:
    """What the flow log says of each stage, the newest attempt first."""
    rows: list[Row] = []
    for attempt in reversed(detail.attempts):
        timing = detail.timing.get(attempt.attempt, Timing())
        for stage, visit in attempt.visits.items():
            style = styles.SAYS_STYLES.get(visit.says.value, "plain")
            hints = _hints([hint for hint in timing.hints if hint.stage is stage])
            action = f"action {visit.action}" if visit.action else ""
            what = "; ".join(filter(None, (in_words(visit.cause), hints, action)))
            began, looked, ended = map(_flow_time, (visit.started, visit.looked, visit.ended))
            pieces = (
                (str(attempt.number), "plain"), (stage.value, "plain"), (visit.says.value, style), (began, "plain"),
                (looked, "plain"), (ended, "plain"), (what, style if visit.cause else "plain"),
            )  # fmt: skip
            sentence = f"attempt {attempt.number} {stage.value} {visit.says.value}, {began} to {ended}: {what}"
            rows.append(Row((attempt.number, stage.value), pieces, (sentence, "plain"), visit.says is Says.FAILED))
    return rows


def _flow_time(time: str | None) -> str:
    return text.clock(flowlog.seconds(time), seconds=True) if time else "-"


def input_rows(attempt: Attempt) -> list[Row]:
    lines = json.dumps(attempt.body, indent=2).splitlines()
    return [Row(number, ((line, "plain"),), (line.strip(), "plain")) for number, line in enumerate(lines)]
