"""What the site's monitor says of its compute endpoints: the document that it leaves at the site, as reasons.

The document is `monitor.json` of the kit's monitor.py. Pure; nothing of it is believed before it has this form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from flowspec import text
from flowspec.conditions import Reason, reason

Document = Mapping[str, Any]

SILENT_SECONDS = 600.0  # without a sign of life; it gives one each minute
PENDING = "PENDING"

_TEXT = {"type": "string", "maxLength": 4000}
_REFUSED = {
    "type": ["object", "null"],
    "required": ["at", "words"],
    "properties": {"words": _TEXT, "at": {"type": "number"}},
}
_BLOCK = {"type": "object", "required": ["state", "reason"], "properties": {"state": _TEXT, "reason": _TEXT}}
_ASKED = {
    "type": ["object", "null"],
    "required": ["id", "done", "said"],
    "properties": {"id": _TEXT, "done": {"type": "boolean"}, "said": _TEXT},
}
# `id`, `restarts_asked` and `asked` are not told by every kit.
_ENDPOINT = {
    "type": "object",
    "required": ["name", "problem", "given_up", "refused", "blocks"],
    "properties": {
        "name": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z"},  # it becomes part of a path
        "id": {"type": ["string", "null"]},
        "restarts_asked": {"type": "boolean"},
        "asked": _ASKED,
        "problem": _TEXT,
        "given_up": {"type": "boolean"},
        "refused": _REFUSED,
        "blocks": {"type": "array", "items": _BLOCK},
    },
}
_ORPHAN = {
    "type": "object",
    "required": ["job", "child"],
    "properties": {"job": {"type": ["string", "integer"]}, "child": _TEXT},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["schema", "at", "ended", "endpoints", "orphans", "problem"],
    "properties": {
        "schema": {"const": 1},
        "at": {"type": "number"},
        "ended": {"type": "boolean"},
        "problem": _TEXT,
        "endpoints": {"type": "array", "items": _ENDPOINT},
        "orphans": {"type": "array", "items": _ORPHAN},
    },
}


def problem(document: Any) -> str:
    """Why this is not what the monitor writes; '' when it is."""
    from jsonschema import Draft7Validator  # slow to import, and most commands do without it

    fault = next(Draft7Validator(SCHEMA).iter_errors(document), None)
    return f"{'.'.join(map(str, fault.absolute_path)) or 'monitor.json'}: {fault.message:.100}" if fault else ""


def troubles(document: Document, alive_at: float, now: float) -> list[Reason]:
    """What is wrong, in order. `alive_at`: when the monitor gave a sign of life last, in seconds as `now`."""
    found = []
    offered = restartable(document, alive_at, now).values()
    if document["ended"]:
        found.append(reason("monitor.ended", at=document["at"]))
    elif now - alive_at > SILENT_SECONDS:
        found.append(reason("monitor.silent", at=alive_at))
    if document["problem"]:
        found.append(reason("monitor.slurm", words=text.clean(document["problem"])))
    for endpoint in document["endpoints"]:
        found += _of_endpoint(endpoint, here=endpoint["name"] in offered)
    found += [reason("monitor.orphan", job=str(block["job"]), child=block["child"]) for block in document["orphans"]]
    return found


def restartable(document: Document, alive_at: float, now: float) -> dict[str, str]:
    """The names of the endpoints that the monitor restarts for who asks, by their ids; none when it does nothing."""
    if document["ended"] or now - alive_at > SILENT_SECONDS:
        return {}
    return {each["id"]: each["name"] for each in document["endpoints"] if each.get("restarts_asked") and each.get("id")}


def answer(document: Document, asked: str) -> str | None:
    """What came of the restart that was asked for with this id: why it was not done, '' when it was. None before."""
    answers = [each["asked"] for each in document["endpoints"] if each.get("asked")]
    found = next((each for each in answers if each["id"] == asked), None)
    if found is None:
        return None
    return "" if found["done"] else text.clean(found["said"]) or "it does not say why"


def pending(document: Document) -> dict[str, int]:
    """Slurm's reasons for the blocks that are pending, with how many have each."""
    blocks = [block for endpoint in document["endpoints"] for block in endpoint["blocks"]]
    return dict(Counter(block["reason"] for block in blocks if block["state"] == PENDING))


def _of_endpoint(told: Document, *, here: bool) -> Iterator[Reason]:
    name = told["name"]
    if told["refused"]:
        at, words = told["refused"]["at"], text.clean(told["refused"]["words"])
        yield reason("monitor.refused", endpoint=name, at=at, words=words)
    if told["given_up"] or told["problem"]:
        words = text.clean(told["problem"]) or "given up"
        yield reason("monitor.endpoint", endpoint=name, words=words, here=here or None)
