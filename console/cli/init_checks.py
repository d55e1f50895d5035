"""What an answer of `console init` is looked at with: as a profile is, then on this machine, then at Globus."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from console.disk import mark as marks
from console.ledger import filesystem
from console.settings.errors import SettingsError
from console.settings.private import refuse_shared
from console.settings.profiles import valid
from flowspec.names import parse_run_directory
from flowspec.text import clean, counted
from remote.globus import secret_file
from remote.globus.connection import Remote
from remote.globus.errors import RemoteError

T = TypeVar("T")


class Wrong(Exception):
    """The answer cannot be used; the text, of one line or more that can be shown, says why."""


@dataclass
class Draft:
    """The profile as far as it was answered; `before` is the one whose values are offered.

    `remote`: the clients, when somebody is logged in. `mapped`: of collections, whether they are mapped ones.
    """

    before: Mapping[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    remote: Remote | None = None
    mapped: dict[str, bool] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)  # keys of what could not be looked at, or is not there


@dataclass(frozen=True)
class Taken:
    """What an answer means (None: nothing is set), and what was seen; `doubt`: it is not what a profile should name."""

    value: Any
    seen: str = ""
    doubt: str = ""


Check = Callable[[str, str, Draft], Taken]  # of key, answer and draft; raises Wrong, OSError


def as_profile(key: str, answer: Any, draft: Draft) -> Taken:
    """What the profile's own rules make of it."""
    try:
        value = valid(key, answer)
    except SettingsError as error:
        raise Wrong(str(error)) from None
    return Taken(str(value) if isinstance(value, Path) else answer if isinstance(value, list | tuple) else value)


def several(key: str, answer: str, draft: Draft) -> Taken:
    """A list, with blanks or commas between."""
    return as_profile(key, answer.replace(",", " ").split(), draft)


def addresses(key: str, answer: str, draft: Draft) -> Taken:
    if not all("://" in each for each in answer.replace(",", " ").split()):
        raise Wrong("expected addresses such as mailtos://NAME:PASSWORD@mail.example.org")
    return several(key, answer, draft)


# ---- this machine


def new_file(key: str, answer: str, draft: Draft) -> Taken:
    path = Path(as_profile("dtn.runs", answer, draft).value)
    if path.exists():
        raise Wrong("is there already, and stays as it is; expected another name")
    if not path.parent.is_dir():
        raise Wrong(f"there is no directory {clean(str(path.parent))}")
    refuse_shared(path.parent)
    return Taken(str(path))


def runs(key: str, answer: str, draft: Draft) -> Taken:
    found = _directory(key, answer, draft)
    if found.doubt:
        return found
    count = sum(parse_run_directory(each.name) is not None for each in Path(found.value).iterdir())
    return Taken(found.value, f"{counted(count, 'run')} there")


def results(key: str, answer: str, draft: Draft) -> Taken:
    found = _directory(key, answer, draft)
    if found.doubt:
        return found
    if not os.access(found.value, os.W_OK | os.X_OK):
        return Taken(found.value, doubt="this account may not write in it")
    there = marks.read(Path(found.value))
    if there is not None:
        who = (
            f"{there.user or 'somebody'} on {there.host or 'an unknown machine'} with the ledger {there.ledger or '?'}"
        )
        return Taken(found.value, doubt=f"a console brings results here already: {who}")
    return found


def _directory(key: str, answer: str, draft: Draft) -> Taken:
    path = as_profile(key, answer, draft).value
    if Path(path).is_dir():
        return Taken(path)
    return Taken(
        path, doubt=f"there is no such directory: {shlex.join(['mkdir', '-p', path])}, or mount its file system"
    )


def ledger(key: str, answer: str, draft: Draft) -> Taken:
    path = Path(as_profile(key, answer, draft).value)
    if path.is_dir():
        raise Wrong("is a directory; expected a file, such as ledger.db in it")
    if problem := filesystem.no_place_for_a_ledger(path.parent):
        raise Wrong(problem)
    return Taken(str(path), doubt="is there already, and would be gone on with" if path.exists() else "")


def prefix(key: str, answer: str, draft: Draft) -> Taken:
    """The head of both directories; the collection is asked for what is left of them."""
    head = answer.rstrip("/")
    for name in ("runs", "results") if answer else ():
        if not f"{draft.values[f'dtn.{name}']}/".startswith(f"{head}/") or not head.startswith("/"):
            raise Wrong(f"dtn.{name} does not begin with it")
    paths = [draft.values[f"dtn.{name}"].removeprefix(head) or "/" for name in ("runs", "results")]
    return _in_collection(key, head or None, "dtn.collection", paths, draft)


def secret(key: str, answer: str, draft: Draft) -> Taken:
    if not answer:
        return Taken(None)
    path = as_profile(key, answer, draft).value
    try:
        secret_file.read(Path(path), "secret file", "write the client's secret there")
    except RemoteError as error:
        return Taken(path, doubt=f"{error.cause}; {error.next_step}")
    return Taken(path)


# ---- Globus


def collection(key: str, answer: str, draft: Draft) -> Taken:
    """By id, or by its name when somebody is logged in."""
    try:
        found = as_profile(key, answer, draft)
    except Wrong:
        return _by_name(answer, draft)
    seen = _asked(key, draft, lambda there: there.transfer.collection(found.value))
    if seen is None:
        return found
    if isinstance(seen, str):
        return Taken(found.value, doubt=seen)
    draft.mapped[found.value] = seen.mapped
    return Taken(found.value, f"is {clean(seen.name)}")


def _by_name(answer: str, draft: Draft) -> Taken:
    if draft.remote is None:
        raise Wrong("expected its id, as on its page at app.globus.org: nobody is logged in to look up a name")
    try:
        found = draft.remote.transfer.search(answer)
    except RemoteError as error:
        raise Wrong(f"not an id, and a name cannot be looked up now: {error.cause}") from None
    if len(found) == 1:
        draft.mapped[found[0].id] = found[0].mapped
        return Taken(found[0].id, f"is {found[0].id}, {clean(found[0].name)}")
    lines = ["several are called so; expected one of these ids:", *(f"    {c.id}  {clean(c.name)}" for c in found)]
    raise Wrong("\n".join(lines) if found else "no collection is called so")


def site_directory(key: str, answer: str, draft: Draft) -> Taken:
    path = as_profile(key, answer, draft).value
    return _in_collection(key, path, "site.collection", [path], draft)


def _in_collection(key: str, value: str | None, whose: str, paths: list[str], draft: Draft) -> Taken:
    for path in paths:
        seen = _asked(key, draft, partial(_is_there, draft.values[whose], path))
        if seen is None:
            return Taken(value)
        if seen is not True:
            return Taken(value, doubt=seen or f"the collection has no {clean(path)}")
    return Taken(value, f"the collection has {' and '.join(map(clean, paths))}")


def _is_there(collection: str, path: str, there: Remote) -> bool:
    return there.transfer.ls(collection, path) is not None


def endpoint(key: str, answer: str, draft: Draft) -> Taken:
    found = as_profile(key, answer, draft)
    seen = _asked(key, draft, lambda there: there.compute.endpoint_name_and_version(found.value))
    if seen is None:
        return found
    return Taken(found.value, doubt=seen) if isinstance(seen, str) else Taken(found.value, f"is {clean(seen[0])}")


def _asked(key: str, draft: Draft, call: Callable[[Remote], T]) -> T | str | None:
    """What Globus says; why it refuses; None when it cannot be asked, which is written down."""
    if draft.remote is not None:
        try:
            return call(draft.remote)
        except RemoteError as error:
            if error.kind != "later" and not error.login:
                return error.cause
    draft.unseen.append(key)
    return None
