"""`console doctor` on a sandbox that is well, and on set-ups that are not: each is NO-GO with its line."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console.cli.faults import RunningSandbox
from console.cli.parser import main
from console.disk import mark as marks
from console.disk import space
from console.disk.mark import Mark
from console.doctor import examine, here, site
from console.doctor.examine import OF_GLOBUS, OF_HERE
from console.doctor.finding import Finding, Verdict, bad, line, ok, outcome, warn
from console.ledger import filesystem, presence
from console.ledger.presence import Presence
from console.settings.paths import deployed_file
from remote.globus.auth import TokenFileLogin
from tests.pipeline_fixture import Pipeline, running_pipeline

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with pytest.MonkeyPatch.context() as patch:
        slurm = tmp_path_factory.mktemp("slurm")
        (slurm / "squeue").write_text("#!/bin/sh\nexit 0\n")
        (slurm / "squeue").chmod(0o755)
        patch.setenv("PATH", str(slurm), prepend=":")
        with running_pipeline(tmp_path_factory.mktemp("doctor") / "sandbox", auto_launch=False, speed=20.0) as pipeline:
            yield pipeline


class Setup:
    """A profile of its own for the sandbox, to be spoilt; what else is changed is changed back at the end."""

    def __init__(self, pipeline: Pipeline, directory: Path, patch: pytest.MonkeyPatch) -> None:
        self.pipeline, self.directory, self.patch = pipeline, directory, patch
        self.profile = directory / "profile.toml"
        self.settings = pipeline.settings
        self.ledger = directory / "state" / "ledger.db"
        self.ledger.parent.mkdir(mode=0o700)
        shutil.copy(deployed_file(pipeline.settings.ledger), deployed_file(self.ledger))
        self.token = directory / "token"
        self.token.write_text(pipeline.profile.with_name("token").read_text())
        self.token.chmod(0o600)
        self.profile.write_text(pipeline.profile.read_text())
        self.set("ledger", self.ledger)
        self.set("token_file", self.token)
        self.sandbox = RunningSandbox.at(pipeline.sandbox.directory)
        self._restored: list[tuple[Path, bytes]] = []

    def set(self, key: str, value: object) -> None:
        text = self.profile.read_text()
        self.profile.write_text(re.sub(rf'^{key} = ".*"$', f'{key} = "{value}"', text, flags=re.M))

    def deployed(self, change: Callable[[dict[str, Any]], object]) -> None:
        document = json.loads(deployed_file(self.ledger).read_text())
        change(document)
        deployed_file(self.ledger).write_text(json.dumps(document))

    def spoil(self, path: Path, text: str) -> None:
        """Write over a file of the site."""
        self._restored.append((path, path.read_bytes()))
        path.write_text(text)

    def driver(self, **known: Any) -> None:
        there = Presence(4711, "daq1", "anna", 0.0, "background", version="0.1.0", **known)
        self.patch.setattr(presence, "driver", lambda _: there)

    def close(self) -> None:
        self.sandbox.clear()
        for path, content in self._restored:
            path.write_bytes(content)


@pytest.fixture
def setup(pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setup]:
    made = Setup(pipeline, tmp_path, monkeypatch)
    yield made
    made.close()


def test_a_good_sandbox_is_go(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.start_driver()
    try:
        assert main(["doctor", "--profile", str(pipeline.profile)]) == 0, capsys.readouterr()
        *told, last = capsys.readouterr().out.splitlines()
        assert last == "GO"
        assert {line[:4] for line in told} == {"ok  "}
        known = {line.split()[1] for line in told}
        assert {"profile", *OF_HERE, *OF_GLOBUS, "room", "kit", "fit.conf", "slurm"} <= known
        assert main(["doctor", "--profile", str(pipeline.profile), "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["go"] is True
        assert {finding["verdict"] for finding in document["findings"]} == {"ok"}
    finally:
        pipeline.end_driver()


# ---- what is not well: what to spoil, which check says so (then others that do), some of its words


def _of_a_mark(setup: Setup) -> None:
    setup.patch.setattr(marks, "read", lambda _: Mark("0" * 32, "daq2", "anna", 1001, 4711, since=1e9))


def _no_token(setup: Setup) -> None:
    setup.token.unlink()


def _another_flow(setup: Setup) -> None:
    setup.deployed(lambda known: known["flows"].update(analysis=known["flows"]["transfer"]))


def _another_function(setup: Setup) -> None:
    setup.deployed(lambda known: known["compute"]["fit"].update(known["compute"]["convert"]))


def _no_ledger(setup: Setup) -> None:
    setup.ledger.write_text("this is no ledger, but some text\n" * 99)
    setup.ledger.chmod(0o600)


def _nfs(setup: Setup) -> None:
    root = "20 1 0:1 / / rw - nfs4 server:/home rw\n"
    setup.patch.setattr(filesystem, "_mounts", lambda: root)


def _refusing(setup: Setup) -> None:
    def refuse(**_: object) -> object:
        raise OSError(30, "Read-only file system")

    setup.patch.setattr(here.tempfile, "TemporaryFile", refuse)


def _broken(_: object) -> Iterator[Finding]:
    yield ok("runs", "seen")
    raise RuntimeError("what nobody thought of")


OF_SETUPS: dict[str, tuple[Callable[[Setup], object], str, str]] = {
    "no profile": (lambda s: s.profile.unlink(), "profile", "cannot be read"),
    "no TOML": (lambda s: s.profile.write_text("experiment ="), "profile", "is not TOML"),
    "unknown key": (lambda s: s.profile.write_text(s.profile.read_text() + "auto_lunch = true\n"), "profile",
                    "did you mean 'auto_launch'"),
    "runs are not there": (lambda s: s.set("runs", "/nowhere/runs"), "runs dtn", "mount its file system"),
    "results are not there": (lambda s: s.set("results", "/nowhere/results"), "results dtn", "correct dtn.results"),
    "results cannot be written": (_refusing, "results", "cannot be written: Read-only file system"),
    "no room": (lambda s: s.patch.setattr(space, "measure", lambda _: space.Space(10**9, 10**11)), "room",
                "make room in"),
    "ledger on NFS": (_nfs, "locks", "network file system (nfs4)"),
    "no locks": (lambda s: s.patch.setattr(filesystem, "locks_work", lambda _: False), "locks", "locks do not work"),
    "no ledger": (_no_ledger, "ledger", "file is not a database"),
    "ledger open to others": (lambda s: s.ledger.parent.chmod(0o777), "ledger", "chmod go-w"),
    "another console": (_of_a_mark, "mark", "console driver take-over"),
    "driver hangs": (lambda s: s.driver(beat_age=60.0), "driver", "has given no sign of life for 60 s"),
    "driver cannot write": (lambda s: s.driver(problem="the disk is full"), "driver", "the disk is full"),
    "few files": (lambda s: s.patch.setattr(here.resource, "getrlimit", lambda _: (64, 64)), "limits", "ulimit -n"),
    "no token": (_no_token, "login", "cannot be read"),
    "token open to others": (lambda s: s.token.chmod(0o644), "login", "others may read the token file"),
    "login expired": (lambda s: s.patch.setattr(TokenFileLogin, "expires_at", lambda _: 1e9), "login", "expired at"),
    "no login in the store": (lambda s: s.patch.setattr(TokenFileLogin, "expires_at", lambda _: 0.0), "login",
                              "nobody is logged in; console login"),
    "token refused": (lambda s: s.sandbox.set("token-expired", {"service": "transfer"}), "dtn site clock",
                      "console login"),
    "consent missing": (lambda s: s.sandbox.set("consent-missing", {"service": "transfer"}), "site dtn clock",
                        "consent"),
    "wrong collection": (lambda s: s.set("collection", NOBODY), "dtn site", "404"),
    "no such top": (lambda s: s.set("top", f"{s.settings.site.top}/nowhere"), "site", "correct site.top"),
    "flows not deployed": (lambda s: s.deployed(lambda known: known.pop("flows")), "flows", "console flows deploy"),
    "flow unknown": (lambda s: s.deployed(lambda k: k["flows"].update(transfer=NOBODY)), "flows", "404"),
    "flow differs": (_another_flow, "flows", "analysis is deployed otherwise than here, at "),
    "Flows is down": (lambda s: s.sandbox.set("http-503", {"service": "flows", "times": 0}), "start", "try it again"),
    "function not registered": (lambda s: s.deployed(lambda k: k["compute"].pop("fit")), "functions",
                                "fit: not registered: console functions register"),
    "function differs": (_another_function, "functions", "fit: registered by another version"),
    "function unknown": (lambda s: s.deployed(lambda k: k["compute"]["fit"].update(function=NOBODY)), "functions",
                         "fit: Compute knows no such function"),
    "endpoint offline": (lambda s: s.sandbox.set("endpoint-offline", {"endpoint": "frib-convert"}), "endpoints",
                         "start it at the site"),
    "endpoint unknown": (lambda s: s.set("endpoint", NOBODY), "endpoints", "404"),
    "kit outdated": (lambda s: s.spoil(Path(s.settings.site.kit, "watch.py"), "# another\n"), "kit", "(watch.py)"),
    "kit damaged": (lambda s: s.spoil(Path(s.settings.site.kit, "digests.py"), "nonsense ("), "endpoints",
                    "is the kit of this console there?"),
    "fit.conf wrong": (lambda s: s.spoil(Path(s.settings.site.kit, "fit.conf"), "nonsense\n"), "fit.conf",
                       "mend it before a launch"),
    "a check that fails": (lambda s: s.patch.setitem(OF_HERE, "runs", _broken), "runs", "what nobody thought of"),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_SETUPS)
def test_a_broken_setup_is_no_go_with_its_line(name: str, setup: Setup, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, checks, words = OF_SETUPS[name]
    check, *others = checks.split()
    spoil(setup)
    _only(setup, check)
    assert main(["doctor", "--profile", str(setup.profile), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    found = [Finding(**{**each, "verdict": Verdict(each["verdict"])}) for each in document["findings"]]
    assert document["go"] is False
    wrong = [finding for finding in found if finding.verdict is Verdict.BAD]
    assert {finding.check for finding in wrong} == {check, *others}, found
    assert any(words in finding.words for finding in wrong if finding.check == check), wrong
    assert all(finding.next_step for finding in found if finding.verdict is not Verdict.OK)


def _only(setup: Setup, check: str) -> None:
    """Of what is asked of Compute, which limits requests, only what the case is about."""
    dear = {"functions": {"functions"}, "endpoints": {"endpoints", "kit", "fit.conf"}}
    for name, whose in dear.items():
        if check not in whose:
            setup.patch.delitem(OF_GLOBUS, name)
    if check in ("functions", "endpoints", "flows", "start"):
        for name in {"functions", "endpoints", "flows", "start"} - {check}:
            setup.patch.delitem(OF_GLOBUS, name, raising=False)


def test_a_clock_that_is_off(setup: Setup) -> None:
    _only(setup, "clock")
    for off, words in ((3690, "61 m ahead of Globus"), (-3690, "61 m behind Globus")):
        found = examine.examine(setup.profile, now=lambda off=off: time.time() + off)  # type: ignore[misc]
        (clock,) = (finding for finding in found if finding.check == "clock")
        assert clock.verdict is Verdict.BAD
        assert words in clock.said


def test_what_hangs_is_a_line_and_holds_up_nobody(setup: Setup) -> None:
    let_go = threading.Event()

    def hang(_: object) -> Iterator[Finding]:
        let_go.wait()
        yield ok("runs", "at last")

    setup.patch.setattr(examine, "OF_HERE", {"runs": hang, "version": here.version})
    setup.patch.setattr(examine, "OF_GLOBUS", {})
    found = {finding.check: finding for finding in examine.examine(setup.profile, seconds=5.0)}
    let_go.set()
    assert found["runs"].words.startswith("no answer in 5 s")
    assert found["version"].verdict is Verdict.OK


def test_workers_that_do_not_come_are_a_warning(setup: Setup) -> None:
    setup.patch.setattr(site, "WORKER_SECONDS", -1.0)
    setup.patch.setattr(examine, "OF_GLOBUS", {"endpoints": site.endpoints})
    silent = [finding for finding in examine.examine(setup.profile) if finding.check == "endpoints"]
    assert {finding.verdict for finding in silent} == {Verdict.WARN}
    assert [" ".join(finding.said.split()[:4]) for finding in silent] == [
        "the endpoint of fit", "the endpoint of convert", "the endpoint of analyze",
    ]  # fmt: skip


def test_nothing_is_left_behind(setup: Setup) -> None:
    kept = [setup.settings.dtn.results, setup.settings.dtn.runs, setup.ledger.parent]
    before = [sorted(path.name for path in directory.iterdir()) for directory in kept]
    flow_runs = setup.pipeline.flow_runs()
    assert outcome(examine.examine(setup.profile)) == "GO, 1 warning"
    assert [sorted(path.name for path in directory.iterdir()) for directory in kept] == before
    assert setup.pipeline.flow_runs() == flow_runs


def test_lines() -> None:
    found = [ok("a", "well"), bad("functions", "broken", "mend it"), warn("b", "odd", "look")]
    assert list(map(line, found)) == [
        "ok  a          well", "NO  functions  broken; mend it", "!   b          odd; look",
    ]  # fmt: skip
    assert [outcome(found), outcome(found[:1])] == ["NO-GO, 1 bad, 1 warning", "GO"]
