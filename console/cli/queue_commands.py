"""The commands for what waits: pause and resume launching, hold, release and stream runs, switch auto-launch."""

from __future__ import annotations

import argparse

from console.cli.asking import BadUse, Failure, ask, print_outcome, settings_of


def pause(options: argparse.Namespace) -> int:
    """The request is written before a driver is started, which could launch something first."""
    if not (options.reason or "").strip():
        raise BadUse("launching is paused for a reason, which all others will read: --reason TEXT")
    answer = ask(options, settings_of(options), "pause", None, driver_first=False, reason=options.reason)
    return print_outcome(options, {"paused": True, "answer": answer}, answer)


def resume(options: argparse.Namespace) -> int:
    answer = ask(options, settings_of(options), "resume", None)
    return print_outcome(options, {"paused": False, "answer": answer}, answer)


def hold(options: argparse.Namespace) -> int:
    return _each(options, "hold")


def release(options: argparse.Namespace) -> int:
    return _each(options, "release")


def stream(options: argparse.Namespace) -> int:
    return _each(options, "stream")


def unstream(options: argparse.Namespace) -> int:
    return _each(options, "unstream")


def _each(options: argparse.Namespace, verb: str) -> int:
    """Each run gets its own answer. Exit code 1 when one was refused: then the answers of all stand on stderr."""
    settings = settings_of(options)
    answers, refused = [], False
    for run in dict.fromkeys(options.runs):
        try:
            answers.append({"run": run, "answer": ask(options, settings, verb, run)})
        except Failure as refusal:
            answers.append({"run": run, "answer": str(refusal)})
            refused = True
    lines = [str(answer["answer"]) for answer in answers]
    if refused:
        raise Failure("; ".join(lines))
    return print_outcome(options, {"runs": answers}, "\n".join(lines))


def auto(options: argparse.Namespace) -> int:
    on = options.switch == "on"
    answer = ask(options, settings_of(options), "auto", None, on=on)
    return print_outcome(options, {"auto": on, "answer": answer}, answer)
