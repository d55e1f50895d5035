"""What the compute function site_status told of the site, as reasons of the catalogue. Pure.

The document came from the site: it is checked against SCHEMA first (`problem`), and all else relies on that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowspec import text
from flowspec.catalogue import nested
from flowspec.conditions import Reason, reason

Document = Mapping[str, Any]

NO_ROOM = 1_000_000  # bytes: with less the kit ends a job
PENDING = "PENDING"
WRITTEN = ("top", "temporary")  # the paths that jobs must be able to write
SAID = 200  # characters of what a command says

_TEXT, _COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
_TEXTS = {"type": "array", "items": _TEXT}
_ANSWER = {
    "type": "object",
    "required": ["command"],
    "properties": {"command": _TEXT, "rc": {"type": "integer"}, "hung": {"type": "number"}, "lines": _TEXTS},
}
_PATH = {
    "type": "object",
    "required": ["name", "path"],
    "oneOf": [
        {"required": ["unseen"]},
        {"required": ["there"], "properties": {"there": {"const": False}}},
        {"required": ["there", "writable", "free", "total", "files_free"]},
    ],
    "properties": {
        "name": _TEXT,
        "path": _TEXT,
        "free": _COUNT,
        "total": _COUNT,
        "files_free": {"type": ["integer", "null"]},
        "unseen": _ANSWER,
    },
}
_JOBS = {"type": "array", "items": {"type": "object", "required": ["state", "reason"], "additionalProperties": _TEXT}}
_STAGE = {
    "type": "object",
    "required": ["programs"],
    "properties": {
        "programs": {"type": "object", "additionalProperties": _TEXT},
        "container": _TEXT,
        "failed": _ANSWER,
        "fitconf": {"type": "object", "required": ["rc", "said"], "properties": {"said": _TEXT}},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["schema", "at", "host", "job_id", "python", "kit", "paths", "quota", "queue", "stages"],
    "properties": {
        "schema": {"const": 1},
        "at": {"type": "number"},
        "host": _TEXT,
        "job_id": {"type": ["string", "null"]},
        "python": _TEXT,
        "kit": {
            "type": "object",
            "required": ["path", "digest", "files"],
            "properties": {"digest": _TEXT, "files": {"type": "object", "additionalProperties": _TEXT}},
        },
        "paths": {"type": "array", "items": _PATH},
        "quota": _ANSWER,
        "queue": {**_ANSWER, "properties": {**_ANSWER["properties"], "jobs": _JOBS, "rubbish": _TEXTS}},  # type: ignore[dict-item]
        "stages": {"type": "object", "additionalProperties": _STAGE},
    },
}


def problem(document: Any) -> str:
    """Why this is not what site_status tells; '' when it is."""
    from jsonschema import Draft7Validator  # slow to import, and most commands do without it

    fault = next(Draft7Validator(SCHEMA).iter_errors(document), None)
    return f"{'.'.join(map(str, fault.absolute_path)) or 'reply'}: {fault.message:.100}" if fault else ""


def reasons(document: Document, shipped: Mapping[str, str]) -> list[Reason]:
    """All that is to be said of it, in order; `shipped`: the files of this console's kit and their digests."""
    host = reason("site.host", host=document["host"], python=document["python"], job_id=document["job_id"])
    found = [host, of_kit(document["kit"]["digest"], document["kit"]["files"], shipped)]
    found += [_path(path) for path in document["paths"]]
    found += [_quota(document["quota"]), _queue(document["queue"])]
    for stage, told in document["stages"].items():
        found += _stage(stage, told)
    return found


def of_kit(digest: str, files: Mapping[str, str], shipped: Mapping[str, str]) -> Reason:
    """Whether the kit with these files is this console's; of one whose files are not known (empty) no file is named."""
    differ = sorted(name for name in {*files, *shipped} if files.get(name) != shipped.get(name)) if files else None
    return reason("site.kit-outdated", files=differ) if differ != [] else reason("site.kit", digest=digest)


def pending(document: Document) -> dict[str, int]:
    """Slurm's reasons for what is pending of our jobs, with how many have each."""
    jobs = document["queue"].get("jobs", ())
    return dict(Counter(job["reason"] for job in jobs if job["state"] == PENDING))


def _path(told: Document) -> Reason:
    where = {"name": told["name"], "path": told["path"]}
    if "unseen" in told:
        return reason("site.path-unseen", **where, cause=nested(_answer(told["unseen"])))
    if not told["there"]:
        return reason("site.path-missing", **where)
    if not told["writable"] and told["name"] in WRITTEN:
        return reason("site.path-readonly", **where)
    room = reason("site.path", **where, free=told["free"], total=told["total"], files_free=told["files_free"])
    full = told["free"] < NO_ROOM or told["files_free"] == 0
    return reason("site.path-full", cause=nested(room)) if full and told["name"] in WRITTEN else room


def _quota(told: Document) -> Reason:
    if told.get("rc") != 0:
        return _answer(told)
    return reason("site.quota", command=told["command"], lines=[text.clean(line) for line in told.get("lines", [])])


def _queue(told: Document) -> Reason:
    if "rubbish" in told:
        return reason("site.unreadable", command=told["command"], said=_said(told["rubbish"]))
    if "jobs" not in told:
        return _answer(told)
    states = Counter(job["state"].lower() for job in told["jobs"])
    return reason("site.queue", states=dict(states), pending=pending({"queue": told}))


def _stage(stage: str, told: Document) -> Iterator[Reason]:
    if "failed" in told:
        yield reason("site.stage-fails", stage=stage, cause=nested(_answer(told["failed"])))
        return
    missing = [program for program, path in told["programs"].items() if not path]
    for program in missing:
        yield reason("site.program-missing", stage=stage, program=program)
    if not missing:
        yield reason("site.stage", stage=stage, programs=told["programs"], container=told.get("container", ""))
    if "fitconf" in told:
        code = "site.fitconf-wrong" if told["fitconf"]["rc"] else "site.fitconf"
        yield Reason(code, {"said": told["fitconf"]["said"]})


def _answer(told: Document) -> Reason:
    """What became of a command that has not said what it was asked for."""
    command = told["command"]
    if told.get("absent"):
        return reason("site.no-command", command=command)
    if "hung" in told:
        return reason("site.hung", command=command, seconds=told["hung"])
    return reason("site.refused", command=command, rc=told.get("rc", 0), said=_said(told.get("lines", [])[-3:]))


def _said(lines: Sequence[str]) -> str:
    return text.clean(" | ".join(lines), SAID) or "nothing"
