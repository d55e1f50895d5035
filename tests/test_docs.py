"""The documentation tells the truth: its commands work, its links lead somewhere, its tables are those of the code."""

from __future__ import annotations

import argparse
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from console.cli import parser as command_parser
from console.cli import sandbox_run
from console.cli.commands import COMMANDS
from console.driver import systemd
from console.driver.process import stop_driver
from console.ledger import runs as run_rows
from console.settings.constants import PROFILE_VARIABLE
from console.settings.model import Settings
from console.settings.profiles import load
from console.settings.validated import ScreenSettings
from flowspec.states import RunState
from screens.keys.keymap import ENTRIES
from screens.profile import screen_options
from screens.rows import styles
from tests import documents
from tests.docs_shift import ORDER, SCREEN, Outcome, Shift, name_of, parsed, without_trouble
from tests.documents import DOCS, PAGES, ROOT, Documented
from tests.pipeline_fixture import running_pipeline
from tests.waiting import HANGS_AFTER

COMMANDS_PAGE, INSTALLERS, OPERATORS = DOCS / "commands.md", DOCS / "installers.md", DOCS / "operators.md"
COMMANDS_OF_DOCS = documents.commands()
OF_CONSOLE = [command for command in COMMANDS_OF_DOCS if command.words[0] == "console"]
OF_OTHERS = [command for command in COMMANDS_OF_DOCS if command.words[0] != "console"]


# ---- commands


def test_commands_are_found() -> None:
    told = {" ".join(command.words) for command in COMMANDS_OF_DOCS}
    assert {"console --sandbox", "pytest", "console status"} <= told
    named = {name_of(parsed(command)) for command in OF_CONSOLE if not _tells_and_ends(command)}
    assert named - {SCREEN} == set(COMMANDS), "each command has an example"


def test_every_console_command_of_the_docs_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One running sandbox for all; run numbers, run directories and profiles are replaced by those of the sandbox."""
    for command in filter(_tells_and_ends, OF_CONSOLE):
        _run("-m", "screens", *command.words[1:])
    commands = [(name_of(parsed(c)), c) for c in OF_CONSOLE if not _tells_and_ends(c)]
    assert {name for name, _ in commands} <= set(ORDER), "a command that this test does not know how to try"
    commands.sort(key=lambda named: ORDER.index(named[0]))
    takes_a_run = ("launch", "retry", "cancel", "waive", "accept", "reprocess", "site test-fit", "preview")
    runs = sum(name in takes_a_run for name, _ in commands) + 2  # two wait in the queue, to be held
    monkeypatch.setenv("PATH", f"{without_trouble(tmp_path / 'slurm')}:{os.environ['PATH']}")
    with running_pipeline(tmp_path / "sandbox", auto_launch=False) as pipeline:
        monkeypatch.setenv(PROFILE_VARIABLE, str(pipeline.profile))
        shift = Shift(pipeline, runs)
        try:
            for name, command in commands:
                if (
                    "--until-done" not in command.words
                ):  # takes long; tests/e2e does it, the parser has seen its options
                    _judge(name, command, shift.try_out(command))
            _sandbox_report_is_documented(pipeline)
        finally:
            stop_driver(pipeline.settings.ledger)


def _tells_and_ends(command: Documented) -> bool:
    return bool({"--help", "--version"} & set(command.words))


def _judge(name: str, command: Documented, outcome: Outcome) -> None:
    said = f"{command}: {outcome}"
    if name == SCREEN:
        assert outcome.code == 2, said
        assert "the screen needs a terminal" in outcome.err, said
    elif name in ("login", "logout"):
        assert outcome.code == 2, said
        assert "needs no login" in outcome.err, said
    elif name == "init":
        assert outcome.code == 1, said
        assert "nothing was written" in outcome.err, said
    else:
        assert outcome.code == 0, said
    if "--json" in command.words and outcome.out:
        _all_fields_are_documented(name, outcome.document)


def _all_fields_are_documented(name: str, document: Any) -> None:
    told = set(documents.quoted(documents.section(COMMANDS_PAGE, f"console {name}")))
    assert document["schema"] == 1
    unknown = {path for path in _paths(document, told) if path not in told}
    assert not unknown, f"console {name} --json: not in docs/commands.md: {sorted(unknown)}"


def _paths(document: Any, told: set[str], path: str = "") -> Iterator[str]:
    """`runs[].state` and so on, down to where the documentation goes down no further."""
    if isinstance(document, dict) and (not path or any(other.startswith(f"{path}.") for other in told)):
        for key, value in document.items():
            yield from _paths(value, told, f"{path}.{key}" if path else key)
    elif isinstance(document, list) and any(other.startswith(f"{path}[]") for other in told):
        for item in document:
            yield from _paths(item, told, f"{path}[]")
    else:
        yield path


def _sandbox_report_is_documented(pipeline: Any) -> None:
    """The report of --until-done, of a run that need not be done for it."""
    run = run_rows.runs(pipeline.ledger)[0]
    outcome = sandbox_run._outcome(pipeline.ledger, pipeline.sandbox, run)
    found = {"schema": 1, "ok": True, "directory": "", "runs": [outcome]}
    _all_fields_are_documented("sandbox", found)
    sample = re.search(r"^    (\{\"schema\".*?\n)\n", documents.section(COMMANDS_PAGE, "console sandbox"), re.M | re.S)
    assert sample
    told = json.loads(sample[1])
    assert (set(told), set(told["runs"][0])) == (set(found), set(outcome))


@pytest.mark.parametrize("command", OF_OTHERS, ids=str)
def test_every_other_command_of_the_docs_is_there(command: Documented) -> None:
    """Those take long: their options are compared with their own --help, and what they name must be there."""
    program, *rest = command.words
    if program == "python":
        assert rest[:1] == ["-m"], command
        shown = _run("-m", rest[1], "--help")
        options = [word for word in rest[2:] if word.startswith("-")]
        if rest[1] == "tests.benchmarks":
            _run(*rest, "--list")  # it knows these names
    elif program == "pytest":
        shown = _run("-m", "pytest", "--help")
        options = [word for word in rest if word.startswith("-")]
        assert [path for path in rest if not path.startswith("-") and not (ROOT / path).exists()] == []
    else:
        assert program in ("ruff", "mypy", "lint-imports"), f"{command}: no known way to try it"
        assert shutil.which(program, path=str(Path(sys.executable).parent)), command
        return
    assert [option for option in options if option not in shown] == [], command


@functools.cache
def _run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=HANGS_AFTER)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def test_documented_commands_and_options_are_those_of_the_parser() -> None:
    found = {"console " + name: parser for name, parser in _leaves(command_parser._parser())} | {
        "console": command_parser._parser()
    }
    assert set(documents.headings(COMMANDS_PAGE, 2)) == set(found)
    common = {"-h", "--help", "--json", "--profile", "--version"}
    for heading, parser in found.items():
        told = documents.section(COMMANDS_PAGE, heading)
        for action in parser._actions:
            for option in set(action.option_strings) - common:
                hidden = action.help == argparse.SUPPRESS
                assert hidden or option in told, f"{heading}: {option} is not in docs/commands.md"
        known = {option for action in parser._actions for option in action.option_strings}
        assert set(re.findall(r"^\| `(--[a-z-]+)", told, re.M)) <= known, heading


def _leaves(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if name and not any(group.required for group in groups):  # "console sandbox" is one, and has "fault" below it
        yield name, parser
    for group in groups:
        for word, below in group.choices.items():
            yield from _leaves(below, f"{name} {word}".strip())


# ---- links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for link in documents.links(page):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in documents.anchors(target), f"{page.name}: {link}"


# ---- tables


def test_documented_profile_keys_are_those_of_the_settings() -> None:
    table = documents.rows(documents.section(INSTALLERS, "The profile"))
    told = {key.strip("`"): default.strip("`") for key, _, default in table}
    known = dict(_settings(Settings))
    assert set(told) == set(known)
    for key, default in known.items():
        if isinstance(default, (bool, int, float)):
            assert json.loads(told[key]) == default, key


def _settings(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of a profile with its default."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation, f"{path}{name}.")
        else:
            yield path + name, field.default


def test_documented_tables_are_those_of_the_ledger() -> None:
    told = documents.rows(documents.section(DOCS / "developers.md", "The ledger"))
    made = re.findall(r"^CREATE TABLE (\w+)", (ROOT / "console/ledger/schema.sql").read_text(), re.M)
    tables = [cells[0].strip("`") for cells in told if re.fullmatch(r"`\w+`", cells[0])]  # another one is of threads
    assert sorted(tables) == sorted(made)


def test_the_example_profile_loads() -> None:
    assert load(DOCS / "profiles/e21062.toml").experiment == "e21062"


def test_the_example_of_keys_and_columns_is_accepted(tmp_path: Path) -> None:
    example = documents.fenced(INSTALLERS, "toml")[0]
    profile = tmp_path / "e21062.toml"
    profile.write_text((DOCS / "profiles/e21062.toml").read_text() + example)
    flags = argparse.Namespace(read_only=False, ascii=False, sandbox=False, theme=None)
    settings = ScreenSettings.of(load(profile))
    assert screen_options(settings, profile, flags).columns["flow_runs"] == (
        "try",
        "stage",
        "progress",
        "age",
    )


def test_the_example_of_alerts_is_accepted(tmp_path: Path) -> None:
    (example,) = (text for text in documents.fenced(INSTALLERS, "toml") if "[alerts]" in text)
    profile = tmp_path / "e21062.toml"
    profile.write_text((DOCS / "profiles/e21062.toml").read_text() + example)
    assert load(profile).alerts.hook == ("/usr/local/bin/page-the-shift",)


def test_examples_of_other_files_can_be_read() -> None:
    unit = documents.fenced(INSTALLERS, "ini")[0]
    assert "ExecStart=%h/frib-flow-console/venvcmd console" in unit
    made = systemd.unit("e21062", Path("/e21062.toml"))
    own = ("ExecStart", "WorkingDirectory")
    assert [line for line in unit.splitlines() if not line.startswith(own)] == [
        line for line in made.splitlines() if not line.startswith(own)
    ]


def test_documented_keys_are_those_of_the_screen() -> None:
    table = [f"| `{entry.shown}` | {entry.help} |" for entry in ENTRIES]
    assert _table("Keys") == table, "\n".join(["docs/operators.md wants:", *table])


def test_documented_glyphs_and_states_are_those_of_the_screen() -> None:
    glyphs = [f"| `{glyph}` | {meaning} |" for glyph, _, meaning in (*styles.GLYPHS.values(), styles.NOTHING)]
    assert sorted(_table("Glyphs")) == sorted(glyphs)
    told = [state for state, *_ in documents.rows(documents.section(OPERATORS, "States of a run"))]
    assert sorted(told) == sorted({styles.run_state(s, stuck)[0] for s in RunState for stuck in (False, True)})


def _table(heading: str) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in documents.rows(documents.section(OPERATORS, heading))]


def test_the_words_of_the_screen_that_operators_are_told_are_in_the_code() -> None:
    """Word by word, but for what the code fills in: names, numbers, stages and states."""
    code = " ".join(
        path.read_text()
        for folder in ("flowspec", "console", "screens", "remote")
        for path in (ROOT / folder).rglob("*.py")
    )
    filled_in = {"transfer", "fit", "convert", "analyze", "return", "HOST", *(state.value for state in RunState)}
    text = OPERATORS.read_text().split("## All keys")[0]
    told = [words for words in documents.quoted(text) if " " in words and not words.startswith(("console ", "kill "))]
    assert len(told) > 40
    for words in told:
        gaps = (word == "…" or word in filled_in or re.search(r"\d", word) for word in words.split())
        kept = " ".join("\0" if gap else word for gap, word in zip(gaps, words.split(), strict=True))
        for piece in re.split(r"\0|…|: |; ", kept):
            assert piece.strip(" :);") in code, f"docs/operators.md: {words!r}: {piece!r} is not in the code"
