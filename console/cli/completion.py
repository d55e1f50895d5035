"""What a shell completes of our command line: a script for bash, zsh or fish, made from the parser itself. Pure."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

SHELLS = ("bash", "zsh", "fish")
PROGRAMS = ("console", "frib-console")


@dataclass(frozen=True)
class Option:
    """An option, and what follows it: nothing, a file, one of `values`, or what no shell can know."""

    names: tuple[str, ...]
    help: str
    takes: bool
    file: bool
    values: tuple[str, ...]


@dataclass(frozen=True)
class Level:
    """What may stand after `path`, such as ` site status`: commands with their help, fixed words, options."""

    path: str
    commands: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    options: tuple[Option, ...]


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """What the shell is to read once, as with `eval "$(console completion bash)"`."""
    levels = list(_levels(parser, ""))
    if shell == "fish":
        return _fish(levels)
    return (_ZSH if shell == "zsh" else "") + _bash(levels)


def _levels(parser: argparse.ArgumentParser, path: str) -> Iterator[Level]:
    commands: list[tuple[str, str]] = []
    words: list[str] = []
    options: list[Option] = []
    below: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        values = tuple(map(str, action.choices or ()))
        if isinstance(action, argparse._SubParsersAction):
            commands += [(choice.dest, choice.help or "") for choice in action._choices_actions]
            below |= action.choices
        elif not action.option_strings:
            words += values
        elif action.help != argparse.SUPPRESS:
            names, takes = tuple(action.option_strings), action.nargs != 0
            options.append(Option(names, action.help or "", takes, takes and action.type is Path, values))
    yield Level(path, tuple(commands), tuple(words), tuple(options))
    for name, parser_below in below.items():
        yield from _levels(parser_below, f"{path} {name}")


# ---- bash, and zsh, which takes the same

_ZSH = "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"
_BASH = """_console() {{
    local cur="${{COMP_WORDS[COMP_CWORD]}}" at='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$at ${{COMP_WORDS[i]}}" in
            {paths}) at="$at ${{COMP_WORDS[i]}}" ;;
        esac
    done
    case "$at ${{COMP_WORDS[COMP_CWORD-1]}}" in
{values}
    esac
    case "$at" in
{words}
    esac
}}
complete -F _console {programs}
"""


def _bash(levels: list[Level]) -> str:
    values, words = [], []
    for level in levels:
        for option in level.options:
            if option.takes:
                before = "|".join(quote(f"{level.path} {name}") for name in option.names)
                found = _compgen("-f") if option.file else _compgen(_words(option.values)) if option.values else ":"
                values.append(f"        {before}) {found}; return ;;")
        names = [name for name, _ in level.commands] + [name for option in level.options for name in option.names]
        words.append(f"        {quote(level.path)}) {_compgen(_words([*level.words, *names]))} ;;")
    return _BASH.format(
        paths="|".join(quote(level.path) for level in levels if level.path), values="\n".join(values),
        words="\n".join(words), programs=" ".join(PROGRAMS),
    )  # fmt: skip


def _compgen(what: str) -> str:
    return f'COMPREPLY=($(compgen {what} -- "$cur"))'


def _words(words: list[str] | tuple[str, ...]) -> str:
    return f"-W {quote(' '.join(words))}"


# ---- fish

_FISH = """function __console_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        if contains -- "$at $word" {paths}
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
"""


def _fish(levels: list[Level]) -> str:
    lines = [_FISH.format(paths=" ".join(_fish_quote(level.path) for level in levels if level.path))]
    for level in levels:
        here = f"-n {_fish_quote(f'__console_at {_fish_quote(level.path)}')}"
        lines += [f"-f {here} -a {_fish_quote(name)} -d {_fish_quote(text)}" for name, text in level.commands]
        lines += [f"-f {here} -a {_fish_quote(' '.join(level.words))}"] if level.words else []
        for option in level.options:
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            values = f" -a {_fish_quote(' '.join(option.values))}" if option.values else ""
            kind = "-r -F" if option.file else f"-x{values}" if option.takes else "-f"
            lines.append(f"{here} {names} {kind} -d {_fish_quote(option.help)}")
    return lines[0] + "".join(f"complete -c {program} {line}\n" for program in PROGRAMS for line in lines[1:])


def _fish_quote(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
