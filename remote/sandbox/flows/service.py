"""The Flows service of the sandbox: flows and flow runs by id.

All methods take the caller as a principal URN, are thread-safe, return the documents of the HTTP interface, and raise
FlowsError.
"""

from __future__ import annotations

import copy
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from remote.sandbox.compute.service import ComputeService
from remote.sandbox.faults import Faults
from remote.sandbox.flows import documents, listing, roles, validation
from remote.sandbox.flows.engine import POLLINGS, Engine
from remote.sandbox.flows.errors import FlowsError
from remote.sandbox.flows.faults import late
from remote.sandbox.flows.listing import Position, Query
from remote.sandbox.flows.providers import Providers
from remote.sandbox.flows.runs import Flow, FlowRun, iso
from remote.sandbox.flows.scheduler import Agenda, Clock, Scheduler, Work
from remote.sandbox.transfer.service import TransferService

__all__ = ["FlowsError", "FlowsService"]

Document = dict[str, Any]

_FLOW_FIELDS = (
    *("title", "subtitle", "description", "keywords", "definition", "input_schema"),
    *("flow_viewers", "flow_starters", "flow_administrators", "run_managers", "run_monitors"),
    *("subscription_id", "authentication_policy_id"),
)
_RUN_ORDER: dict[str, Callable[[FlowRun], Any]] = {
    "id": lambda run: run.id,
    "start_time": lambda run: run.started,
    "completion_time": lambda run: run.completed,
    "status": lambda run: run.status,
    "label": lambda run: run.label,
}
_FLOW_ORDER: dict[str, Callable[[Flow], Any]] = {
    "id": lambda flow: flow.id,
    "scope_string": lambda flow: documents.scope(flow.id),
    "flow_owner": lambda flow: flow.owner,
    "flow_owners": lambda flow: flow.owner,
    "flow_administrators": lambda flow: flow.flow_administrators,
    "title": lambda flow: flow.title,
    "created_at": lambda flow: flow.created,
    "updated_at": lambda flow: flow.updated,
}


class FlowsService:
    """`close` ends the one thread that drives all flow runs.

    `speed` divides the intervals at which actions are polled; `polling` names them (of POLLINGS). Without `hints`,
    resuming an active flow run changes nothing. `lacks_access`: whether the flow runs of a principal lack the consent
    for a collection's data. `demanded`: the authorization parameters that a service demands of its login for a route.
    `scheduler`: an `Agenda` is worked off by whoever has the clock.
    """

    def __init__(
        self,
        transfer: TransferService,
        compute: ComputeService,
        *,
        faults: Faults | None = None,
        speed: float = 1.0,
        now: Callable[[], float] = time.time,
        polling: str = "quick",
        hints: bool = True,
        lacks_access: Callable[[str, str], bool] = lambda creator, collection: False,
        demanded: Callable[[str, str, str], Document] = lambda creator, service, route: {},
        scheduler: Callable[[Work, Clock], Agenda] = Scheduler,
    ) -> None:
        faults = faults or Faults()
        self._now = now
        self._flows: dict[str, Flow] = {}
        self._runs: dict[str, FlowRun] = {}
        self._lock = threading.Lock()
        self._providers = Providers(transfer, compute, now, faults, lacks_access, demanded)
        self._engine = Engine(self._providers, now, speed, late(POLLINGS[polling], faults, speed), hints)
        self._scheduler = scheduler(self._work, now)

    def close(self) -> None:
        self._scheduler.close()

    # Flows

    def create_flow(self, caller: str, request: Document) -> Document:
        missing = [validation.problem("field required", key) for key in ("title", "definition") if key not in request]
        if missing:
            raise validation.unprocessable(missing)
        validation.check_flow(request)
        now = self._now()
        fields = {"input_schema": {}} | {key: request[key] for key in _FLOW_FIELDS if key in request}
        flow = Flow(str(uuid.uuid4()), caller, now, now, **copy.deepcopy(fields))
        with self._lock:
            self._flows[flow.id] = flow
        return self._flow_document(flow, caller)

    def validate_flow(self, caller: str, request: Document) -> Document:
        validation.check_flow({"definition": None} | request)
        return {"scopes": validation.scopes(request["definition"], self._providers)}

    def get_flow(self, caller: str, flow_id: str) -> Document:
        return self._flow_document(self._flow(flow_id, caller), caller)

    def update_flow(self, caller: str, flow_id: str, request: Document) -> Document:
        """Fields that are not in the request stay; flow runs that have started keep their definition. An administrator
        may take the flow over, for nobody but himself."""
        flow = self._administered(flow_id, caller, "UPDATE")
        validation.check_flow(request)
        owner = request.get("flow_owner", flow.owner)
        if owner not in (flow.owner, caller):
            raise validation.unprocessable([validation.problem("must be the identity that asks", "flow_owner")])
        with self._lock:
            flow.owner = owner
            for key in _FLOW_FIELDS:
                if key in request:
                    setattr(flow, key, copy.deepcopy(request[key]))
            flow.updated = self._now()
        return self._flow_document(flow, caller)

    def delete_flow(self, caller: str, flow_id: str) -> Document:
        flow = self._administered(flow_id, caller, "DELETE")
        document = self._flow_document(flow, caller)
        with self._lock:
            del self._flows[flow_id]
        return {**document, "DELETED": True, "deleted_at": iso(self._now())}

    def list_flows(self, caller: str, query: Query) -> Document:
        """Query: filter_roles, filter_fulltext, orderby, per_page, marker."""
        at = Position.of(query, self._now())
        wanted = listing.words(at.query, "filter_roles", roles.FLOW_ROLES)
        text = at.query.get("filter_fulltext", "").lower()
        with self._lock:
            flows = list(self._flows.values())
        found = []
        for flow in flows:
            held = set(roles.flow_roles(flow, caller))
            searched = f"{flow.title} {flow.subtitle} {flow.description} {' '.join(flow.keywords)}".lower()
            if held and (not wanted or held & wanted) and text in searched and flow.created <= at.as_of:
                found.append(flow)
        found = listing.ordered(found, at.query, _FLOW_ORDER, "created_at DESC")
        shown, fields = listing.page(found, at, listing.page_size(at.query, "per_page", listing.PER_PAGE))
        return {"flows": [self._flow_document(flow, caller) for flow in shown], **fields}

    # Flow runs

    def validate_run(self, caller: str, flow_id: str, request: Document) -> Document:
        self._check_run(self._flow(flow_id, caller), request, caller)
        return {"message": "validation successful"}

    def start_run(self, caller: str, flow_id: str, request: Document) -> Document:
        flow = self._flow(flow_id, caller)
        self._check_run(flow, request, caller)
        run = FlowRun(
            id=str(uuid.uuid4()),
            flow_id=flow.id,
            flow_title=flow.title,
            flow_updated=flow.updated,
            definition=flow.definition,
            input_schema=flow.input_schema,
            owner=caller,
            started=self._now(),
            body=copy.deepcopy(request["body"]),
            label=request.get("label", ""),
            tags=validation.tags(request.get("tags", [])),
            run_managers=list(request.get("run_managers", [])),
            run_monitors=list(request.get("run_monitors", [])),
        )
        self._engine.start(run)
        document = self._run_document(run, caller)
        with self._lock:
            self._runs[run.id] = run
        self._scheduler.at(run.id, run.started)
        return document

    def get_run(self, caller: str, run_id: str, query: Query) -> Document:
        run = self._run(run_id, caller)
        described = listing.flag(query, "include_flow_description")
        return self._run_document(run, caller, self._flows.get(run.flow_id) if described else None)

    def list_runs(self, caller: str, query: Query) -> Document:
        """Query: per_page, marker, orderby, and filter_ with roles, status, flow_id, flow_title, label, start_time or
        completion_time."""
        at = Position.of(query, self._now())
        passes = listing.run_filter(at.query, lambda run: self._roles(run, caller))
        found = [run for run in self.all_runs() if run.started <= at.as_of and passes(run)]
        found = listing.ordered(found, at.query, _RUN_ORDER, "start_time DESC")
        shown, fields = listing.page(found, at, listing.page_size(at.query, "per_page", listing.PER_PAGE))
        return {"runs": [self._run_document(run, caller) for run in shown], **fields}

    def all_runs(self) -> list[FlowRun]:
        """In the order in which they were started."""
        with self._lock:
            return list(self._runs.values())

    def get_run_logs(self, caller: str, run_id: str, query: Query) -> Document:
        """Query: limit, reverse_order, marker. Oldest first unless reversed."""
        run = self._run(run_id, caller)
        with run.lock:
            entries = list(run.log)
        at = Position.of(query, len(entries))
        if listing.flag(at.query, "reverse_order"):
            entries = entries[: int(at.as_of)][::-1]
        shown, fields = listing.page(entries, at, listing.page_size(at.query, "limit", listing.LOG_PER_PAGE))
        return {"entries": shown, **fields}

    def get_run_definition(self, caller: str, run_id: str) -> Document:
        run = self._run(run_id, caller)
        return {"flow_id": run.flow_id, "definition": run.definition, "input_schema": run.input_schema}

    def cancel_run(self, caller: str, run_id: str) -> Document:
        run = self._run(run_id, caller, roles.MANAGING)
        self._engine.cancel(run)
        return self._run_document(run, caller)

    def resume_run(self, caller: str, run_id: str) -> Document:
        """Resumes an INACTIVE flow run; makes the service poll an ACTIVE one now, unless it ignores hints."""
        run = self._run(run_id, caller, roles.RESUMING)
        self._engine.resume(run)
        self._scheduler.at(run_id, self._now())
        return self._run_document(run, caller)

    def update_run(self, caller: str, run_id: str, request: Document) -> Document:
        run = self._run(run_id, caller, roles.MANAGING)
        self._check_metadata(request)
        with run.lock:
            run.label = request.get("label", run.label)
            run.tags = validation.tags(request.get("tags", run.tags))
            run.run_managers = list(request.get("run_managers", run.run_managers))
            run.run_monitors = list(request.get("run_monitors", run.run_monitors))
        return self._run_document(run, caller)

    def release_run(self, caller: str, run_id: str) -> Document:
        run = self._run(run_id, caller, roles.MANAGING)
        if not run.ended:
            ended = "{'ENDED', 'SUCCEEDED', 'FAILED'}"
            text = f"Run {run_id} has status '{run.status}' but must have status in {ended} for requested operation"
            raise FlowsError(409, "STATE_CONFLICT", text)
        with self._lock:
            self._runs.pop(run_id, None)
        return self._run_document(run, caller)

    # Web inputs

    def list_web_inputs(self, caller: str, query: Query) -> Document:
        return self._engine.web_inputs.search(caller, query, self._now())

    def get_web_input(self, caller: str, web_input_id: str) -> Document:
        return self._engine.web_inputs.show(caller, web_input_id)

    def respond_to_web_input(self, caller: str, web_input_id: str, request: Document) -> Document:
        """The flow run goes on at once."""
        run = self._engine.web_inputs.respond(caller, web_input_id, request, self._now())
        self._scheduler.at(run.id, self._now())
        return {"status": "ok"}

    def effects(self) -> list[Document]:
        """What was asked of action providers that only write it down."""
        return list(self._providers.effects)

    # Inside

    def _work(self, run_id: str) -> float | None:
        run = self._runs.get(run_id)
        return None if run is None else self._engine.advance(run)

    def _check_run(self, flow: Flow, request: Document, caller: str) -> None:
        held = roles.flow_roles(flow, caller)
        roles.require(held, ("flow_owner", "flow_administrator", "flow_starter"), flow.id, "RUN")
        if "body" not in request:
            raise validation.unprocessable([validation.problem("field required", "body")])
        self._check_metadata(request)
        validation.check_input(flow.input_schema, request["body"])

    def _check_metadata(self, request: Document) -> None:
        problems = validation.roles(request) + validation.label(request.get("label", ""))
        if problems:
            raise validation.unprocessable(problems)
        validation.tags(request.get("tags", []))

    def _flow(self, flow_id: str, caller: str) -> Flow:
        flow = self._flows.get(flow_id)
        if flow is None or not roles.flow_roles(flow, caller):
            raise FlowsError(404, "FLOW_NOT_FOUND", f"There is no flow with id {flow_id} that you may see")
        return flow

    def _administered(self, flow_id: str, caller: str, permission: str) -> Flow:
        flow = self._flow(flow_id, caller)
        held = roles.flow_roles(flow, caller)
        roles.require(held, ("flow_owner", "flow_administrator"), flow_id, permission)
        return flow

    def _run(self, run_id: str, caller: str, wanted: frozenset[str] = frozenset(roles.RUN_ROLES)) -> FlowRun:
        """The service does not tell a run that is not there from one that the caller may not see or change: 404."""
        run = self._runs.get(run_id)
        if run is None or not wanted & set(self._roles(run, caller)):
            raise FlowsError(404, "RUN_NOT_FOUND", f"There is no run with id {run_id} for which you may do this")
        return run

    def _roles(self, run: FlowRun, caller: str) -> list[str]:
        return roles.run_roles(run, self._flows.get(run.flow_id), caller)

    def _flow_document(self, flow: Flow, caller: str) -> Document:
        return documents.flow(flow, roles.flow_roles(flow, caller))

    def _run_document(self, run: FlowRun, caller: str, described: Flow | None = None) -> Document:
        return documents.flow_run(run, self._roles(run, caller), described)


def principal(identity: str) -> str:
    return f"urn:globus:auth:identity:{identity}"
