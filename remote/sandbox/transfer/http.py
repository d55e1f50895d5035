"""Transfer over HTTP: the routes that globus_sdk.TransferClient calls, all below /v0.10."""

from __future__ import annotations

import re
import secrets
from typing import Any

from flask import Blueprint, Response, jsonify, request

from remote.sandbox.transfer.collection import Document, TransferError
from remote.sandbox.transfer.document import bad_request
from remote.sandbox.transfer.service import TransferService

_PAGE = 1000
_ENTITY_TYPE = "GCSv5_mapped_collection"


def blueprint(transfer: TransferService, owner: str) -> Blueprint:
    routes = Blueprint("transfer", __name__, url_prefix="/v0.10")
    _add_tasks(routes, transfer)
    _add_operations(routes, transfer, owner)
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
        events = transfer.events(task_id)
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


def _add_operations(routes: Blueprint, transfer: TransferService, owner: str) -> None:
    @routes.get("/endpoint/<collection_id>")
    def endpoint(collection_id: str) -> Document:
        return _endpoint(collection_id, transfer.collection(collection_id).name, owner)

    @routes.get("/endpoint_search")
    def search() -> Document:
        words = request.args.get("filter_fulltext", "").lower().split()
        kinds = request.args.get("filter_entity_type", _ENTITY_TYPE).lower().split(",")
        everything = [_endpoint(id_, collection.name, owner) for id_, collection in transfer.collections().items()]
        found = [
            document
            for document in everything
            if all(word in f"{document['display_name']} {document['organization']}".lower() for word in words)
            and document["entity_type"].lower() in kinds
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


def _endpoint(collection_id: str, name: str, owner: str) -> dict[str, Any]:
    """An endpoint document with the keys of the registered fixture; what the sandbox does not have is null or false."""
    nothing = (
        "globus_connect_setup_key gcp_connected gcp_paused s3_url host_endpoint_id host_path"
        " myproxy_server myproxy_dn non_functional_endpoint_display_name non_functional_endpoint_id oauth_server"
        " default_directory keywords info_link contact_email contact_info department subscription_id canonical_name"
        " gcs_manager_url tlsftp_server local_user_info_available"
    )
    no = (
        "public french_english_bilingual is_globus_connect s3_owner_activated disable_verify"
        " disable_anonymous_writes force_verify force_encryption mfa_required non_functional activated shareable"
        " acl_available acl_editable in_use high_assurance"
    )
    return {
        "DATA_TYPE": "endpoint",
        "id": collection_id,
        "display_name": name,
        "username": "sandbox",
        "organization": "sandbox",
        "owner_id": owner,
        "description": "A directory on this machine.",
        "entity_type": _ENTITY_TYPE,
        "owner_string": "operator@sandbox",
        "expires_in": -1,
        "expire_time": "2100-01-01 00:00:00+00:00",
        **dict.fromkeys(nothing.split()),
        **dict.fromkeys(no.split(), False),
        "DATA": [],
    }
