"""From nothing to the first run: the commands of the installers' page, word by word, in a home where nothing is.

A sandbox plays Globus and the site, so that what is done there with the kit is only looked at.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.settings.constants import ENVIRONMENT_PREFIX, PROFILE_VARIABLE
from console.settings.profiles import load
from remote.sandbox.ids import DTN_COLLECTION, IDENTITY, SITE_COLLECTION
from tests import documents
from tests.auth_fixture import CLIENT, authorize
from tests.documents import DOCS, ROOT
from tests.tmux import Terminal, terminal
from tests.waiting import HANGS_AFTER, until

PAGE = documents.section(DOCS / "installers.md", "From nothing to the first real run").partition("\n### ")[0]
ON_A_SANDBOX = documents.section(DOCS / "installers.md", "The same on a sandbox")
AT_THE_SITE = ("tar ", "cp ", "./gce ")
OF_THIS_MACHINE = ("alias ", "systemctl ")  # the console of a clone; a systemd of this account
WIDE = (2000, 50)  # an address on one line
EXPERIMENT, RUN = "e23035", 1217
GROUP = "urn:globus:groups:id:a936c054-d004-11ee-8305-01ad603c66f1"


def lines(text: str) -> list[str]:
    """Those of its code blocks."""
    fenced, found = False, []
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            found.append(line.strip())
    return found


class Engineer:
    """A home of its own, with commands typed into a shell, and a terminal for what asks."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.home.mkdir(mode=0o700)
        self._windows = directory / "windows"
        self._window = 0

    @property
    def sandbox(self) -> Path:
        return self.home / "sandbox"

    def shell(self, line: str) -> list[str]:
        """`console` is this one."""
        return ["bash", "-euc", f'console() {{ {shlex.quote(sys.executable)} -m screens "$@"; }}; {line}']

    def do(self, line: str) -> str:
        done = subprocess.run(self.shell(line), cwd=self.home, capture_output=True, text=True, timeout=HANGS_AFTER)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def asked(self, line: str) -> Iterator[Terminal]:
        """The terminal in which a command asks; it has to end well."""
        self._window += 1
        with terminal(self._windows / str(self._window), *shlex.split(line)[1:], size=WIDE) as window:
            yield window
            assert window.wait_for_end() == 0, window.text()

    def answer(self, window: Terminal, question: str, answer: str) -> None:
        until(lambda: window.text().rstrip().splitlines()[-1:] and question in window.text().rstrip().splitlines()[-1],
              every=0.1, told=lambda: f"{question}\n{window.text()}")  # fmt: skip
        window.press("-l", "--", answer + "\r")

    def log_in(self, line: str) -> None:
        with self.asked(line) as window:
            window.wait_for("The code:")
            found = re.findall(r"http://\S+", window.text())
            self.answer(window, "The code:", authorize(found[-1]))
            window.wait_for("logged in as operator@sandbox")

    def init(self, line: str, answers: Sequence[tuple[str, str]]) -> str:
        """What it said at the end."""
        with self.asked(line) as window:
            for question, answer in answers:
                self.answer(window, question, answer)
            return window.wait_for("is written", "console doctor")


@pytest.fixture
def engineer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engineer]:
    for name in [name for name in os.environ if name.startswith(("FRIB_CONSOLE", "XDG_STATE", ENVIRONMENT_PREFIX))]:
        monkeypatch.delenv(name)
    made = Engineer(tmp_path)
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (made.home / "docs").symlink_to(DOCS)  # as in a clone
    with sandbox_of_the_page(made):
        yield made


@contextmanager
def sandbox_of_the_page(engineer: Engineer) -> Iterator[None]:
    start, *_ = lines(ON_A_SANDBOX)
    assert "console sandbox" in start
    with (engineer.home / "sandbox.log").open("wb") as log:
        process = subprocess.Popen(engineer.shell(start), cwd=engineer.home, stdout=log, stderr=log,
                                   start_new_session=True)  # fmt: skip
    try:
        first = engineer.sandbox / "dtn" / "runs" / f"run{RUN}" / f"run-{RUN}-00.evt"
        until(lambda: first.exists() or process.poll() is not None)
        assert process.poll() is None, (engineer.home / "sandbox.log").read_text()
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(HANGS_AFTER)
        for folder, _, _ in os.walk(engineer.sandbox):
            Path(folder).chmod(0o700)


def answers(engineer: Engineer, *, secret: str = "", client: str = CLIENT) -> list[tuple[str, str]]:
    """Enter to all that the sandbox's profile offers."""
    mapped = [] if secret else [("mapped collection", "y")]  # a service account can ask Globus
    return [
        ("Name of the experiment", EXPERIMENT), ("File of the profile", ""),
        ("run<N> appear", ""), ("Directory for the results", str(engineer.sandbox / "dtn" / "mine")), ("ledger", ""),
        ("Id of the native app", client), ("File with the secret", secret),
        ("Collection of the DTN", "frib dtn" if secret else ""), *mapped, ("does not have", ""),
        ("Name of the site", ""), ("Collection of the site", ""), *mapped,
        ("for the work at the site", ""), ("kit at the site", ""),
        ("that fits", ""), ("that converts", ""), ("that analyzes", ""),
        ("may see the flow runs", GROUP), ("may also cancel", ""), ("calls at night", ""),
    ]  # fmt: skip


def exported(said: str) -> str:
    found = re.search(rf"export {PROFILE_VARIABLE}=(\S+)", said)
    assert found
    return found[1]


def test_the_page_leads_from_nothing_to_the_first_run(engineer: Engineer, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = engineer.sandbox / "dtn" / "runs" / f"run{RUN}" / f"run-{RUN}-00.evt"
    (offered,) = (line for line in lines(ON_A_SANDBOX) if line.startswith("console init"))
    done = []
    for line in lines(PAGE):
        done.append(line)
        words = shlex.split(line)
        if line.startswith((*AT_THE_SITE, *OF_THIS_MACHINE)):
            continue
        if words[:2] == ["console", "init"]:
            said = engineer.init(offered.replace("~", str(engineer.home)), answers(engineer))
            monkeypatch.setenv(PROFILE_VARIABLE, exported(said))
        elif words == ["console", "login"]:
            engineer.log_in(line)
        elif words[:2] == ["console", "preflight"]:
            assert engineer.do(line.replace(words[2], str(segment))).rstrip().endswith("GO")
        elif words == ["console", "doctor"]:
            assert engineer.do(line).splitlines()[-1].startswith("GO")
        elif words == ["console"]:
            first_run(engineer)
        else:
            engineer.do(line.replace("./venvcmd ", ""))
    assert [" ".join(shlex.split(line)[:2]) for line in done if line.startswith("console ")] == [
        "console site", "console init", "console login", "console functions", "console flows", "console login",
        "console doctor", "console preflight",
    ]  # fmt: skip
    with tarfile.open(engineer.home / "kit.tar.gz") as kit:
        assert {f"frib-kit/{name}" for name in ("install.py", "gce", "endpoints.conf.example")} <= set(kit.getnames())


def first_run(engineer: Engineer) -> None:
    """The service that the unit describes drives, and a screen shows the run until it is done."""
    unit = (engineer.home / ".config/systemd/user/frib-flow-console.service").read_text()
    start, directory = (re.search(rf"^{key}=(.*)$", unit, re.M) for key in ("ExecStart", "WorkingDirectory"))
    assert start
    assert directory
    service = subprocess.Popen(shlex.split(start[1]), cwd=directory[1])
    try:
        until(
            lambda: service.poll() is not None or "driven by" in engineer.do("console driver status || true"), every=0.5
        )
        with engineer.asked("console") as window:
            window.wait_for(f"{RUN} done")
            window.press("q")
        found = json.loads(engineer.do(f"console status {RUN} --json"))["run"]
        assert Path(found["result"]).parent == engineer.sandbox / "dtn" / "mine"
    finally:
        service.terminate()
        service.wait(HANGS_AFTER)


def test_a_service_account_needs_no_login_and_its_people_are_roles_of_the_flows(
    engineer: Engineer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = engineer.home / "secret"
    secret.touch(0o600)
    secret.write_text(json.loads((engineer.sandbox / "sandbox.json").read_text())["token"])
    line = f"console init --from {engineer.sandbox / 'profile.toml'}"
    said = engineer.init(line, answers(engineer, secret=str(secret), client=IDENTITY))
    assert "console login" not in said
    monkeypatch.setenv(PROFILE_VARIABLE, exported(said))
    settings = load(Path(exported(said)))
    assert (settings.dtn.collection, settings.site.collection) == (DTN_COLLECTION, SITE_COLLECTION)
    assert "service account" in engineer.do("console whoami")
    engineer.do("console functions register && console flows deploy")
    flow = load(Path(exported(said))).flows.analysis
    assert json.loads(engineer.do(f"console flows show {flow} --json"))["flows"][0]["run_monitors"] == [GROUP]
    assert engineer.do("console doctor").splitlines()[-1].startswith("GO")
