"""What a queued run waits for, and what its attempt does once it is launched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowspec import text
from flowspec.catalogue.entry import Entry, offline_row, row_of, start_it, words_of
from flowspec.conditions import Owner, Severity
from flowspec.numbers import ranges

N, S = Severity.NORMAL, Severity.STUCK
OPERATOR, SITE, GLOBUS = Owner.OPERATOR, Owner.SITE, Owner.GLOBUS


def _endpoint(endpoint: str, since: float, here: bool = False, **others: Any) -> str:
    return f"waits: compute endpoint {endpoint} is offline since {text.clock(since)}; {start_it(here)}"


def _endpoint_row(endpoint: str, since: float, here: bool = False, **others: Any) -> str:
    return offline_row(endpoint, since, here)


def _paused(who: str, since: float, why: str) -> str:
    return f"paused by {who} since {text.clock(since)} (H resumes launching): {why}"


def _elsewhere(user: str, uid: int, host: str, ledger: str, since: float) -> str:
    began = f" since {text.moment(since)} with {ledger}" if since else ""
    return f"waits: {_who(user, host, uid)} drives this experiment{began}: look there, or console driver take-over"


def _elsewhere_row(user: str, host: str, **others: Any) -> str:
    return f"console driver take-over? {_who(user, host)} drives"


def _who(user: str, host: str, uid: int | None = None) -> str:
    """Who has put a mark, which anything may have been written into."""
    if not host:
        return "somebody who is not named in its mark"
    return f"{user or 'somebody'}{f' (uid {uid})' if uid is not None else ''} on {host}"


def _taken(how: str) -> Callable[..., str]:
    return lambda user, host, ledger: f"launches in place of {_who(user, host)}{ledger and ' with '}{ledger}, {how}"


def _early(segments: int, **others: Any) -> str:
    return f"waits for {segments} segment{'s' * (segments != 1)} that {'is' if segments == 1 else 'are'} under way"


def _converted(segments: list[int], recorded: bool = True, **others: Any) -> str:
    return f"{ranges(segments)} converted{' while the run was recorded' if recorded else ''}"


def _early_failed(cause: Any, **others: Any) -> str:
    return f"{words_of(cause)}; what is missing is done again when the run has ended"


def _starting(number: int, cause: str = "", next_step: str = "", **others: Any) -> str:
    return (
        f"attempt {number} could not be started: {cause}; {next_step}"
        if cause
        else f"attempt {number} is being started"
    )


def _starting_row(number: int, cause: str = "", next_step: str = "", **others: Any) -> str:
    return f"{next_step}: {cause}" if cause else f"attempt {number} is being started"


def _inactive(words: str, consent: bool = False, **others: Any) -> str:
    how = "console login gives it and resumes it, or r" if consent else "r resumes it"
    return f"Globus has stopped the flow run: {words}; {how}"


def _inactive_row(words: str, consent: bool = False, **others: Any) -> str:
    return f"console login: {words}" if consent else f"r: Globus has stopped it: {words}"


def _unnoticed(
    stage: str, ended: float, next_poll: float, failed: bool = False, cause: Any = None, **others: Any
) -> str:
    how = "ended" if failed else "done"
    due = text.clock(next_poll + 59)  # the whole minute after it
    said = f"{stage} {how} {text.clock(ended, seconds=True)}, Globus has not noticed yet (looks by {due})"
    return "; ".join(filter(None, [words_of(cause), said]))


def _unnoticed_row(stage: str, next_poll: float, failed: bool = False, cause: Any = None, **others: Any) -> str:
    said = f"{stage} has ended" if failed else f"{stage} is done"
    return f"{row_of(cause) or said}, Globus looks by {text.clock(next_poll + 59)}"


def _stage(stage: str, done: int, total: int, cell: Any, counted: bool = True, segment: int | None = None,
           failed: bool = False, **others: Any) -> str:  # fmt: skip
    far = f"{stage} {done}/{total}" if counted else stage
    named = f"segment {segment:02d} " if segment is not None else ""
    return f"{far}: {named}{'failed: ' if failed else ''}{words_of(cell)}"


_UNSEEN = "how far it is cannot be seen, {service}: {cause}; {next_step}"


def _stage_row(stage: str, done: int, total: int, cell: Any, counted: bool = True, segment: int | None = None,
               **others: Any) -> str:  # fmt: skip
    far = f"{stage} {done}/{total}" if counted else stage
    return f"{far}: {f'{segment:02d} ' if segment is not None else ''}{row_of(cell)}"


def _suspect_row(stage: str, cell: Any, segment: int | None = None, **others: Any) -> str:
    """The row of a suspicion completes this."""
    return f"r: {stage}{f' of {segment:02d}' if segment is not None else ''} {row_of(cell)}"


def _waits_row(stage: str, cell: Any, done: int = 0, total: int = 0, **others: Any) -> str:
    """What has to be done stands first in the row of what it waits for."""
    return f"{row_of(cell)} ({stage} {done}/{total})"


TABLE = (
    Entry("queue.next", "is next"),
    Entry("queue.again", "is next: what is missing is done again"),
    Entry("queue.reprocess", "waits: is done once more when no new data wait", row="waits: new data go first"),
    Entry("queue.held", "held by {who}: h releases it", N, OPERATOR, "h: held by {who}"),
    Entry("queue.paused", _paused, N, OPERATOR, "H: paused by {who}: {why}"),
    Entry(
        "queue.changing", lambda cause, **others: f"waits: it {words_of(cause)}", N, Owner.DAQ,
        lambda cause, **others: f"waits: {row_of(cause)}",
    ),
    Entry("queue.unlisted", "waits for the DTN disk: {words}", S, OPERATOR, "see to the DTN disk: {words}"),
    Entry("queue.unlooked", "waits: this driver has not looked at all run directories yet"),
    Entry("queue.elsewhere", _elsewhere, S, OPERATOR, _elsewhere_row),
    Entry("queue.marking", "waits: this console tells others first that it launches"),
    Entry(
        "queue.unmarked", "waits: {path}: {words}; make it writable: others see by it that this console launches", S,
        OPERATOR, "make it writable: {path}, {words}",
    ),
    Entry(
        "queue.disk", "waits: the DTN disk is {space}; starts when there is room in {path}", S, OPERATOR,
        "make room: DTN disk {space}",
    ),
    Entry(
        "queue.behind", lambda run, cause, **others: f"waits: run {run} is before it and {words_of(cause)}",
        row=lambda run, cause, **others: f"waits for run {run}: {row_of(cause)}",
    ),
    Entry("queue.early", _early),
    Entry("queue.recorded-first", "waits: segments of run {run} go first"),
    Entry("queue.slots", "waits: {under_way} of {limit} slots in use"),
    Entry(
        "queue.slots-stuck", "waits: {stuck} of {limit} slots are held by stuck runs: p shows them", S, OPERATOR,
        "p: {stuck} of {limit} slots are held by stuck runs",
    ),
    Entry(
        "queue.transfers-stuck",
        "waits: {stuck} transfers are stuck, and Globus takes no more at a time: p shows them, c gives one up", S,
        OPERATOR, "p: {stuck} transfers are stuck, Globus takes no more",
    ),
    Entry("queue.transfers", "waits: {under_way} transfers under way, Globus takes no more at a time", N, GLOBUS),
    Entry("queue.endpoint", _endpoint, S, SITE, _endpoint_row),
    Entry(
        "queue.workers", "waits: {waiting} segments are before it at the {workers} workers of {endpoint}", N, SITE,
        "waits: {waiting} segments before it at {endpoint}",
    ),
    Entry(
        "queue.tasks", "waits: {waiting} segments are before it at {endpoint}, where {running} run", N, SITE,
        "waits: {waiting} segments before it at {endpoint}",
    ),
    Entry("queue.globus", "waits: {cause}; {next_step}", S, GLOBUS, "{next_step}: {cause}"),
    Entry("mark.ours", "no other console drives this experiment: launches again"),
    Entry("mark.asked", _taken("because it was asked to")),
    Entry("mark.died", _taken("whose driver has died")),
    Entry("mark.silent", _taken("whose driver gives no sign of life")),
    Entry("attempt.starting", _starting, row=_starting_row),
    Entry("attempt.refused", _starting, S, OPERATOR, _starting_row),  # until somebody has done something
    Entry("attempt.waits", "could not be started: {cause}; {next_step}", S, GLOBUS, "{next_step}: {cause}"),
    Entry(
        "attempt.held", lambda number, cause, **others: f"attempt {number} {words_of(cause)}", S, OPERATOR,
        lambda cause, **others: row_of(cause),
    ),
    Entry(
        "attempt.paused", lambda number, cause, **others: f"attempt {number} {words_of(cause)}", N, OPERATOR,
        lambda cause, **others: row_of(cause),
    ),
    Entry("attempt.elsewhere", "not started: flow run {flow_run} of another console does it"),
    Entry("attempt.started", "attempt {number} started"),
    Entry("attempt.early-done", _converted),
    Entry("attempt.early-failed", _early_failed, N, OPERATOR, lambda cause, **others: row_of(cause)),
    Entry("attempt.next", "{left} segments are left for a further attempt"),
    Entry("attempt.found", "its flow run was found at Globus, not in the ledger"),
    Entry("attempt.resumed", "resumed by {who}"),
    Entry("attempt.not-cancelled", "its flow run had succeeded before it could be cancelled"),
    Entry("flow.stage", _stage, row=_stage_row),
    Entry("flow.suspect", _stage, S, OPERATOR, _suspect_row),
    Entry("flow.waits", _stage, S, OPERATOR, _waits_row),  # its task goes on when somebody has done something
    Entry("flow.waits-site", _stage, S, SITE, _waits_row),
    # What is reported and what is there differ; the others go on.
    Entry("flow.disagrees", _stage, Severity.SLOW, OPERATOR, _stage_row),
    Entry("flow.outputs", "all outputs are there; Globus has not ended the flow run yet", N, GLOBUS),
    Entry("flow.unnoticed", _unnoticed, N, GLOBUS, _unnoticed_row),
    Entry("flow.inactive", _inactive, S, OPERATOR, _inactive_row),
    Entry("poll.failed", _UNSEEN, Severity.SLOW, GLOBUS, "{next_step}: {service}: {cause}"),
    # The same for minutes.
    Entry("poll.blind", f"{_UNSEEN}; c gives it up", S, OPERATOR, "c: {service} tells nothing of it: {cause}"),
)  # fmt: skip
