"""Bodies of actions: the forms that action providers take, today's and the older ones."""

from __future__ import annotations

import json
from typing import Any

Document = dict[str, Any]

_OLDER_NAMES = {
    "transfer_items": "DATA",
    "source_endpoint_id": "source_endpoint",
    "destination_endpoint_id": "destination_endpoint",
}


class ProviderError(Exception):
    """The provider refuses; a refused `run` raises ActionUnableToRun in the flow run."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def document(self) -> Document:
        return {"status_code": self.status, "code": self.code, "description": self.message}


def as_object(value: Any) -> Document:
    if not isinstance(value, dict):
        raise ProviderError(422, "InvalidInput", f"expected an object, found {value!r}"[:200])
    return value


def need_list(body: Document, key: str) -> list[Any]:
    value = need(body, key)
    if not isinstance(value, list) or not value:
        raise ProviderError(422, "InvalidInput", f"{key} must be a list of at least one item")
    return value


def need(body: Document, key: str) -> Any:
    try:
        return body[key]
    except KeyError:
        raise ProviderError(422, "InvalidInput", f"the action's input needs {key!r}") from None


def number(body: Document, key: str, otherwise: int) -> int:
    value = body.get(key, otherwise)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ProviderError(422, "InvalidInput", f"{key} must be a whole number, not {value!r}"[:200])
    return value


def arguments(args: Any, kwargs: Any) -> tuple[list[Any], Document]:
    """Both may come as JSON or as a text that holds JSON; args may be a single value."""
    args, kwargs = _from_text(args), _from_text(kwargs)
    if kwargs is not None and not isinstance(kwargs, dict):
        raise ProviderError(422, "InvalidInput", "kwargs must be an object")
    return [] if args is None else args if isinstance(args, list) else [args], kwargs or {}


def _from_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def transfer_document(body: Document) -> Document:
    body = {_OLDER_NAMES.get(key, key): value for key, value in body.items()}
    items = [{"DATA_TYPE": "transfer_item", **as_object(item)} for item in need_list(body, "DATA")]
    return {"DATA_TYPE": "transfer", **body, "DATA": items}


def delete_document(body: Document) -> Document:
    """The older form names the collection `endpoint_id` and gives `items`, a list of paths."""
    body = {{"endpoint_id": "endpoint", "items": "DATA"}.get(key, key): value for key, value in body.items()}
    items = [{"path": item} if isinstance(item, str) else as_object(item) for item in need_list(body, "DATA")]
    return {"DATA_TYPE": "delete", **body, "DATA": [{"DATA_TYPE": "delete_item", **item} for item in items]}
