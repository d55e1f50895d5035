"""`console doctor` on a sandbox that is well, and on set-ups that are not: each is NO-GO with its line."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.cli.parser import main
from console.disk import space
from console.doctor import examine, here, site, subject
from console.doctor.examine import OF_GLOBUS, OF_HERE
from console.doctor.finding import Finding, Verdict, bad, line, ok, outcome, warn
from console.ledger import filesystem
from console.ledger.store import Ledger
from console.settings.profiles import load
from remote.globus.auth import TokenFileLogin
from tests.doctor_fixture import Setup, pipeline, setup
from tests.mark_fixture import of_another_machine
from tests.pipeline_fixture import Pipeline
from tests.waiting import until

__all__ = ["pipeline", "setup"]
NOBODY = "00000000-0000-4000-8000-000000000000"
ROOT = Path(__file__).parents[3]


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


def _bad_value(setup: Setup) -> None:
    text = setup.profile.read_text()
    setup.profile.write_text(text.replace("auto_launch = false", 'auto_launch = "perhaps"'))


def _of_a_mark(setup: Setup) -> None:
    results = setup.directory / "results"
    results.mkdir()
    of_another_machine(results)
    setup.set("results", results)


def _a_file(setup: Setup) -> None:
    file = setup.settings.dtn.runs.with_name("no-directory")
    file.write_text("")
    setup.set("runs", file)


def _newer_schema(setup: Setup) -> None:
    Ledger(setup.ledger).close()
    db = sqlite3.connect(setup.ledger)
    db.execute("PRAGMA user_version=99")
    db.close()


def _elsewhere(setup: Setup) -> None:
    """The collection has a directory of that path, and it is another one."""
    dtn = setup.settings.dtn.results.parent
    for name in ("runs", "results"):
        (dtn / dtn.name / name).mkdir(parents=True, exist_ok=True)
    setup.set("strip_prefix", dtn.parent)


def _another_sdk(setup: Setup) -> None:
    known = setup.directory / "packages" / "globus_sdk-5.0.1.dist-info" / "METADATA"
    known.parent.mkdir(parents=True)
    known.write_text("Metadata-Version: 2.1\nName: globus-sdk\nVersion: 5.0.1\n")
    setup.patch.syspath_prepend(str(known.parents[1]))


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
    "no text": (lambda s: s.profile.write_bytes(b"experiment = \"\xff\""), "profile", "is not text in UTF-8"),
    "bad value": (_bad_value, "profile", "policy.auto_launch: 'perhaps'"),
    "another SDK": (_another_sdk, "version", "globus-sdk 5.0.1 is installed"),
    "runs are no directory": (_a_file, "runs dtn", "Not a directory"),
    "runs are not there": (lambda s: s.set("runs", "/nowhere/runs"), "runs dtn", "mount its file system"),
    "results are not there": (lambda s: s.set("results", "/nowhere/results"), "results dtn", "correct dtn.results"),
    "results cannot be written": (_refusing, "results", "cannot be written: Read-only file system"),
    "no room": (lambda s: s.patch.setattr(space, "measure", lambda _: space.Space(10**9, 10**11)), "room",
                "make room in"),
    "ledger on NFS": (_nfs, "locks", "network file system (nfs4)"),
    "no locks": (lambda s: s.patch.setattr(filesystem, "locks_work", lambda _: False), "locks", "locks do not work"),
    "no ledger": (_no_ledger, "ledger", "file is not a database"),
    "ledger of a newer console": (_newer_schema, "ledger", "version 99"),
    "ledger open to others": (lambda s: s.ledger.parent.chmod(0o777), "ledger", "chmod go-w"),
    "another console": (_of_a_mark, "mark dtn", "console driver take-over"),
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
    "site is down": (lambda s: s.sandbox.set("http-503", {"path": "*/ls", "times": 0}), "site dtn",
                     "try it again later"),
    "Transfer is out of reach": (lambda s: s.sandbox.set("connection-reset", {"service": "transfer", "times": 0}),
                                 "clock dtn site", "the line broke"),
    "write refused": (lambda s: s.sandbox.set("consent-missing", {"service": "transfer", "path": "*/mkdir"}),
                      "site dtn", "nothing can be written into"),
    "results come elsewhere": (_elsewhere, "dtn", "does not come to"),
    "flows not deployed": (lambda s: s.deployed(lambda known: known.pop("flows")), "flows", "console flows deploy"),
    "flow unknown": (lambda s: s.deployed(lambda k: k["flows"].update(transfer=NOBODY)), "flows", "404"),
    "flow differs": (_another_flow, "flows", "analysis is deployed otherwise than here, at "),
    "Flows is down": (lambda s: s.sandbox.set("http-503", {"service": "flows", "times": 0}), "start", "try it again"),
    "too many requests": (lambda s: s.sandbox.set("http-429", {"service": "compute", "times": 0, "seconds": 0}),
                          "functions", "answers 429"),
    "function not allowed": (lambda s: s.sandbox.set("function-not-allowed", {"endpoint": "frib-convert"}),
                             "endpoints", "add it to allowed_functions there"),
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
    "no fit.conf": (lambda s: s.spoil(Path(s.settings.site.kit, "fit.conf"), None), "fit.conf", "mend it before"),
    "fit.conf wrong": (lambda s: s.spoil(Path(s.settings.site.kit, "fit.conf"), "nonsense\n"), "fit.conf",
                       "mend it before a launch"),
    "a check that fails": (lambda s: s.patch.setitem(OF_HERE, "runs", _broken), "runs", "what nobody thought of"),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_SETUPS)
def test_a_broken_setup_is_no_go_with_its_line(name: str, setup: Setup, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, checks, words = OF_SETUPS[name]
    check, *others = checks.split()
    spoil(setup)
    setup.only(check)
    setup.patch.setattr(subject, "AGAIN_SECONDS", (0.1, 0.1))
    assert main(["doctor", "--profile", str(setup.profile), "--json"]) == 1
    found = setup.findings(capsys.readouterr().out)
    wrong = [finding for finding in found if finding.verdict is Verdict.BAD]
    assert {finding.check for finding in wrong} == {check, *others}, found
    assert any(words in finding.words for finding in wrong if finding.check == check), wrong
    assert all(finding.next_step for finding in found if finding.verdict is not Verdict.OK)


def test_what_this_account_may_not_do(setup: Setup) -> None:
    """Root, as which tests may run, becomes nobody for that, who may not even go through the directory above."""
    directories = {name: setup.directory / name for name in ("runs", "results")}
    for name, directory in directories.items():
        directory.mkdir(mode=0)
        setup.set(name, directory)
    ours = subject.Subject(load(setup.profile))
    before = os.geteuid()
    try:
        if before == 0:
            os.seteuid(65534)
        found = [finding for check in (here.runs_directory, here.results_directory) for finding in check(ours)]
        assert [(each.check, each.verdict) for each in found] == [("runs", Verdict.BAD), ("results", Verdict.BAD)]
        assert all("Permission denied" in each.said for each in found), found
    finally:
        os.seteuid(before)
        for directory in directories.values():
            directory.chmod(0o700)


def test_a_clock_that_is_off(setup: Setup) -> None:
    setup.only("clock")
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


def test_a_transfer_that_does_not_answer_is_a_line_for_each_thing_that_wants_it(setup: Setup) -> None:
    setup.sandbox.set("slow-reply", {"service": "transfer", "seconds": 3600, "times": 0})
    setup.only("dtn")
    began = time.monotonic()
    found = list(examine.examine(setup.profile, seconds=4.0))
    assert time.monotonic() - began < 30
    assert {each.check for each in found if each.said == "no answer in 4 s"} == {"clock", "dtn", "site"}
    assert {each.check for each in found if each.verdict is Verdict.OK} >= {"runs", "results", "login", "flows"}


def test_workers_that_do_not_come_are_a_warning(setup: Setup) -> None:
    setup.patch.setattr(site, "WORKER_SECONDS", -1.0)
    setup.patch.setattr(examine, "OF_GLOBUS", {"endpoints": site.endpoints})
    silent = [finding for finding in examine.examine(setup.profile) if finding.check == "endpoints"]
    assert {finding.verdict for finding in silent} == {Verdict.WARN}
    assert [" ".join(finding.said.split()[:4]) for finding in silent] == [
        "the endpoint of fit", "the endpoint of convert", "the endpoint of analyze",
    ]  # fmt: skip


def test_an_endpoint_without_a_block_is_a_warning_after_its_time(setup: Setup) -> None:
    setup.sandbox.set("sbatch-refused", {"endpoint": "frib-convert"})
    setup.patch.setattr(site, "WORKER_SECONDS", 5.0)
    setup.only("endpoints")
    found = {each.said: each for each in examine.examine(setup.profile) if each.check == "endpoints"}
    (silent,) = (each for each in found.values() if each.verdict is not Verdict.OK)
    assert silent.said == "the endpoint of convert is online, and no worker has executed canary in 5 s"
    assert "a long queue at Slurm?" in silent.next_step


def test_nothing_is_left_behind(setup: Setup) -> None:
    kept = [setup.settings.dtn.results, setup.settings.dtn.runs, setup.ledger.parent]
    before = [sorted(path.name for path in directory.iterdir()) for directory in kept]
    flow_runs = setup.pipeline.flow_runs()
    assert outcome(list(examine.examine(setup.profile))) == "GO, 1 warning"
    until(lambda: not list(setup.settings.dtn.results.parent.rglob(".doctor-*")))
    until(lambda: not list(Path(setup.settings.site.top).glob(".doctor-*")))
    assert [sorted(path.name for path in directory.iterdir()) for directory in kept] == before
    assert setup.pipeline.flow_runs() == flow_runs


def test_the_versions_of_the_sdks_are_those_of_the_project() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    for name, (least, below) in here.SDKS.items():
        assert f'"{name}>={".".join(map(str, least))},<{below[0]}"' in project


def test_lines() -> None:
    found = [ok("a", "well"), bad("functions", "broken", "mend it"), warn("b", "odd", "look")]
    assert list(map(line, found)) == [
        "ok  a          well", "NO  functions  broken; mend it", "!   b          odd; look",
    ]  # fmt: skip
    assert [outcome(found), outcome(found[:1])] == ["NO-GO, 1 bad, 1 warning", "GO"]
