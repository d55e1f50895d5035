"""What a queued run waits for, and what its attempt does once it is launched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowspec import text
from flowspec.catalogue.entry import Entry, words_of
from flowspec.conditions import Owner, Severity

N, S = Severity.NORMAL, Severity.STUCK
OPERATOR, SITE, GLOBUS = Owner.OPERATOR, Owner.SITE, Owner.GLOBUS


def _endpoint(endpoint: str, since: float, **others: Any) -> str:
    return f"held: compute endpoint {endpoint} is offline since {text.clock(since)}"


def _paused(who: str, since: float, why: str) -> str:
    return f"paused by {who} since {text.clock(since)} (H resumes launching): {why}"


def _elsewhere(user: str, uid: int, host: str, ledger: str, since: float) -> str:
    began = f" since {text.moment(since)} with {ledger}" if since else ""
    return f"held: {_who(user, host, uid)} drives this experiment{began}: console driver take-over"


def _who(user: str, host: str, uid: int | None = None) -> str:
    """Who has put a mark, which anything may have been written into."""
    if not host:
        return "somebody who is not named in its mark"
    return f"{user or 'somebody'}{f' (uid {uid})' if uid is not None else ''} on {host}"


def _taken(how: str) -> Callable[..., str]:
    return lambda user, host, ledger: f"launches in place of {_who(user, host)}{ledger and ' with '}{ledger}, {how}"


def _starting(number: int, cause: str = "", next_step: str = "", **others: Any) -> str:
    return (
        f"attempt {number} could not be started: {cause}; {next_step}"
        if cause
        else f"attempt {number} is being started"
    )


def _inactive(words: str, consent: bool = False, **others: Any) -> str:
    how = "give it (console login), which resumes it, or r" if consent else "r resumes it"
    return f"the flow run is inactive: {words}; {how}"


def _unnoticed(
    stage: str, ended: float, next_poll: float, failed: bool = False, cause: Any = None, **others: Any
) -> str:
    how = "ended" if failed else "done"
    due = text.clock(next_poll + 59)  # the whole minute after it
    said = f"{stage} {how} {text.clock(ended, seconds=True)}, Flows has not noticed yet (next look by {due})"
    return "; ".join(filter(None, [words_of(cause), said]))


def _stage(stage: str, done: int, total: int, cell: Any, counted: bool = True, segment: int | None = None,
           failed: bool = False, **others: Any) -> str:  # fmt: skip
    far = f"{stage} {done}/{total}" if counted else stage
    named = f"segment {segment:02d} " if segment is not None else ""
    return f"{far}: {named}{'failed: ' if failed else ''}{words_of(cell)}"


_UNSEEN = "how far it is cannot be seen, {service}: {cause}; {next_step}"

TABLE = (
    Entry("queue.next", "is next"),
    Entry("queue.again", "is next: what is missing is done again"),
    Entry("queue.reprocess", "is reprocessed behind live data"),
    Entry("queue.held", "held by {who}: h releases it", N, OPERATOR),
    Entry("queue.paused", _paused, N, OPERATOR, row="H: paused by {who}: {why}"),
    Entry("queue.changing", lambda cause, **others: f"held: {words_of(cause)}", N, Owner.DAQ),
    Entry("queue.unlisted", "held: {words}", S, OPERATOR),
    Entry("queue.unlooked", "held: this driver has not looked at all run directories yet"),
    Entry("queue.elsewhere", _elsewhere, S, OPERATOR),
    Entry("queue.marking", "held: this console puts its mark beside the results first"),
    Entry(
        "queue.unmarked", "held: {path}: {words}; until it can be written others cannot see that we drive", S, OPERATOR
    ),
    Entry("queue.disk", "held: the results' disk is {space}; starts when there is room in {path}", S, OPERATOR),
    Entry("queue.behind", lambda run, cause, **others: f"held: run {run} is before it and {words_of(cause)}"),
    Entry("queue.slots", "held: {under_way} runs are in flight, the limit is {limit}"),
    Entry("queue.transfers", "held: {under_way} transfers are under way, Globus runs no more at a time", N, GLOBUS),
    Entry("queue.endpoint", _endpoint, S, SITE),
    Entry("queue.workers", "held: {waiting} segments wait for the {workers} workers of {endpoint}", N, SITE),
    Entry("queue.tasks", "held: {waiting} segments wait at {endpoint}, where {running} run", N, SITE),
    Entry("queue.globus", "held: {cause}; {next_step}", S, GLOBUS),
    Entry("mark.ours", "no other console drives this experiment: launches again"),
    Entry("mark.asked", _taken("because it was asked to")),
    Entry("mark.died", _taken("whose driver has died")),
    Entry("mark.silent", _taken("whose driver gives no sign of life")),
    Entry("attempt.starting", _starting),
    Entry("attempt.refused", _starting, S, OPERATOR),  # until somebody has done something
    Entry("attempt.waits", "could not be started: {cause}; {next_step}", S, GLOBUS),
    Entry("attempt.held", lambda number, cause, **others: f"attempt {number} is {words_of(cause)}", S, OPERATOR),
    Entry("attempt.paused", lambda number, cause, **others: f"attempt {number} is {words_of(cause)}", N, OPERATOR),
    Entry("attempt.elsewhere", "not started: flow run {flow_run} of another console does it"),
    Entry("attempt.started", "attempt {number} started"),
    Entry("attempt.next", "{left} segments are left for a further attempt"),
    Entry("attempt.found", "its flow run was found at Globus, not in the ledger"),
    Entry("attempt.resumed", "resumed by {who}"),
    Entry("attempt.not-cancelled", "its flow run had succeeded before it could be cancelled"),
    Entry("flow.stage", _stage),
    Entry("flow.suspect", _stage, S, OPERATOR),
    Entry("flow.waits", _stage, S, OPERATOR),  # its task goes on when somebody has done something
    Entry("flow.waits-site", _stage, S, SITE),
    Entry("flow.disagrees", _stage, Severity.SLOW, OPERATOR),  # what is reported and what is there; the others go on
    Entry("flow.outputs", "all outputs are there; Flows has not ended the flow run yet", N, GLOBUS),
    Entry("flow.unnoticed", _unnoticed, N, GLOBUS),
    Entry("flow.inactive", _inactive, S, OPERATOR),
    Entry("poll.failed", _UNSEEN, Severity.SLOW, GLOBUS),
    Entry("poll.blind", f"{_UNSEEN}; c gives it up", S, OPERATOR),  # the same for minutes
)
