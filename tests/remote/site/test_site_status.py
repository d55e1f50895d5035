"""What a worker finds out about its site: with commands of a PATH of the test's own, which hang, lie or are missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from globus_compute_sdk.serialize import PureSourceTextInspect

from flowspec import catalogue, sitestatus
from remote.site import functions, shipped
from tests.site_fixture import TOOLS, Site, alive, path_without_slurm
from tests.waiting import HANGS_AFTER

SQUEUE = "printf '%s\\n' '11|RUNNING|None|1|2026-07-01T14:00:00|parsl.block-0' "
SQUEUE += "'12|PENDING|QOSMaxJobsPerUserLimit|1|2026-07-01T14:01:00|a|b' '13|PENDING|Priority|2|N/A|c' "
SQUEUE += "'14|PENDING|Priority|2|N/A|d'\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Its PATH has neither Slurm nor quotas, whatever this machine has."""
    site = Site(tmp_path)
    site.environment["PATH"] = f"{site.fakes}:{TOOLS}:{path_without_slurm(tmp_path / 'only')}"
    return site


def asked(site: Site, *, seconds: float | None = None) -> dict[str, Any]:
    """What site_status.py prints; `seconds`: how long a command may take."""
    program = [sys.executable, str(site.kit / "site_status.py")]
    if seconds is not None:
        answers = site.kit / "answers.py"
        answers.write_text(answers.read_text().replace("SECONDS = 20.0", f"SECONDS = {seconds}"))
    ran = subprocess.run(program, env=site.environment, cwd=site.node_local, capture_output=True, timeout=HANGS_AFTER)
    assert ran.returncode == 0, ran.stderr
    document: dict[str, Any] = json.loads(ran.stdout)
    assert sitestatus.problem(document) == ""
    return document


def words(document: dict[str, Any], start: str) -> list[str]:
    """The sentences with a code that begins so."""
    told = sitestatus.reasons(document, shipped.files())
    return [catalogue.sentence(reason) for reason in told if reason.code.startswith(start)]


def codes(document: dict[str, Any]) -> set[str]:
    return {reason.code for reason in sitestatus.reasons(document, shipped.files())}


def at_the_worker(site: Site, name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    for variable, value in site.environment.items():
        monkeypatch.setenv(variable, value)
    sent = PureSourceTextInspect().serialize(functions.for_kit(str(site.kit))[name])
    received: Callable[..., dict[str, Any]] = PureSourceTextInspect().deserialize(sent)
    return received


def test_a_site_without_slurm_and_quotas_says_so(site: Site) -> None:
    document = asked(site)
    assert words(document, "site.no-command") == ["no showquota here", "no squeue here"]
    assert codes(document) == {"site.host", "site.kit", "site.path", "site.no-command", "site.stage", "site.fitconf"}
    assert {path["name"] for path in document["paths"]} >= {"top", "kit", "temporary"}
    assert all(path["free"] <= path["total"] for path in document["paths"])


def test_the_queue_is_told_with_slurms_reasons_by_one_call(site: Site) -> None:
    site.fake("squeue", f'echo "$@" >>{site.fakes}/calls\n{SQUEUE}')
    document = asked(site)
    said = "Slurm: 1 running, 3 pending (pending: 1 QOSMaxJobsPerUserLimit, 2 Priority)"
    assert words(document, "site.queue") == [said]
    assert document["queue"]["jobs"][1]["name"] == "a|b"
    assert sitestatus.pending(document) == {"QOSMaxJobsPerUserLimit": 1, "Priority": 2}
    (call,) = (site.fakes / "calls").read_text().splitlines()
    assert f"--user={os.getuid()}" in call.split()


def test_no_job_of_ours_is_told_as_such(site: Site) -> None:
    site.fake("squeue", "exit 0\n")
    assert words(asked(site), "site.queue") == ["Slurm: no job of ours"]


@pytest.mark.parametrize("quota", ["showquota", "myquota", "quota"])
def test_the_quota_is_told_in_the_words_of_the_site(site: Site, quota: str) -> None:
    site.fake(quota, r"printf 'home 12 of 40 GB\nscratch\t3 of \033[31m20 TB\n\n'")
    (said,) = words(asked(site), "site.quota")
    assert said.startswith(f"{quota}: home 12 of 40 GB | scratch")
    assert "\x1b" not in said


@pytest.mark.parametrize("command", ["squeue", "myquota"])
def test_a_command_that_hangs_is_ended_with_all_it_started(site: Site, command: str, tmp_path: Path) -> None:
    child = tmp_path / "child"
    site.fake(command, f"trap '' TERM\nsleep 300 &\necho $! >{child}\nwait\n")
    began = time.monotonic()
    document = asked(site, seconds=0.5)
    assert words(document, "site.hung") == [f"{command} has not answered in 0.5 s"]
    assert not alive(int(child.read_text()))
    assert time.monotonic() - began < HANGS_AFTER / 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1", "Unable to contact"),
        ("kill -SEGV $$", "return code 139"),
        ("echo one line without columns", "one line without columns"),
        ("head -c 3000 /dev/urandom", "squeue says what cannot be read"),
        ("yes '1|2'", "squeue says what cannot be read: 1|2"),
        ("yes", "squeue says what cannot be read: y"),
    ],
)
def test_a_queue_that_cannot_be_read_is_a_fact(site: Site, body: str, said: str) -> None:
    site.fake("squeue", body + "\n")
    document = asked(site)
    assert len(json.dumps(document)) < 60_000
    told = [*words(document, "site.refused"), *words(document, "site.unreadable")]
    assert said in told[0]
    assert all(c.isprintable() for c in told[0])


def test_a_command_that_prints_without_end_is_ended_when_it_is_too_much(site: Site, tmp_path: Path) -> None:
    site.fake("squeue", f"head -c 30000000 /dev/zero | tr '\\0' 'y'\ntouch {tmp_path}/all\n")
    asked(site)
    assert not (tmp_path / "all").exists()


def test_a_file_that_is_no_program_is_a_fact(site: Site) -> None:
    (site.fakes / "squeue").write_bytes(b"\x7fELF nonsense")
    (site.fakes / "squeue").chmod(0o755)
    (said,) = words(asked(site), "site.refused")
    assert "squeue ended with return code 126" in said


def test_a_directory_that_is_not_there_is_told_with_what_to_do(site: Site) -> None:
    (site.kit / "site.conf").write_text("TOP=/nowhere/e21062\n")
    assert words(asked(site), "site.path-missing") == [
        "top /nowhere/e21062 is not there: make it, or correct site.conf"
    ]


def test_a_file_system_that_does_not_answer_holds_up_nothing(site: Site) -> None:
    status = site.kit / "site_status.py"
    status.write_text(status.read_text().replace("    room = os.statvfs(path)", "    time.sleep(300)"))
    document = asked(site, seconds=0.5)
    assert {path["name"] for path in document["paths"]} >= {"top", "kit", "temporary"}
    assert all("has not answered in 0.5 s" in said for said in words(document, "site.path-unseen"))


def test_a_program_that_is_not_where_jobs_run_is_named(site: Site) -> None:
    (site.kit / "site.conf").write_text("LAUNCHER=(mpiexec-of-another -np 4)\nPATH=/usr/bin:/bin\n")
    names = {"fit": ("EventEditor", "mpiexec-of-another"), "convert": ("eeconverter",), "analyze": ("betasort",)}
    assert words(asked(site), "site.program-missing") == [
        f"{stage}: no {name} where its jobs run: PATH or image in site.conf" for stage in names for name in names[stage]
    ]


def test_programs_are_looked_for_inside_the_container(site: Site) -> None:
    site.fake("shifter", f'echo "$*" >>{site.fakes}/started\nshift\nPATH=/usr/bin:/bin exec "$@"\n')
    (site.kit / "site.conf").write_text("CONTAINER=(shifter --image=frib)\n")
    document = asked(site)
    assert document["stages"]["convert"] == {
        "programs": {"eeconverter": ""}, "inside": document["host"], "container": "shifter --image=frib",
    }  # fmt: skip
    assert len((site.fakes / "started").read_text().splitlines()) == 3  # one for each stage


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ("echo 'FAILED to lookup image frib:v9' >&2; exit 1", "FAILED to lookup image frib:v9"),
        (None, "shifter"),  # there is no such program
    ],
)
def test_an_image_that_cannot_be_started_is_told_in_its_own_words(site: Site, container: str | None, said: str) -> None:
    if container is not None:
        site.fake("shifter", container + "\n")
    (site.kit / "site.conf").write_text("CONTAINER=(shifter --image=frib:v9)\n")
    told = words(asked(site), "site.stage-fails")
    assert len(told) == 3
    assert all(said in words for words in told)


def test_a_wrong_fit_conf_is_told_before_a_fit(site: Site) -> None:
    (site.kit / "fit.conf").write_text("1 2 3 4\n")
    (said,) = words(asked(site), "site.fitconf-wrong")
    assert "fit.conf line 1: 4 columns" in said


def test_a_site_conf_that_is_no_shell_is_told(site: Site) -> None:
    (site.kit / "site.conf").write_text("TOP='\n")
    told = words(asked(site), "site.stage-fails")
    assert len(told) == 3
    assert "site.conf" in told[0]


# ---- the kit


def test_the_kit_as_it_is_shipped_is_this_consoles(site: Site) -> None:
    (site.kit / "fit.conf").write_text("# ours\n")  # what a site changes or leaves there does not count
    (site.kit / "site.conf").write_text("# ours\n")
    (site.kit / "slurm-11.out").write_text("")
    (site.kit / ".#job.py").write_text("")
    (site.kit / "env" / "lib").mkdir(parents=True)
    (site.kit / "env" / "lib" / "site.py").write_text("")
    document = asked(site)
    assert document["kit"]["digest"] == shipped.digest()
    assert words(document, "site.kit") == [f"the kit is that of this console: {shipped.digest()}"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda kit: (kit / "job.py").open("a").write("#\n"), "job.py"),
        (lambda kit: (kit / "watch.py").unlink(), "watch.py"),
        (lambda kit: (kit / "random.py").write_text(""), "random.py"),  # which job.py would import
        (lambda kit: (kit / "run_compute_convert.sl").write_text(""), "run_compute_convert.sl"),
    ],
    ids=["changed", "gone", "besides", "script"],
)
def test_a_kit_that_is_out_of_date_is_told_with_the_files(
    site: Site, change: Callable[[Path], object], named: str
) -> None:
    change(site.kit)
    if named == "watch.py":
        assert named in shipped.files()
    (said,) = words(asked(site), "site.kit-outdated")
    assert said.startswith(f"the kit at the site is of another version than this console ({named}): copy it")


def test_of_many_files_that_differ_a_few_are_named() -> None:
    why = sitestatus.of_kit("", dict.fromkeys(shipped.files(), "0"), shipped.files())
    assert f"and {len(shipped.files()) - 4} more" in catalogue.sentence(why)
    assert catalogue.entry(why.code).severity.value == "slow"


# ---- the functions


def test_the_function_replies_what_the_kit_says(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = at_the_worker(site, "site_status", monkeypatch)(kit=str(site.kit))
    assert reply.pop("rc") == 0
    assert sitestatus.problem(reply) == ""


def test_the_canary_answers_with_the_kits_digest(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = at_the_worker(site, "canary", monkeypatch)(kit=str(site.kit))
    assert (reply["rc"], reply["digest"], reply["host"]) == (0, shipped.digest(), asked(site)["host"])
    assert abs(time.time() - reply["at"]) < HANGS_AFTER


@pytest.mark.parametrize("name", ["site_status", "canary"])
def test_a_function_of_another_kit_does_nothing(site: Site, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = at_the_worker(site, name, monkeypatch)(kit="/somewhere/else")
    assert (reply["rc"], "registered for another kit" in reply["cause"]) == (1, True)


@pytest.mark.parametrize("file", ["site_status.py", "digests.py"])
@pytest.mark.parametrize("text", [None, "raise SystemExit('no\\x1b[2J' * 99)", "1 +"])
def test_trouble_with_the_kit_is_a_reply_of_both(
    site: Site, monkeypatch: pytest.MonkeyPatch, file: str, text: str | None
) -> None:
    (site.kit / file).unlink() if text is None else (site.kit / file).write_text(text)
    for name in ("site_status", *(["canary"] if file == "digests.py" else [])):
        reply = at_the_worker(site, name, monkeypatch)(kit=str(site.kit))
        assert (reply["rc"], reply["code"][:7]) == (1, "failed.")
        assert all(" " <= c <= "~" for c in reply["cause"])


def test_a_document_of_the_site_is_not_trusted() -> None:
    assert sitestatus.problem({"schema": 1}) != ""
    assert sitestatus.problem([]) != ""


def test_a_document_in_which_anything_is_of_another_kind_is_refused(site: Site) -> None:
    document = asked(site)
    for key in document:
        assert sitestatus.problem({**document, key: [[7.5]]}) != "", key
        assert sitestatus.problem({k: v for k, v in document.items() if k != key}) != "", key
