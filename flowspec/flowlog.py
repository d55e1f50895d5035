"""Following a flow run through its log: which stage is where, under which action, and why it failed.

Only some of the codes are documented, so entries are read by the rule that Globus's own renderer uses (`*Started`,
`ActionPolled`, `*Completed`) and by the keys of their details; unknown codes are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from flowspec.causes import naming_the_path
from flowspec.definition import STAGE_OF_STATE
from flowspec.progress import Says
from flowspec.stages import Stage

CAUSE_LENGTH = 4000  # all of it is judged; what people see of it is shorter
_SAYING = ("code", "nice_status", "nice_status_details", "description", "detail", "reason", "error", "exception")


class Entry(Protocol):
    """An entry of a flow run's log."""

    @property
    def time(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def details(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Visit:
    """A stage as the flow log has it. `action` is its action's id: a transfer task id, or `tg_<task group id>`.

    `looked` is when Flows polled the action last. Times are as Flows writes them: ISO 8601.
    """

    says: Says
    started: str
    action: str | None = None
    ended: str | None = None
    cause: str = ""
    looked: str | None = None


Visits = Mapping[Stage, Visit]


def follow(visits: Visits, entries: Iterable[Entry]) -> dict[Stage, Visit]:
    """The visits after these further entries, which are in the order of time."""
    now = dict(visits)
    for entry in entries:
        stage = STAGE_OF_STATE.get(str(entry.details.get("state_name")))
        if stage is None:
            continue
        if entry.code.endswith("Started"):
            known = now.get(stage)
            if known is None or known.started != entry.time:  # else it is read again, and more is known by now
                now[stage] = Visit(Says.RUNNING, entry.time)
        visit = now.get(stage) or Visit(Says.RUNNING, entry.time)
        output = _status(entry.details)
        visit = replace(visit, action=_action(stage, output) or visit.action)
        if entry.code.endswith("Polled"):
            visit = replace(visit, looked=entry.time)
        if "exception" in entry.details or entry.code.endswith("Failed"):
            visit = replace(visit, says=Says.FAILED, ended=entry.time, cause=_failure(entry))
        elif entry.code.endswith("Completed"):
            good = output.get("status", "SUCCEEDED") == "SUCCEEDED"
            cause = "" if good else action_cause(output)
            visit = replace(visit, says=Says.DONE if good else Says.FAILED, ended=entry.time, cause=cause)
        now[stage] = visit
    return now


def with_actions(visits: Visits, details: Mapping[str, Any]) -> dict[Stage, Visit]:
    """The visits with the action ids that a flow run's own details name; the log may not have them yet."""
    now = dict(visits)
    for status in details.get("action_statuses") or ():
        stage = STAGE_OF_STATE.get(str(status.get("state_name")))
        visit = now.get(stage) if stage is not None else None
        if stage is not None and visit is not None and visit.action is None:
            now[stage] = replace(visit, action=_action(stage, status))
    return now


def outcome_cause(entries: Iterable[Entry]) -> str:
    """Why a flow run failed, from the newest entry that says so; '' when none does."""
    for entry in reversed(list(entries)):
        if entry.code.endswith("Failed") or "exception" in entry.details:
            return _failure(entry)
    return ""


def action_cause(status: Mapping[str, Any]) -> str:
    """The cause in the status document of a failed action: a fatal error, a missing consent, a compute error."""
    details = status.get("details")
    if isinstance(details, Mapping):
        fatal = details.get("fatal_error")
        if isinstance(fatal, Mapping):
            why = f"{fatal.get('code', '')}: {fatal.get('description', '')}"
            events = json.dumps(details.get("event_list") or "")
            return _cut(naming_the_path(why, str(details.get("nice_status_details") or ""), events))
        said = [details[key] for key in _SAYING if isinstance(details.get(key), str) and details[key]]
        return _cut(": ".join(dict.fromkeys(said)) or json.dumps(details))
    return _cut(str(details or status.get("display_status") or "failed without a cause"))


def seconds(time: str) -> float:
    """A time of Flows as seconds since the epoch; Python 3.10 does not read the Z that some services write."""
    return datetime.fromisoformat(time[:-1] + "+00:00" if time.endswith("Z") else time).timestamp()


def dump(visits: Visits) -> str:
    """As JSON for the ledger."""
    return json.dumps({stage.value: asdict(visit) for stage, visit in visits.items()})


def load(text: str) -> dict[Stage, Visit]:
    return {Stage(k): Visit(**{**v, "says": Says(v["says"])}) for k, v in json.loads(text).items()}


def _action(stage: Stage, status: Mapping[str, Any]) -> str | None:
    """The id under which the service itself knows the action: the transfer task, or the group of compute tasks."""
    details = status.get("details")
    if stage in (Stage.TRANSFER, Stage.RETURN):
        return details.get("task_id") if isinstance(details, Mapping) else None
    return status.get("action_id")


def _status(details: Mapping[str, Any]) -> Mapping[str, Any]:
    """The action status document in an entry's details, wherever the service put it: as the cause, when the action has
    failed before it was polled."""
    for status in (details.get("output"), details.get("status")):
        if isinstance(status, Mapping):
            return status
    cause = _cause(details)
    return cause if isinstance(cause, Mapping) and "action_id" in cause else details


def _cause(details: Mapping[str, Any]) -> Any:
    """JSON in a text as what it stands for."""
    cause = details.get("cause") or details.get("Cause")
    if isinstance(cause, str) and cause.lstrip().startswith("{"):
        with suppress(ValueError):
            return json.loads(cause)
    return cause


def _failure(entry: Entry) -> str:
    cause = _cause(entry.details) or entry.description
    if isinstance(cause, Mapping):
        cause = action_cause(cause) if "status" in cause else json.dumps(cause)
    error = entry.details.get("exception") or entry.details.get("Error") or entry.details.get("error")
    return _cut(f"{error}: {cause}" if isinstance(error, str) else str(cause))


def _cut(text: str) -> str:
    """Its begin and its end: the last line of a traceback is the cause."""
    text, half = text.strip(), CAUSE_LENGTH // 2
    return text if len(text) <= CAUSE_LENGTH else f"{text[: half - 1]}…{text[-half:]}"
