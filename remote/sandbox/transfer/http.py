"""Transfer over HTTP: the routes that globus_sdk.TransferClient calls, all below /v0.10."""

from __future__ import annotations

import re
import secrets

from flask import Blueprint, Response, jsonify, request

from remote.sandbox.transfer.collection import Document, TransferError
from remote.sandbox.transfer.document import bad_request
from remote.sandbox.transfer.service import TransferService

_PAGE = 1000


def blueprint(transfer: TransferService) -> Blueprint:
    routes = Blueprint("transfer", __name__, url_prefix="/v0.10")
    _add_tasks(routes, transfer)
    _add_operations(routes, transfer)
    _add_permissions(routes, transfer)
    routes.register_error_handler(TransferError, _refused)
    return routes


def _add_tasks(routes: Blueprint, transfer: TransferService) -> None:
    @routes.get("/submission_id")
    def submission_id() -> Document:
        return {"value": transfer.submission_id()}

    @routes.post("/<any(transfer, delete):kind>")
    def submit(kind: str) -> tuple[Document, int]:
        return _answer(transfer.submit({**_body(), "DATA_TYPE": kind})), 202

    @routes.get("/task_list")
    def task_list() -> Document:
        return transfer.tasks(
            filters=tuple(request.args.getlist("filter")),
            orderby=request.args.get("orderby"),
            limit=_number("limit", 10, _PAGE),
            offset=_number("offset", 0),
        )

    @routes.get("/task/<task_id>")
    def task(task_id: str) -> Document:
        return transfer.task(task_id)

    @routes.put("/task/<task_id>")
    def update(task_id: str) -> Document:
        return _answer(transfer.update(task_id, _body()))

    @routes.post("/task/<task_id>/cancel")
    def cancel(task_id: str) -> Document:
        return {**_answer(transfer.cancel(task_id)), "resource": f"/task/{task_id}/cancel"}

    @routes.get("/task/<task_id>/event_list")
    def event_list(task_id: str) -> Document:
        events = transfer.events(task_id, tuple(request.args.getlist("filter")))
        limit, offset = _number("limit", 10, _PAGE), _number("offset", 0)
        page = events[offset : offset + limit]
        numbers = {"length": len(page), "limit": limit, "offset": offset, "total": len(events)}
        return {"DATA_TYPE": "event_list", **numbers, "DATA": page}

    @routes.get("/task/<task_id>/successful_transfers")
    def successful_transfers(task_id: str) -> Document:
        return _marked("successful_transfers", transfer.successful_transfers(task_id))

    @routes.get("/task/<task_id>/skipped_errors")
    def skipped_errors(task_id: str) -> Document:
        return _marked("skipped_errors", transfer.skipped_errors(task_id))

    @routes.get("/task/<task_id>/pause_info")
    def pause_info(task_id: str) -> Document:
        transfer.task(task_id)
        return {
            "DATA_TYPE": "pause_info_limited",
            "pause_rules": [],
            "source_pause_message": None,
            "destination_pause_message": None,
        }


def _add_operations(routes: Blueprint, transfer: TransferService) -> None:
    @routes.get("/endpoint/<collection_id>")
    def endpoint(collection_id: str) -> Document:
        return transfer.endpoint(collection_id)

    @routes.get("/endpoint_search")
    def search() -> Document:
        words = request.args.get("filter_fulltext", "").lower().split()
        kinds = request.args.get("filter_entity_type", "").lower().split(",")
        found = [
            document
            for document in map(transfer.endpoint, transfer.collections())
            if all(word in f"{document['display_name']} {document['organization']}".lower() for word in words)
            and (kinds == [""] or document["entity_type"].lower() in kinds)
        ]
        limit, offset = _number("limit", 25, 100), _number("offset", 0)
        page = found[offset : offset + limit]
        more = offset + limit < len(found)
        return {"DATA_TYPE": "endpoint_list", "limit": limit, "offset": offset, "has_next_page": more, "DATA": page}

    @routes.get("/operation/endpoint/<collection_id>/ls")
    def ls(collection_id: str) -> Document:
        return transfer.ls(
            collection_id,
            request.args.get("path", "/~/"),
            _flag("show_hidden", True),
            filters=tuple(request.args.getlist("filter")),
            orderby=request.args.get("orderby"),
            limit=_number("limit", 100_000, 100_000),
            offset=_number("offset", 0),
        )

    @routes.get("/operation/endpoint/<collection_id>/stat")
    def stat(collection_id: str) -> Document:
        return transfer.stat(collection_id, request.args.get("path", "/~/"))

    @routes.post("/operation/endpoint/<collection_id>/mkdir")
    def mkdir(collection_id: str) -> tuple[Document, int]:
        return _answer(transfer.mkdir(collection_id, _text(_body(), "path"))), 202

    @routes.post("/operation/endpoint/<collection_id>/rename")
    def rename(collection_id: str) -> Document:
        body = _body()
        return _answer(transfer.rename(collection_id, _text(body, "old_path"), _text(body, "new_path")))


def _add_permissions(routes: Blueprint, transfer: TransferService) -> None:
    @routes.get("/endpoint/<collection_id>/access_list")
    def access_list(collection_id: str) -> Document:
        rules = transfer.access_list(collection_id)
        return {"DATA_TYPE": "access_list", "endpoint": collection_id, "length": len(rules), "DATA": rules}

    @routes.post("/endpoint/<collection_id>/access")
    def create_access(collection_id: str) -> tuple[Document, int]:
        return _answer(transfer.create_access(collection_id, _body())), 201

    @routes.get("/endpoint/<collection_id>/access/<rule_id>")
    def access(collection_id: str, rule_id: str) -> Document:
        return transfer.access(collection_id, rule_id)

    @routes.put("/endpoint/<collection_id>/access/<rule_id>")
    def update_access(collection_id: str, rule_id: str) -> Document:
        return _answer(transfer.update_access(collection_id, rule_id, _body()))

    @routes.delete("/endpoint/<collection_id>/access/<rule_id>")
    def delete_access(collection_id: str, rule_id: str) -> Document:
        return _answer(transfer.delete_access(collection_id, rule_id))


def _answer(document: Document) -> Document:
    """With the two fields that every reply to a change carries."""
    return {**document, "request_id": secrets.token_urlsafe(7), "resource": request.path}


def _refused(error: TransferError) -> Response:
    reply = jsonify(_answer({"code": error.code, "message": error.message}))
    reply.status_code = error.status
    return reply


def _body() -> Document:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise bad_request("the body must be a JSON object")
    return body


def _text(body: Document, key: str) -> str:
    if not isinstance(body.get(key), str):
        raise bad_request(f"{key} is missing")
    return str(body[key])


def _number(name: str, default: int, most: int | None = None) -> int:
    text = request.args.get(name, str(default))
    if not re.fullmatch("[0-9]{1,18}", text):
        raise bad_request(f"{name} must be a whole number, not {text!r}")
    return int(text) if most is None else min(int(text), most)


def _flag(name: str, default: bool) -> bool:
    return request.args.get(name, str(default)).lower() in ("1", "true")


def _marked(kind: str, documents: list[Document]) -> Document:
    """A page of a list that is paged by marker: the marker is the position, null at the end."""
    start = _number("marker", 0)
    following = start + _PAGE
    return {
        "DATA_TYPE": kind,
        "marker": start,
        "next_marker": following if following < len(documents) else None,
        "DATA": documents[start:following],
    }
