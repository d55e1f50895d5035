#!/usr/bin/env python3
# ruff: noqa: UP006, UP035
"""Install the kit at the site: copy it, make its site.conf of answers, make the endpoints' environment, check it all.

    python3 install.py [--answers FILE] [DIRECTORY]

It asks, or reads the answers from a file of lines NAME=VALUE; what is not answered stays as it is in site.conf, or in
site.conf.example when there is none yet. DIRECTORY is where the kit is to be, by default where it lies. It may be run
again: what the site has made of site.conf and fit.conf is kept. The checks are those of doctor.py. Exit code: 0, 1 when
one is bad, 2 for bad use.
Standard library only, Python 3.6 or newer.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Optional

from logs import write_atomically

KIT = Path(__file__).resolve().parent
OF_THE_SITE = ("site.conf", "fit.conf")  # copied once, and never over what is there
ENDPOINT = "globus-compute-endpoint==4.19.0"
ENVIRONMENT_DIRECTORY = "ENVIRONMENT_DIRECTORY"  # the only answer that is not of site.conf

QUESTIONS = {
    "TOP": "the root of rawdata/, fitted/ and so on: site.top of the profile",
    "CONTAINER": "what runs the programs: shifter, podman-hpc, apptainer or none",
    "IMAGE": "the image of the container",
    "VOLUMES": "directories in it, FROM:TO, with blanks between",
    "FIT_LIBRARY": "the library of the fit, as the container has it",
    "FIT_VERSION": "its version of DDASToys",
    "FIT_CONFIGFILE": "the channels that are fitted: a fit.conf",
    "RANKS": "ranks of MPI for a fit",
    ENVIRONMENT_DIRECTORY: "the directory of a Python environment for the endpoints; it is made when it is not there",
}
LISTS = ("VOLUMES",)


class Refused(Exception):
    """What cannot be installed, in one sentence."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Install the kit at the site.")
    parser.add_argument("directory", nargs="?", type=Path, default=KIT, metavar="DIRECTORY", help="where it is to be")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="lines NAME=VALUE, instead of questions")
    options = parser.parse_args()
    kit = Path(os.path.abspath(str(options.directory)))  # noqa: PTH100
    try:
        if not options.answers and not sys.stdin.isatty():
            raise Refused(
                f"there is no terminal to ask: --answers FILE, with lines such as TOP=/path ({', '.join(QUESTIONS)})"
            )
        copy_to(kit)
        conf = kit / "site.conf"
        text = (conf if conf.exists() else kit / "site.conf.example").read_text()
        answers = read(options.answers) if options.answers else asked(text)
        write(conf, configured(text, answers))
        if answers.get(ENVIRONMENT_DIRECTORY):
            make_environment(Path(answers[ENVIRONMENT_DIRECTORY]).expanduser())
    except (Refused, OSError, UnicodeDecodeError) as error:
        print(f"install.py: {error}", file=sys.stderr)
        return 2
    sys.stdout.flush()
    return subprocess.run([sys.executable, str(kit / "doctor.py")], stdin=subprocess.DEVNULL).returncode


def copy_to(kit: Path) -> None:
    if kit == KIT:
        return
    for source in sorted(path for path in KIT.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        target = kit / source.relative_to(KIT)
        if source.name in OF_THE_SITE and target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(str(source), str(target))


# ---- answers


def read(path: Path) -> Dict[str, str]:
    answers = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        name, equals, value = line.strip().partition("=")
        if not name or name.startswith("#"):
            continue
        if not equals or name not in QUESTIONS:
            raise Refused(f"{path} line {number}: expected NAME=VALUE, with one of {', '.join(QUESTIONS)}")
        answers[name] = value
    return answers


def asked(text: str) -> Dict[str, str]:
    """What somebody at the terminal answers; nothing stands for: leave it as it is."""
    answers = {}
    for name, what in QUESTIONS.items():
        present = assigned(name, text)
        answer = input(f"{name}: {what}\n[{' '.join(present.group(1).split()) if present else ''}] ").strip()
        if answer:
            answers[name] = answer
    return answers


def configured(text: str, answers: Dict[str, str]) -> str:
    """A site.conf with the answers. No answer is read by a shell: each becomes a word, or several in a list."""
    for name, answer in answers.items():
        if name == ENVIRONMENT_DIRECTORY:
            continue
        if not answer.isprintable():
            raise Refused(f"{name}: not a line of text")
        line = f"{name}=" + (quoted_list(name, answer) if name in LISTS else shlex.quote(answer))
        present = assigned(name, text)
        text = text[: present.start()] + line + text[present.end() :] if present else f"{text.rstrip()}\n{line}\n"
    return text


def quoted_list(name: str, answer: str) -> str:
    try:
        return f"({' '.join(map(shlex.quote, shlex.split(answer)))})"
    except ValueError as error:
        raise Refused(f"{name}: {error}: {answer}") from None


def assigned(name: str, text: str) -> Optional["re.Match[str]"]:
    """Where a variable is set at the beginning of a line: to a word, or to a list of several lines."""
    value = r"\(\n(?:[^\n]*\n)*?\)|\([^\n]*\)|[^\n]*?"
    return re.search(rf"^{name}=({value})(?=[ \t]*(?:#[^\n]*)?$)", text, re.MULTILINE)


def write(conf: Path, text: str) -> None:
    if conf.exists() and conf.read_text() != text:
        shutil.copy2(str(conf), str(conf.with_name("site.conf.before")))
    write_atomically(conf, text)


# ---- environment


def make_environment(directory: Path) -> None:
    """Raises Refused when pip cannot install the endpoint's package."""
    if (directory / "bin" / "globus-compute-endpoint").exists():
        return
    print(f"making {directory}, with {ENDPOINT}: this takes minutes")
    for argv in (
        [sys.executable, "-m", "venv", str(directory)],
        [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet", ENDPOINT],
    ):
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            said = done.stdout.decode("utf-8", "replace").strip().splitlines()
            raise Refused(f"{ENDPOINT} could not be installed in {directory}: {said[-1] if said else 'no words'}")


if __name__ == "__main__":
    sys.exit(main())
