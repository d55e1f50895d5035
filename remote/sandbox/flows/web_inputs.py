"""Questions that a flow run asks people: made by a CreateWebInput, answered over HTTP, awaited by an AwaitWebInput.

Who may see or answer one stands in it, by principal. Nothing says how long the service waits: here it waits for ever,
and a web input is closed when it is answered or its flow run has ended.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from remote.sandbox.flows import listing
from remote.sandbox.flows.errors import FlowsError, runtime
from remote.sandbox.flows.listing import Position, Query
from remote.sandbox.flows.runs import FlowRun, iso

Document = dict[str, Any]

_ROLES = ("viewer", "respondent")
_STATES = ("open", "closed")
_SHOWN = {"Table": "Rows", "Text": "Text"}  # presentation style -> what is shown below the title


@dataclass
class WebInput:
    """`options` are those of the documents, `values` what the flow run gets of each, by its id."""

    run: FlowRun
    context: Document
    options: list[Document]
    values: dict[str, Any]
    viewers: list[str]
    respondents: list[str]
    created: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    closed: float | None = None
    chosen: str | None = None  # the id of an option

    def roles(self, caller: str) -> list[str]:
        held = {"viewer": caller in self.viewers, "respondent": caller in self.respondents}
        return [role for role in _ROLES if held[role]]


class WebInputs:
    """Thread-safe. Methods with a caller raise FlowsError."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: dict[str, WebInput] = {}

    def create(self, run: FlowRun, parameters: Any, now: float) -> str:
        """Its id. Raises StateError for parameters that make no question."""
        made = _made(run, parameters, now)
        with self._lock:
            self._all[made.id] = made
        return made.id

    def response(self, web_input_id: object) -> Document | None:
        """What the flow run gets: `response` is the value of the chosen option. None while nobody has answered."""
        asked = self._all.get(str(web_input_id))
        if asked is None:
            raise runtime(f"There is no web input {web_input_id!r}.")
        if asked.chosen is None:
            return None
        return {"web_input_id": asked.id, "response": asked.values[asked.chosen]}

    def close(self, run: FlowRun, now: float) -> None:
        """Those of a flow run that has ended."""
        with self._lock:
            for asked in self._all.values():
                if asked.run is run and asked.closed is None:
                    asked.closed = now

    def show(self, caller: str, web_input_id: str) -> Document:
        return _document(self._find(caller, web_input_id), caller)

    def search(self, caller: str, query: Query, now: float) -> Document:
        """Query: filter_roles, filter_states, filter_flow_ids, filter_run_ids, orderby, per_page, marker."""
        at = Position.of(query, now)
        roles = listing.words(at.query, "filter_roles", _ROLES) or set(_ROLES)
        states = listing.words(at.query, "filter_states", _STATES) or set(_STATES)
        flows, runs = listing.words(at.query, "filter_flow_ids"), listing.words(at.query, "filter_run_ids")
        found = [
            one
            for one in list(self._all.values())
            if set(one.roles(caller)) & roles
            and _status(one) in states
            and (not flows or one.run.flow_id in flows)
            and (not runs or one.run.id in runs)
            and one.created <= at.as_of
        ]
        found = listing.ordered(found, at.query, _ORDER, "created_timestamp DESC")
        shown, fields = listing.page(found, at, listing.page_size(at.query, "per_page", listing.PER_PAGE))
        return {"web_input_summaries": [_summary(one, caller) for one in shown], "marker": fields["marker"]}

    def respond(self, caller: str, web_input_id: str, request: Document, now: float) -> FlowRun:
        """Answers it; returns the flow run that may go on."""
        asked = self._find(caller, web_input_id)
        if "respondent" not in asked.roles(caller):
            raise FlowsError(403, "FORBIDDEN", f"User does not have respondent role on web input {web_input_id}")
        response = request.get("response")
        value = response.get("value") if isinstance(response, Mapping) else None
        with self._lock:
            if asked.closed is not None:
                raise FlowsError(409, "STATE_CONFLICT", f"Web Input {web_input_id} is already closed.")
            if not isinstance(value, str) or value not in asked.values:
                text = f"{value!r} is not a registered option id for this input."
                raise FlowsError(422, "UNPROCESSABLE_ENTITY", text)
            asked.chosen, asked.closed = value, now
        return asked.run

    def _find(self, caller: str, web_input_id: str) -> WebInput:
        asked = self._all.get(web_input_id)
        if asked is None or not asked.roles(caller):
            raise FlowsError(404, "NOT_FOUND", f"No Web Input exists with id value {web_input_id}")
        return asked


_ORDER = {
    "created_timestamp": lambda one: one.created,
    "edited_timestamp": lambda one: one.created,
    "closed_timestamp": lambda one: one.closed,
}


def _made(run: FlowRun, parameters: Any, now: float) -> WebInput:
    given = _of(parameters, dict, "Parameters")
    if given.get("InputType") != "Selection":
        raise runtime(f"CreateWebInput: InputType must be 'Selection', not {given.get('InputType')!r}.")
    options, values = [], {}
    for option in _of(given.get("Options"), list, "Options"):
        if not isinstance(option, dict) or not {"Value", "Label"} <= option.keys():
            raise runtime("CreateWebInput: each of the Options needs Value and Label.")
        option_id = str(uuid.uuid4())
        options.append({"option_id": option_id, "label": option["Label"], "description": option.get("Description", "")})
        values[option_id] = option["Value"]
    return WebInput(
        run=run,
        context=_context(_of(given.get("Context"), dict, "Context")),
        options=options,
        values=values,
        viewers=given.get("ViewerUrns", []),
        respondents=_of(given.get("RespondentUrns"), list, "RespondentUrns"),
        created=now,
    )


def _context(given: Document) -> Document:
    style = given.get("PresentationStyle")
    if style not in _SHOWN or "Title" not in given or _SHOWN[style] not in given:
        raise runtime("CreateWebInput: Context needs a PresentationStyle, Table or Text, a Title, and Rows or Text.")
    shown = given[_SHOWN[style]]
    if style == "Table":
        rows = [_of(row, dict, "a row") for row in _of(shown, list, "Rows")]
        shown = [{"field": row.get("Field"), "value": row.get("Value")} for row in rows]
    return {"title": given["Title"], "presentation_style": style.lower(), _SHOWN[style].lower(): shown}


def _of(value: Any, kind: type, name: str) -> Any:
    if not isinstance(value, kind) or not value:
        raise runtime(f"CreateWebInput: {name} is missing, empty or no {'object' if kind is dict else 'list'}.")
    return value


def _status(asked: WebInput) -> str:
    return "open" if asked.closed is None else "closed"


def _summary(asked: WebInput, caller: str) -> Document:
    return {
        "id": asked.id,
        "status": _status(asked),
        "user_roles": asked.roles(caller),
        "input_type": "selection",
        "title": asked.context["title"],
        "flow": {"id": asked.run.flow_id, "title": asked.run.flow_title},
        "run": {"id": asked.run.id, "label": asked.run.label},
        "created_timestamp": iso(asked.created),
        "edited_timestamp": iso(asked.created),
        "closed_timestamp": None if asked.closed is None else iso(asked.closed),
    }


def _document(asked: WebInput, caller: str) -> Document:
    document = _summary(asked, caller)
    del document["title"]
    choices = [{"const": o["option_id"], "title": o["label"], "description": o["description"]} for o in asked.options]
    return {
        **document,
        "input_schema": {
            "$schema": "http://json-schema.org/draft-07/schema",
            "title": "Please select an option",
            "type": "string",
            "oneOf": choices,
        },
        "context": asked.context,
        "options": asked.options,
        "roles": {"viewer_urns": asked.viewers, "respondent_urns": asked.respondents},
        "creator_urn": asked.run.owner,
    }
