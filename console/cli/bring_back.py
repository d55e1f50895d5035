"""`console bring-back`: which files of the site, from where to where; that they are there; and what became of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.cli.asking import BadUse, Failure, print_outcome, remotely, settings_of
from console.ledger.store import Ledger, actor
from console.settings.model import Settings
from flowspec import names
from flowspec.text import size

if TYPE_CHECKING:
    from console.actions.bring_back import Brought, Wanted
    from remote.globus.connection import Remote

PATTERNS = ("*.root",)


def bring_back(options: argparse.Namespace) -> int:
    from console.connect import remote

    if bool(options.runs) == bool(options.path):
        raise BadUse("what is to be brought back? Either RUN..., or --path DIR at the site")
    if options.path and options.converted:
        raise BadUse("--converted is of runs, and --path names a directory: give one of them")
    settings = settings_of(options)
    if settings.flows.transfer is None:
        raise Failure("the flow transfer is not deployed yet: console flows deploy")
    there = remotely(lambda: remote(settings))
    wanted = list(_wanted(options, settings))
    found = [_look(there, each) for each in wanted]
    ledger = Ledger(settings.ledger)
    lines, documents = _differs(there, settings), []
    try:
        for each, (files, total) in zip(wanted, found, strict=True):
            brought = _bring(ledger, there, settings, each)
            lines.append(f"{each.what}: {_told(brought)}, {_files(files)}, {size(total)}, to {each.destination[1]}")
            documents.append(_document(each, brought, files, total))
    finally:  # what was started is told, also when it ends at a later one
        if documents:
            print_outcome(options, {"brought": documents}, "\n".join(lines))
    return 0


def _wanted(options: argparse.Namespace, settings: Settings) -> Iterator[Wanted]:
    from console.actions.bring_back import Wanted

    places = settings.places()
    source, destination = options.source or places.site_collection, options.destination or places.dtn_collection
    results = places.results + "/"
    if options.to:  # on the DTN it is a path of this machine
        results = options.to if options.destination else settings.dtn.collection_path(Path(options.to)) + "/"
    include = tuple(options.include or PATTERNS)
    if options.path:
        yield Wanted(f"files of {options.path}", (source, options.path), (destination, results), include)
    for run in dict.fromkeys(options.runs):
        if options.converted:
            to = results if options.to else f"{results}converted/{names.run_directory(run)}/"
            what, path = f"run {run} converted", places.converted(run)
        else:
            what, path, to = f"run {run} sorted", places.analyzed(), results
            include = tuple(options.include or (names.sorted_file(run),))
        yield Wanted(what, (source, path + "/"), (destination, to), include, run)


def _look(there: Remote, wanted: Wanted) -> tuple[int, int]:
    """How many such files are at the source, and their bytes. Raises Failure when there are none."""
    collection, path = wanted.source
    listed = remotely(lambda: there.transfer.ls(collection, path))
    if listed is None:
        raise Failure(f"{wanted.what}: there is no directory {path} at the source: nothing was started")
    found = [f.size for name, f in listed.items() if any(fnmatchcase(name, pattern) for pattern in wanted.include)]
    below = wanted.run is None and any(file.type == "dir" for file in listed.values())
    if not found and not below:
        raise Failure(f"{wanted.what}: {path} has no {' or '.join(wanted.include)}: nothing was started")
    return len(found), sum(found)


def _bring(ledger: Ledger, there: Remote, settings: Settings, wanted: Wanted) -> Brought:
    from console.actions.bring_back import Start, bring
    from console.context import Refused

    flow = str(settings.flows.transfer)
    start = Start(flow, settings.experiment, settings.run_managers, settings.run_monitors)
    try:
        return remotely(lambda: bring(ledger, there.flows, start, wanted, actor()))
    except Refused as refusal:
        raise Failure(str(refusal)) from None


def _differs(there: Remote, settings: Settings) -> list[str]:
    from console.actions.deployed import differing, wanted
    from flowspec.definition import transfer

    flow = str(settings.flows.transfer)
    here = wanted(transfer(), settings.run_managers, settings.run_monitors)
    if not differing(here, remotely(lambda: there.flows.get_flow(flow))):
        return []
    return ["the transfer flow is deployed otherwise than here: console flows diff"]


def _told(brought: Brought) -> str:
    before = brought.before
    if not brought.started:
        asleep = ", which Globus has made inactive: console login" if brought.inactive else ""
        return f"flow run {brought.flow_run} brings it already{asleep}"
    if before is None:
        return f"flow run {brought.flow_run} brings it"
    ended = "has brought it" if before.status == "SUCCEEDED" else "has failed"
    return f"{before.id} {ended}; flow run {brought.flow_run} brings what has changed"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _document(wanted: Wanted, brought: Brought, files: int, total: int) -> dict[str, Any]:
    sides = {"source": wanted.source, "destination": wanted.destination}
    return {
        "run": wanted.run,
        "flow_run": brought.flow_run,
        "started": brought.started,
        "inactive": brought.inactive,
        "before": None if brought.before is None else brought.before.id,
        "files": files,
        "bytes": total,
        **{side: {"collection": collection, "path": path} for side, (collection, path) in sides.items()},
        "include": list(wanted.include),
    }
