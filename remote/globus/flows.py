"""Globus Flows: deploy definitions, start flow runs, find them again, read how they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from remote.globus import paging
from remote.globus.credentials import hidden_in
from remote.globus.errors import calling
from remote.globus.limits import once_options, repeatable_options

if TYPE_CHECKING:
    import globus_sdk
    from globus_sdk.authorizers import GlobusAuthorizer

# Without roles the service lists only what the caller owns, and a console shared by a shift would miss the rest.
ROLES = ("run_owner", "run_manager", "run_monitor", "flow_run_manager", "flow_run_monitor")
CLOCKS_DIFFER = timedelta(days=1)  # a wrong time zone is the worst that is met
_END_OF_TIME = "2199-01-01T00:00:00+00:00"  # filter_start_time wants both ends
_LOG_PAGE = 100


@dataclass(frozen=True)
class FlowRun:
    """An execution of a flow. `status` is ACTIVE, INACTIVE, SUCCEEDED, FAILED or ENDED; times are ISO 8601.

    `details` is what the service says about the present state (`code`, `description`, ...); a cancelled flow run is
    FAILED with code FlowCanceled.
    """

    id: str
    flow_id: str
    status: str
    label: str
    tags: tuple[str, ...]
    started: str
    completed: str | None
    details: dict[str, Any] = field(hash=False)

    @property
    def cancelled(self) -> bool:
        return self.details.get("code") == "FlowCanceled"


@dataclass(frozen=True)
class LogEntry:
    """One entry of a flow run's log; `time` in ISO 8601, `code` such as ActionStarted, `details` as they come."""

    time: str
    code: str
    description: str
    details: dict[str, Any] = field(hash=False)


class Flows:
    """The calls of Flows that the console makes."""

    def __init__(
        self,
        authorizer: GlobusAuthorizer,
        authorizer_of: Callable[[str], GlobusAuthorizer],
        service_url: str | None,
    ) -> None:
        """`authorizer` is for the service, `authorizer_of(flow id)` for starting and resuming runs of one flow."""
        import globus_sdk

        def client(options: dict[str, Any]) -> globus_sdk.FlowsClient:
            return globus_sdk.FlowsClient(authorizer=authorizer, base_url=service_url, **options)

        self._sdk = client(repeatable_options())
        self._once = client(once_options())
        self._authorizer_of = authorizer_of
        self._service_url = service_url

    def start(
        self,
        flow_id: str,
        body: dict[str, Any],
        label: str,
        tags: Sequence[str],
        run_managers: Sequence[str] = (),
        run_monitors: Sequence[str] = (),
    ) -> FlowRun:
        """Start a flow run. Never repeated by itself: after an ambiguous RemoteError look with find_by_tag first."""
        with calling("flows", "start", repeatable=False):
            reply = self._flow(flow_id, once_options()).run_flow(
                body,
                label=label,
                tags=list(tags),
                run_managers=list(run_managers),
                run_monitors=list(run_monitors),
            )
            return _flow_run(reply.data)

    def validate_run(self, flow_id: str, body: dict[str, Any]) -> None:
        """Ask the service whether it would accept `body`. Raises RemoteError (bug, with the messages) when not."""
        with calling("flows", "validate_run"):
            self._flow(flow_id, repeatable_options()).validate_run(body)

    def runs(self, flow_ids: Iterable[str] | None, since: str | None = None) -> list[FlowRun]:
        """The flow runs of these flows (None: of any) that started at `since` (ISO 8601 with offset) or later, newest
        first."""
        import globus_sdk

        of_flows = globus_sdk.MISSING if flow_ids is None else list(flow_ids)
        if of_flows == []:  # the service would take it for "any flow"
            return []
        with calling("flows", "runs"):
            query = {"orderby": "start_time DESC", "per_page": 100}
            if since is not None:
                query["filter_start_time"] = f"{since},{_END_OF_TIME}"
            ask = partial(self._sdk.list_runs, filter_flow_id=of_flows, filter_roles=list(ROLES), query_params=query)
            pages = paging.by_marker(ask, "runs", paging.flagged)
            found = {document["run_id"]: _flow_run(document) for page in pages for document in page}
            recent = [r for r in found.values() if since is None or _instant(r.started) >= _instant(since)]
            return sorted(recent, key=lambda r: _instant(r.started), reverse=True)

    def open_runs(self) -> list[FlowRun]:
        """The flow runs of any flow that have not ended, as far as we may see them, newest first."""
        with calling("flows", "open_runs"):
            query = {"orderby": "start_time DESC", "per_page": 100, "filter_status": "ACTIVE,INACTIVE"}
            pages = self._sdk.paginated.list_runs(filter_roles=list(ROLES), query_params=query)
            return list({document["run_id"]: _flow_run(document) for document in pages.items()}.values())

    def find_by_tag(self, flow_id: str, tag: str, since: str | None = None) -> list[FlowRun]:
        """The flow runs that carry `tag`, looked for from a day before `since`, as the clocks may differ."""
        if since is not None:
            since = (datetime.fromisoformat(since) - CLOCKS_DIFFER).isoformat()
        return [run for run in self.runs([flow_id], since) if tag in run.tags]

    def run(self, run_id: str) -> FlowRun:
        with calling("flows", "run"):
            return _flow_run(self._sdk.get_run(run_id).data)

    def log(self, run_id: str, after: str | None = None) -> list[LogEntry]:
        """The log entries later than `after` (the `time` of an entry; None: all), in time order."""
        with calling("flows", "log"):
            ask = partial(self._sdk.get_run_logs, run_id, limit=_LOG_PAGE, reverse_order=True)
            newest_first: list[LogEntry] = []
            for page in paging.by_marker(ask, "entries", paging.flagged):
                entries = [_log_entry(e) for e in page]
                fresh = [e for e in entries if after is None or _instant(e.time) > _instant(after)]
                newest_first += fresh
                if len(fresh) < len(entries):
                    break
            return newest_first[::-1]

    def cancel(self, run_id: str) -> None:
        with calling("flows", "cancel", repeatable=False):
            self._once.cancel_run(run_id)

    def resume(self, run_id: str, flow_id: str | None = None) -> None:
        """Resume an INACTIVE flow run; only its owner can (and with the consent that it asked for).

        For an ACTIVE one it is a hint to look at its action now. `flow_id` saves the look-up of the run's flow.
        """
        flow_id = flow_id or self.run(run_id).flow_id
        with calling("flows", "resume", repeatable=False):
            self._flow(flow_id, once_options()).resume_run(run_id)

    def deploy(
        self,
        title: str,
        definition: dict[str, Any],
        schema: dict[str, Any],
        flow_id: str | None = None,
        **roles: Sequence[str],
    ) -> str:
        """Create the flow, or update `flow_id` in place. Returns the id of the flow.

        `roles` are those of the SDK: flow_viewers, flow_starters, flow_administrators, run_managers, run_monitors.
        """
        parts: dict[str, Any] = {"title": title, "definition": definition, "input_schema": schema}
        parts |= {role: list(who) for role, who in roles.items()}
        if flow_id is not None:
            with calling("flows", "update"):
                return str(self._sdk.update_flow(flow_id, **parts)["id"])
        with calling("flows", "create", repeatable=False):
            return str(self._once.create_flow(**parts)["id"])

    def update(self, flow_id: str, **parts: Any) -> None:
        """Change a flow in place: those of title, definition and input_schema that are given."""
        with calling("flows", "update"):
            self._sdk.update_flow(flow_id, **parts)

    def owned(self, title: str) -> list[str]:
        """The ids of our own flows with exactly this title."""
        with calling("flows", "owned"):
            pages = self._sdk.paginated.list_flows(filter_roles="flow_owner", filter_fulltext=title)
            return [document["id"] for document in pages.items() if document["title"] == title]

    def get_flow(self, flow_id: str) -> dict[str, Any]:
        """The flow's document as the service has it: title, definition, input_schema, roles, ..."""
        with calling("flows", "get_flow"):
            return dict(self._sdk.get_flow(flow_id).data)

    def validate_flow(self, definition: dict[str, Any], schema: dict[str, Any]) -> None:
        """Ask the service whether it would accept them. Raises RemoteError (bug, with the messages) when not."""
        with calling("flows", "validate_flow"):
            self._sdk.validate_flow(definition, schema)

    def _flow(self, flow_id: str, options: dict[str, Any]) -> globus_sdk.SpecificFlowClient:
        import globus_sdk

        client = globus_sdk.SpecificFlowClient(flow_id, authorizer=self._authorizer_of(flow_id), **options)
        if self._service_url is not None:
            client.base_url = self._service_url  # the one client of the SDK without this argument
        return client


def _flow_run(document: dict[str, Any]) -> FlowRun:
    return FlowRun(
        id=document["run_id"],
        flow_id=document["flow_id"],
        status=document["status"],
        label=document.get("label") or "",
        tags=tuple(document.get("tags") or ()),
        started=document["start_time"],
        completed=document.get("completion_time"),
        details=hidden_in(document.get("details") or {}),  # null for flows under high assurance
    )


def _log_entry(document: dict[str, Any]) -> LogEntry:
    return LogEntry(
        time=document["time"],
        code=document.get("code") or "",
        description=hidden_in(document.get("description") or ""),
        details=hidden_in(document.get("details") or {}),
    )


def _instant(text: str) -> datetime:
    """ISO 8601 with an offset; Python 3.10 does not read the Z that some services write."""
    return datetime.fromisoformat(text.removesuffix("Z") + "+00:00" if text.endswith("Z") else text)
