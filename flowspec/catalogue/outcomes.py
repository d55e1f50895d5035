"""How attempts and runs ended, how a cancel goes on, and how the event log says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowspec import text
from flowspec.catalogue.entry import Entry, row_of, words_of
from flowspec.conditions import Owner, Severity
from flowspec.numbers import ranges

S, OPERATOR, SITE = Severity.STUCK, Owner.OPERATOR, Owner.SITE
IDS_SHOWN = 2  # ids of tasks in a sentence; the list of what a cancel waits for has all


def _failed(cause: Any, again_at: float | None = None, count: int = 0, limit: int = 0, quarantined: Sequence[Any] = (),
            again_and_again: Sequence[Mapping[str, Any]] = (), stopped_by: str = "", **others: Any) -> str:  # fmt: skip
    if stopped_by:
        then = [f"r retries what is missing; {stopped_by} stopped the automatic retry"]
    elif again_at is not None:
        then = [f"Retried by itself at {text.clock(again_at)} ({count + 1} of {limit}); r does it now"]
    elif again_and_again:
        how_often = ", ".join(_times(**stage) for stage in again_and_again)
        then = [f"Failed {how_often}, so it does not pass by itself; r tries once more"]
    elif count:
        then = [f"Retried by itself {count} times; r retries what is missing"]
    else:
        then = [] if quarantined else ["r retries what is missing"]
    told = (cause, (cause.get("parameters") or {}).get("cause"))
    return f"{words_of(cause)}. {'; '.join([*then, *(words_of(_untold(one, told)) for one in quarantined)])}"


def _untold(one: Mapping[str, Any], told: Sequence[Any]) -> Mapping[str, Any]:
    """A quarantined segment, without its cause when that was told."""
    parameters = one.get("parameters") or {}
    if parameters.get("cause") not in told:
        return one
    return {**one, "parameters": {name: value for name, value in parameters.items() if name != "cause"}}


def _failed_row(
    cause: Any, again_at: float | None = None, quarantined: Sequence[Any] = (), stopped_by: str = "", **others: Any
) -> str:
    if again_at is not None and not stopped_by:
        return f"again at {text.clock(again_at)}: {row_of(cause)}"
    return row_of(quarantined[0]) if quarantined else f"r: {row_of(cause)}"


def _times(stage: str, segments: Sequence[int], times: int) -> str:
    of = f" of segment {ranges(segments)}" if segments else ""
    return f"{times} times at {stage}{of}"


def _held(quarantined: Sequence[Any] = (), left: Sequence[int] = (), **others: Any) -> str:
    parts = [words_of(reason) for reason in quarantined]
    if left:
        parts.append(f"still to be done: segment {ranges(left)}; r does what is missing")
    return "; ".join(parts) or "not every output is there; r retries what is missing"


def _held_row(quarantined: Sequence[Any] = (), left: Sequence[int] = (), **others: Any) -> str:
    if quarantined:
        return row_of(quarantined[0])
    return f"r: still to be done: segment {ranges(left)}" if left else "r: not every output is there"


def _returned(file: str, found: bool = False, note: str = "", **lacks: Any) -> str:
    """`note`: of an older ledger. The others are what flowspec.decisions.made_of gives."""
    there = "every output was there" if found else ""
    return "; ".join(filter(None, [f"the result is back: {file}", there, note, *_lacks(**lacks)]))


def _returned_row(file: str, note: str = "", found: bool = False, **lacks: Any) -> str:
    """What it lacks, else its file."""
    return "; ".join(filter(None, [note, *_lacks(**lacks)])) or file


def _lacks(segments: int = 0, of: int = 0, waived: Sequence[Any] = (), lost: int = 0, hits: int = 0,
           lossy: Sequence[int] = (), accepted: Sequence[Any] = (), **others: Any) -> list[str]:  # fmt: skip
    parts = []
    if waived:
        parts.append(f"{segments}/{of} segments: {'; '.join(_decided(one, 'waived by') for one in waived)}")
    if lost:
        parts.append(f"{lost:,} of {hits:,} hits lost in segment {ranges(lossy)}")
    return [*parts, *(_decided(one, "accepted as it is by") for one in accepted)]


def _decided(one: Mapping[str, Any], how: str) -> str:
    if "actor" not in one:  # it was taken back meanwhile
        return f"{one['segment']:02d} was left out"
    return f"{one['segment']:02d} {how} {one['actor']}: {one['reason']}"


def _lost(cause: Any, **others: Any) -> str:
    return f"{words_of(cause)}: r brings it back"


def _retaken(started: float, title: str, launched: float, launched_title: str) -> str:
    then, now = text.moment(launched), text.moment(started)
    if title != launched_title:
        then, now = f"{then} ('{launched_title}')", f"{now} ('{title}')"
    return (
        f"taken again since: launched was the take that began {then}, on disk is one that began {now}; "
        "r analyzes the new one"
    )


def _retaken_row(started: float, **others: Any) -> str:
    return f"r: taken again since, analyzes the take of {text.clock(started)}"


def _changed_early(run: int, segments: Sequence[int]) -> str:
    one = len(segments) == 1
    changed = f"segment {ranges(segments)} has changed since it was" if one else (
        f"segments {ranges(segments)} have changed since they were"
    )  # fmt: skip
    return f"run {run}: {changed} transferred: {'it is' if one else 'they are'} done again"


def _asked(who: str, flow_run: str = "", **others: Any) -> str:
    telling = f"flow run {flow_run} and the site are being told" if flow_run else (
        "whether its flow run was started is being found out"
    )  # fmt: skip
    return f"cancelled by {who}; {telling}"


def _left(
    who: str, lines: Sequence[Sequence[str]] = (), stages: Sequence[Mapping[str, Any]] = (),
    since: float | None = None, **others: Any,
) -> str:  # fmt: skip
    """`lines`: [what, id, what was last observed]; `stages`: the compute tasks that are left of each. `since`: of a
    cancel that does not end."""
    parts = [f"{what} {id} ({seen})" for what, id, seen in lines]
    for stage in stages:
        of = " of " if stage["segments"] else " "
        where = f", endpoint {stage['endpoint']} offline" if stage.get("endpoint") else ""
        parts.append(f"{stage['stage']}{of}{tasks(stage['segments'], stage['tasks'])}{where}")
    when = f" {text.clock(since)}" if since is not None else ""
    look = "; look at it at the site" if since is not None else ""
    return f"cancelled by {who}{when}, still running: {'; '.join(parts) or 'not looked at yet'}{look}"


def _left_row(
    who: str, lines: Sequence[Sequence[str]] = (), stages: Sequence[Mapping[str, Any]] = (),
    since: float | None = None, **others: Any,
) -> str:  # fmt: skip
    left = len(lines) + sum(len(stage["tasks"]) for stage in stages)
    away = next((stage["endpoint"] for stage in stages if stage.get("endpoint")), "")
    if away:
        return f"start {away}: offline, {left} still there"
    look = "look at the site: " if since is not None else ""
    return f"{look}{left} still there, cancelled by {who}"


def tasks(segments: Sequence[int], ids: Sequence[str]) -> str:
    """As "segments 03, 07 (task ids ...)"; without segments for a stage of the whole run."""
    more = f" and {len(ids) - IDS_SHOWN} more" if len(ids) > IDS_SHOWN else ""
    numbers = ", ".join(f"{segment:02d}" for segment in segments)
    named = f"segment{'s' if len(segments) > 1 else ''} {numbers} " if segments else ""
    return f"{named}(task ids {', '.join(ids[:IDS_SHOWN])}{more})"


def _unqueued(who: str, result: bool = False, **others: Any) -> str:
    return f"taken from the queue by {who}{'; the result is that of before' if result else ''}"


TABLE = (
    Entry("outcome.failed", _failed, S, OPERATOR, _failed_row),
    Entry("outcome.held", _held, S, OPERATOR, _held_row),
    Entry("outcome.refused", "{words}", S, OPERATOR, "r: {words}"),
    Entry("outcome.returned", _returned, row=_returned_row),
    Entry("outcome.lost", _lost, S, OPERATOR, lambda cause, **others: f"r brings it back: {words_of(cause)}"),
    Entry(
        "outcome.mixed",
        "its files were replaced while they were transferred: the result may be of both takes; r makes it anew",
        S,
        OPERATOR,
        "r: replaced while transferred, maybe of two takes",
    ),
    Entry("run.retaken", _retaken, S, OPERATOR, _retaken_row),
    Entry(
        "outcome.cancelled",
        "cancelled by {who}: nothing of it runs any more. r does what is missing",
        row="r: cancelled by {who}",
    ),
    Entry(
        "outcome.cancelled.unasked",
        "cancelled by {who}: Globus had not been asked to start it. r does what is missing",
        row="r: cancelled by {who}, before it was started",
    ),
    Entry(
        "outcome.cancelled.between",
        "cancelled by {who} before its next attempt. r does what is missing",
        row="r: cancelled by {who} between two attempts",
    ),
    Entry("outcome.unqueued", _unqueued),
    Entry("cancel.early", "cancelled by {who}: nothing of it is launched by itself any more"),
    Entry("cancel.asked", _asked, Severity.NORMAL, SITE, "cancelled by {who}, Globus and the site are told"),
    Entry("cancel.elsewhere", "cancelled by {who}", Severity.NORMAL, SITE),
    Entry("cancel.left", _left, Severity.NORMAL, SITE, _left_row),
    Entry("cancel.stuck", _left, S, SITE, _left_row),  # the same for minutes
    Entry(
        "flow.succeeded-but",
        lambda cause, **others: f"Globus says succeeded, but {words_of(cause)}",
        S,
        OPERATOR,
        lambda cause, **others: row_of(cause),
    ),
    Entry("run.unseen", "not seen on disk yet"),
    # of the event log
    Entry("event.judged", lambda run, cause, **others: f"run {run} {words_of(cause)}"),
    Entry(
        "event.changed",
        lambda run, cause, **others: f"run {run} changed on disk after it was launched: {words_of(cause)}",
    ),
    Entry("event.stuck", lambda run, cause, **others: f"run {run} is STUCK: {words_of(cause)}"),
    Entry("event.withdrawn", lambda run, cause, **others: f"run {run} is taken from the queue: it {words_of(cause)}"),
    Entry("event.retaken", lambda run, cause, **others: f"run {run} {words_of(cause)}"),
    Entry("event.lost", lambda run, cause, **others: f"run {run}: {_lost(cause)}"),
    Entry("event.back", "run {run}: its result {file} is on the DTN again"),
    Entry("event.queued", "run {run} queued: {segments} segments"),
    Entry("event.taken-back", "run {run} is taken back from the queue: it is {state} again"),
    Entry("event.retried", "run {run} queued to be retried: what is missing is done again"),
    Entry("event.reprocessed", "run {run} queued to be reprocessed"),
    Entry("event.repeated", "run {run} is retried by itself"),
    Entry("event.asked-for", "run {run} queued: {plan}"),
    Entry("event.refused", "{words}"),
    Entry(
        "event.early",
        lambda run, number, segments, recorded=True, **others: (
            f"run {run} attempt {number}: transfer, fit and convert of {ranges(segments)}, "
            f"{'while the run is recorded' if recorded else 'beside what is under way'}"
        ),
    ),
    Entry("event.early-changed", _changed_early),
    Entry("event.intended", "run {run} attempt {number}: {plan}"),
    Entry("event.taken-over", "run {run}: flow run {flow_run} was not in the ledger; it is followed from now on"),
    Entry(
        "event.cancel-withdrawn",
        "run {run} attempt {number} is not cancelled: its flow run had succeeded before it could be cancelled",
    ),
)
