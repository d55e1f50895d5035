"""`console init`: asks for what a profile needs, looks at each answer, and writes the profile."""

from __future__ import annotations

import argparse
import contextlib
import io
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from textwrap import wrap
from typing import Any

from console.cli.asking import Failure
from console.cli.init_checks import Draft, Wrong
from console.cli.init_questions import ASKED, FILE, LOGIN, OF_ANOTHER, QUESTIONS, Question
from console.settings.constants import PROFILE_VARIABLE
from console.settings.paths import state_home
from console.settings.private import FILE_MODE
from console.settings.profile_text import flat, profile_text
from console.settings.profiles import load, read_toml, write_file
from flowspec.text import clean
from remote.globus import secret_file
from remote.globus.connection import Remote, connect
from remote.globus.errors import RemoteError

NONE = "-"  # is answered where there is a default, and none is wanted
NOT_WRITTEN = "nothing was written"
INTRODUCTION = f"""\
The profile of an experiment. Enter takes what stands in [brackets], {NONE} is none,
ctrl+d ends it and nothing is written."""
WIDTH = 79


def init(options: argparse.Namespace) -> int:
    before: Mapping[str, Any] = {}
    if options.source is not None:
        load(options.source)  # what is wrong with it is told now
        before = flat(read_toml(options.source))
    kept = {key: value for key, value in before.items() if key not in ASKED and not key.startswith(OF_ANOTHER)}
    draft = Draft(before, dict(kept))
    try:
        _fill(draft, options.profile)
    except EOFError:
        print()
        raise Failure(NOT_WRITTEN) from None
    except KeyboardInterrupt:
        print(f"\nconsole: {NOT_WRITTEN}", file=sys.stderr)
        raise
    profile = Path(draft.values[FILE])
    write_file(profile, profile_text(draft.values), FILE_MODE, new=True)
    print(_next(profile, draft, list(kept)))
    return 0


def _fill(draft: Draft, profile: Path | None) -> None:
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # what is no text is an answer that is refused
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # for the arrow keys
    print(INTRODUCTION)
    for question in QUESTIONS:
        if not question.asked(draft):
            continue
        if question.heading:
            print(f"\n{question.heading}")
        given = str(profile.absolute()) if question.key == FILE and profile is not None else ""
        value = _answer(question, draft, given)
        if value not in (None, []):
            draft.values[question.key] = value
        if question.key == LOGIN:
            draft.remote = _remote(draft)
    both = dict.fromkeys((draft.values["dtn.collection"], draft.values["site.collection"]))
    draft.values["globus.mapped_collections"] = [collection for collection in both if draft.mapped[collection]]


def _answer(question: Question, draft: Draft, given: str) -> Any:
    """What the profile will have; asked for until it can be used. Raises EOFError."""
    while True:
        answer = given or _line(question.words, question.default(draft), needed=question.needed)
        given = ""
        try:
            taken = question.look(answer, draft)
        except Wrong as wrong:
            print(f"  {wrong}")
            continue
        if taken.seen:
            print(f"  {taken.seen}")
        if taken.doubt:
            print(f"  {clean(taken.doubt)}")
            if _line("  Take it all the same?", "n").lower() not in ("y", "yes"):
                continue
            draft.unseen.append(question.key)
        return taken.value


def _line(words: str, default: str, *, needed: bool = True) -> str:
    offer = default or ("" if needed else "none")
    line = input(f"{words}{f' [{clean(offer)}]' if offer else ''}: ").strip()
    return "" if line == NONE else line or default


def _remote(draft: Draft) -> Remote | None:
    """The clients when somebody is logged in already."""
    values = draft.values
    secret = values.get(LOGIN)
    try:
        there = connect(
            client_id=values["globus.client_id"],
            token_store=state_home() / f"{values['globus.client_id']}-tokens.json",
            client_secret=secret and partial(secret_file.read, Path(secret), "secret file", "write the secret there"),
            service_url=values.get("globus.service_url"),
        )
        if there.login.expires_at() != 0:
            return there
        why = "nobody is logged in yet"
    except RemoteError as error:
        why = error.cause
    print(f"  {why}: ids are taken as they are, and looked at by console doctor")
    return None


def _next(profile: Path, draft: Draft, kept: Sequence[str]) -> str:
    lines = [f"\n{clean(str(profile))} is written."]
    if kept:
        lines += wrap(f"Taken over: {', '.join(kept)}.", WIDTH)
    if draft.unseen:
        lines += wrap(f"Not seen yet, console doctor looks: {', '.join(dict.fromkeys(draft.unseen))}.", WIDTH)
    login = [] if LOGIN in draft.values else ["login"]
    steps = [*login, "functions register", "flows deploy", *login, "doctor"]
    export = shlex.join(["export", f"{PROFILE_VARIABLE}={profile}"])
    return "\n".join([*lines, "Next:", f"    {export}", *(f"    console {step}" for step in steps)])
