"""The HTTP interface of the Flows service: the routes of globus_sdk's FlowsClient and SpecificFlowClient."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from remote.sandbox.flows.errors import FlowsError
from remote.sandbox.flows.service import FlowsService, principal


def blueprint(flows: FlowsService, identity: str) -> Blueprint:
    """All Flows routes. The caller is `flask.g.identity` if that is set, else `identity`."""
    routes = Blueprint("flows", __name__)

    def route(method: str, rule: str, name: str, status: int = 200, *, given: Callable[[], Any] | None = None) -> None:
        """The method `name` of the service makes the reply from the caller, the ids in the rule and what is given."""

        def view(**ids: str) -> tuple[Response, int]:
            caller = principal(g.get("identity") or identity)
            rest = [] if given is None else [given()]
            return jsonify(getattr(flows, name)(caller, *ids.values(), *rest)), status

        routes.add_url_rule(rule, name, view, methods=[method])

    route("POST", "/flows", "create_flow", 201, given=_body)
    route("GET", "/flows", "list_flows", given=_query)
    route("POST", "/flows/validate", "validate_flow", given=_body)
    route("GET", "/flows/<flow>", "get_flow")
    route("PUT", "/flows/<flow>", "update_flow", given=_body)
    route("DELETE", "/flows/<flow>", "delete_flow")
    route("POST", "/flows/<flow>/run", "start_run", 201, given=_body)
    route("POST", "/flows/<flow>/validate_run", "validate_run", given=_body)
    route("GET", "/runs", "list_runs", given=_query)
    route("GET", "/runs/<run>", "get_run", given=_query)
    route("PUT", "/runs/<run>", "update_run", given=_body)
    route("GET", "/runs/<run>/log", "get_run_logs", given=_query)
    route("GET", "/runs/<run>/definition", "get_run_definition")
    route("POST", "/runs/<run>/cancel", "cancel_run", 202)
    route("POST", "/runs/<run>/resume", "resume_run")
    route("POST", "/runs/<run>/release", "release_run")
    route("GET", "/web_inputs", "list_web_inputs", given=_query)
    route("GET", "/web_inputs/<web_input>", "get_web_input")
    route("POST", "/web_inputs/<web_input>/respond", "respond_to_web_input", given=_body)
    routes.register_error_handler(FlowsError, refuse)
    return routes


def refuse(error: FlowsError) -> tuple[Response, int]:
    """`{"error": {"code", "detail", "message"}, "debug_id"}`"""
    document = {"code": error.code, "detail": error.detail, "message": error.message}
    return jsonify({"error": document, "debug_id": str(uuid.uuid4())}), error.status


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        detail = [{"loc": [], "msg": "the body must be a JSON object", "type": "value_error"}]
        raise FlowsError(422, "UNPROCESSABLE_ENTITY", "1 validation error in body.", detail)
    return body


def _query() -> dict[str, str]:
    """Query arguments; one that is given several times (orderby of list_flows) is joined by commas."""
    return {name: ",".join(request.args.getlist(name)) for name in request.args}
