"""The commands for what went wrong or is to be done again: retry, waive, accept, reprocess."""

from __future__ import annotations

import argparse
import json
from typing import Any

from console.cli.asking import BadUse, Failure, ask, print_outcome, settings_of
from flowspec.numbers import parse_ranges
from flowspec.plan import Wish
from flowspec.stages import STAGES, Stage


def retry(options: argparse.Namespace) -> int:
    if options.all and options.from_stage:
        raise BadUse("--all does every stage again, --from some: give one of them")
    segments = _numbers("--segments", options.segments) if options.segments else None
    wish = Wish(_stage(options.from_stage), segments, options.all)
    settings = settings_of(options)
    args: dict[str, Any] = {"wish": wish.to_json(), **({"dry": True} if options.dry_run else {})}
    return _told(options, {"run": options.run}, ask(options, settings, "retry", options.run, **args))


def waive(options: argparse.Namespace) -> int:
    return _decide(options, "waive", "waived")


def accept(options: argparse.Namespace) -> int:
    return _decide(options, "accept", "accepted as it is")


def _decide(options: argparse.Namespace, verb: str, what: str) -> int:
    if not options.undo and not (options.reason or "").strip():
        raise BadUse(f"a segment is {what} for a reason: --reason TEXT")
    settings = settings_of(options)
    args = {"undo": True} if options.undo else {"reason": options.reason}
    answer = ask(options, settings, verb, options.run, segment=options.segment, **args)
    return print_outcome(options, {"run": options.run, "segment": options.segment, "answer": answer}, answer)


def reprocess(options: argparse.Namespace) -> int:
    _numbers("RUNS", options.runs)
    wish = Wish(_stage(options.from_stage), None, options.from_stage is None)
    args: dict[str, Any] = {"wish": wish.to_json(), **({"dry": True} if options.dry_run else {})}
    return _told(options, {}, ask(options, settings_of(options), "reprocess", None, runs=options.runs, **args))


def _told(options: argparse.Namespace, document: dict[str, Any], answer: str) -> int:
    """The answer of the driver; that to a dry run is a document with lines for people."""
    if not options.dry_run:
        return print_outcome(options, {**document, "answer": answer}, answer)
    shown: dict[str, Any] = json.loads(answer)
    if shown.get("plan", shown) is None:
        raise Failure(shown["lines"][0])
    return print_outcome(options, {**document, **shown}, "\n".join(shown["lines"]))


def _stage(name: str | None) -> Stage | None:
    if name is not None and name not in {stage.value for stage in STAGES}:
        raise BadUse(f"--from {name}: expected {', '.join(stage.value for stage in STAGES)}")
    return Stage(name) if name is not None else None


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return parse_ranges(text)
    except ValueError as error:
        raise BadUse(f"{option} {text}: {error}") from None
