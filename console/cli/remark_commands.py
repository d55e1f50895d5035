"""`console note` and `console claim`: what people say of a run."""

from __future__ import annotations

import argparse

from console.cli.asking import BadUse, ask, print_outcome, settings_of


def note(options: argparse.Namespace) -> int:
    words = " ".join(options.text).strip()
    if not words:
        raise BadUse("a note without words")
    answer = ask(options, settings_of(options), "note", options.run, text=words)
    return print_outcome(options, {"run": options.run, "answer": answer}, answer)


def claim(options: argparse.Namespace) -> int:
    args = {"undo": True} if options.undo else {}
    answer = ask(options, settings_of(options), "claim", options.run, **args)
    return print_outcome(options, {"run": options.run, "answer": answer}, answer)


COMMANDS = {"note": note, "claim": claim}
