"""Judging what is submitted to Transfer: items, filter rules, sync level, deadline."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from remote.sandbox.transfer.collection import Document, TransferError

# At most 128 characters; of those that are refused only the colon is known.
LABEL = re.compile(r"[^:\x00-\x1f\x7f]{0,128}")
_ENDS = {"TRANSFER": ("source_endpoint", "destination_endpoint"), "DELETE": ("endpoint",)}
_SYNC_LEVELS = {"exists": 0, "size": 1, "mtime": 2, "checksum": 3, 0: 0, 1: 1, 2: 2, 3: 3}


def bad_request(message: str) -> TransferError:
    return TransferError(400, "ClientError.BadRequest", message)


def check_texts(document: Document, *keys: str) -> None:
    """Refuse what is no text, and a label that Transfer would not take."""
    for key in keys:
        if not isinstance(document.get(key), (str, type(None))):
            raise bad_request(f"{key} must be a string")
    label = document.get("label") or ""
    if not LABEL.fullmatch(label) or label != label.strip():
        raise bad_request("label must have at most 128 characters, no colon, and no white space at its ends")


def check_items(kind: str, document: Document) -> None:
    """Refuse a document without items or with options the sandbox does not have; bring sync_level to a number."""
    check_texts(document, *_ENDS[kind], "label")
    if missing := [key for key in _ENDS[kind] if not document.get(key)]:
        raise bad_request(f"{missing[0]} is missing")
    items = document.get("DATA")
    if not items or not isinstance(items, list):
        raise TransferError(
            400, f"ClientError.BadRequest.No{kind.title()}Items", f"A {kind.lower()} requires at least one item"
        )
    keys = ("source_path", "destination_path") if kind == "TRANSFER" else ("path",)
    for item in items:
        if not isinstance(item, dict) or not all(isinstance(item.get(key), str) for key in keys):
            raise bad_request(f"every item needs {' and '.join(keys)}")
    if document.get("delete_destination_extra"):
        raise bad_request("the sandbox does not know delete_destination_extra")
    if any(item.get("external_checksum") for item in items):
        raise bad_request("the sandbox does not know external_checksum")
    rules = document.get("filter_rules") or []
    for rule in rules if isinstance(rules, list) else [rules]:
        if (
            not isinstance(rule, dict)
            or not isinstance(rule.get("name"), str)
            or rule.get("method", "exclude") not in ("include", "exclude")
        ):
            raise bad_request(f"filter rule {rule!r} needs a name, and include or exclude as its method")
    if "sync_level" in document:
        if not isinstance(document["sync_level"], (int, str)) or document["sync_level"] not in _SYNC_LEVELS:
            raise bad_request(f"sync_level {document['sync_level']!r} is none of 0, 1, 2, 3")
        document["sync_level"] = _SYNC_LEVELS[document["sync_level"]]


def deadline(text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise bad_request(f"deadline {text!r} is no time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
