"""`console completion`: sourced by the shells that are here, and asked what they would complete."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from console.cli.completion import PROGRAMS, SHELLS, script
from console.cli.parser import _parser, main

PARSER = _parser()
BASH = """
source {script}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_console
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def run(*command: str, **how: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **how)  # type: ignore[call-overload]
    assert (done.returncode, done.stderr) == (0, ""), done
    return str(done.stdout)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    for shell in SHELLS:
        (folder / f"console.{shell}").write_text(script(shell, PARSER))
    return folder


def completed(scripts: Path, line: str) -> list[str]:
    """What bash completes where this line ends."""
    words = [*shlex.split(line), *([""] if line.endswith(" ") else [])]
    asked = BASH.format(script=shlex.quote(str(scripts / "console.bash")), words=" ".join(map(shlex.quote, words)))
    return run("bash", "-u", "-c", asked, cwd=scripts).split()


def test_the_command_prints_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    assert capsys.readouterr().out == script("bash", PARSER)
    with pytest.raises(SystemExit):
        main(["completion", "csh"])


def test_bash_completes_commands_options_and_values(scripts: Path) -> None:
    assert completed(scripts, "console sta") == ["status"]
    assert completed(scripts, "console driver ") == [
        "status",
        "start",
        "take-over",
        "stop",
        "-h",
        "--help",
        "--profile",
    ]
    assert completed(scripts, "console --theme ansi") == ["ansi-dark", "ansi-light"]
    assert completed(scripts, "console --profile x.toml site s") == ["status"]
    assert completed(scripts, "console site status --stage c") == ["convert"]
    assert completed(scripts, "console retry 1217 --dry") == ["--dry-run"]
    assert completed(scripts, "console completion ")[:3] == ["bash", "zsh", "fish"]
    assert completed(scripts, "console retry --segments ") == []
    assert sorted(completed(scripts, "console --profile con")) == ["console.bash", "console.fish", "console.zsh"]
    assert "--background" not in completed(scripts, "console watch --")


def every_level(parser: argparse.ArgumentParser, path: str = "console") -> list[tuple[str, list[str]]]:
    found = [(path, [n for a in parser._actions if a.help != argparse.SUPPRESS for n in a.option_strings])]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found[0][1].extend(action.choices)
            for name, below in action.choices.items():
                found += every_level(below, f"{path} {name}")
    return found


def test_every_command_and_option_of_the_parser_is_completed(scripts: Path) -> None:
    levels = every_level(PARSER)
    assert len(levels) > 30
    for line, words in levels:
        assert set(words) <= set(completed(scripts, f"{line} ")), line


def shell(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is needed: .ci/run installs it"
    return found


def test_zsh_takes_the_same_after_its_own_words(scripts: Path) -> None:
    own, _, common = (scripts / "console.zsh").read_text().partition("\n")
    assert "bashcompinit" in own
    assert common == (scripts / "console.bash").read_text()
    environment = os.environ | {"ZDOTDIR": str(scripts)}
    asked = f"source {scripts}/console.zsh && print ${{_comps[console]}}"
    assert "_bash_complete" in run(shell("zsh"), "-f", "-c", asked, env=environment)


def test_fish_is_told_every_command_and_option(scripts: Path) -> None:
    told = (scripts / "console.fish").read_text()
    lines = told.splitlines()
    assert [line.split()[0] for line in lines if line and not line.startswith(" ")].count("function") == 1
    opened = sum(line.split()[0] in ("function", "for", "if") for line in lines if line.strip())
    assert opened == sum(line.strip() == "end" for line in lines)
    for line in lines:
        if line.startswith("complete"):
            words = shlex.split(line.replace("\\\\'", "’").replace("\\'", "’"))
            assert words[:2] == ["complete", "-c"], line
            assert words[2] in PROGRAMS
    for path, words in every_level(PARSER):
        here = path.removeprefix("console")
        mine = "\n".join(line for line in lines if f"__console_at \\'{here}\\'" in line)
        for word in words:
            kind = "-l " if word.startswith("--") else "-s " if word.startswith("-") else "-a '"
            assert kind + word.lstrip("-") in mine, (path, word)
    asked = f"source {scripts}/console.fish; complete -C 'console site st'"
    assert "status" in run(shell("fish"), "--no-config", "-c", asked)
