"""What a job has used is a fact of its report and its reply, and tells a lack of memory from another death."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.site_fixture import KIT, Site
from tests.waiting import HANGS_AFTER, until

GB, MB = 1 << 30, 1 << 20
NOBODY_KILLED = {"peak": 30 * GB, "memory_limit": 40 * GB, "oom_kills": 0}
# It takes 100 MB, of which its parent knows nothing else than what the kernel says of its end.
HUNGRY = "python3 -c 'print(len(b\"x\" * (100 << 20)))'\n"


@pytest.fixture(scope="module")
def usage() -> ModuleType:
    """The kit's module, which imports its neighbours by their bare names."""
    sys.path.insert(0, str(KIT))
    try:
        return importlib.import_module("usage")
    finally:
        sys.path.remove(str(KIT))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


# ---- a whole job


def test_a_good_job_tells_what_it_used_in_report_and_reply(site: Site) -> None:
    raw = site.add_raw(7, 3)
    program = site.environment["PATH"].split(":")[1] + "/EventEditor"
    site.fake("EventEditor", f'{HUNGRY}exec "{program}" "$@"\n')
    reply, report = site.run("fit", 7, 3), site.report(7, "fit-03.json")
    assert reply["rc"] == 0
    assert 100 * MB < reply["peak"] < 1 * GB
    assert 0 < reply["cpu"] < 60
    assert 2 * raw.stat().st_size < reply["scratch"] < 1 * MB
    assert {name: report[name] for name in ("peak", "cpu", "scratch")} == {
        name: reply[name] for name in ("peak", "cpu", "scratch")
    }
    assert report["memory_limit"] > reply["peak"]
    assert "Scratch" not in site.report(7, "fit-03.json")["tail"][-1]


@pytest.mark.parametrize(
    ("memory", "code", "words"),
    [
        ("64", "failed.memory", "memory: used 1..\\.. MB, a worker has 64.0 MB: "),
        ("", "failed.killed", "killed, used 1"),
    ],
)
def test_who_was_killed_near_the_limit_had_too_little_memory(site: Site, memory: str, code: str, words: str) -> None:
    site.add_raw(7, 3)
    site.environment["SLURM_MEM_PER_NODE"] = memory
    site.fake("EventEditor", HUNGRY + "echo event 5; kill -KILL $$\n")
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"]) == (137, code)
    assert 100 * MB < reply["parameters"]["peak"] < 200 * MB
    assert reply["parameters"].keys() == {"rc", "peak", "limit"}
    assert re.search(words, reply["cause"]), reply["cause"]


def test_who_was_killed_at_the_end_of_its_block_was_not_killed_for_want_of_memory(site: Site) -> None:
    site.add_raw(7, 3)
    site.environment.update(SLURM_MEM_PER_NODE="64", SLURM_JOB_END_TIME="1790000000")
    site.fake("EventEditor", HUNGRY + "kill -TERM $$\n")
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"]) == (143, "failed.block")
    assert "Slurm has ended its block" in reply["cause"]


def test_the_progress_of_a_job_tells_the_memory_that_all_its_processes_use(site: Site) -> None:
    """For the report of a job that is killed together with its job.py."""
    site.add_raw(7, 3)
    watch = site.kit / "watch.py"
    watch.write_text(watch.read_text().replace("PROGRESS_SECONDS = 5.0", "PROGRESS_SECONDS = 0.1"))
    job = site.kit / "job.py"
    job.write_text(job.read_text().replace("LOOK_SECONDS = 1.0", "LOOK_SECONDS = 0.1"))
    hungry = "python3 -c 'room = b\"x\" * (60 << 20); import time; time.sleep(600)' &\n"
    site.fake("EventEditor", hungry + hungry + "wait\n")
    started = site.start("fit", 7, 3)
    path = site.top / "logs" / "run7" / "fit-03.progress.json"

    def told() -> dict[str, Any]:
        document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return document

    until(lambda: told().get("peak", 0) > 120 * MB)
    site.marker(7).mkdir(parents=True)
    said, _ = started.communicate(timeout=HANGS_AFTER)
    assert 120 * MB < json.loads(said)["peak"] < 1 * GB


# ---- what there is


def proc(root: Path, groups: str, *limits: tuple[str, str]) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    (root / "proc/meminfo").write_text("MemTotal:       536870912 kB\nMemFree: 1 kB\n")
    for name, text in limits:
        (root / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "groups" / name).write_text(text)
    return root / "proc"


@pytest.mark.parametrize(
    ("environment", "limits", "expected"),
    [
        ({}, [], 512 * GB),
        ({"SLURM_MEM_PER_NODE": "204800"}, [], 200 * GB),
        ({"SLURM_MEM_PER_NODE": "204800", "PARSL_WORKER_COUNT": "5"}, [], 40 * GB),
        ({"SLURM_MEM_PER_NODE": "0"}, [], 512 * GB),
        ({"SLURM_MEM_PER_CPU": "1024", "SLURM_CPUS_ON_NODE": "128"}, [], 128 * GB),
        ({"SLURM_MEM_PER_CPU": "1024"}, [], 512 * GB),
        ({"SLURM_MEM_PER_NODE": "all of it", "PARSL_WORKER_COUNT": "0"}, [], 512 * GB),
        ({}, [("slurm/job_1/memory.max", f"{40 * GB}\n"), ("slurm/memory.max", "max\n")], 40 * GB),
        ({}, [("slurm/job_1/memory.max", "max\n"), ("slurm/memory.max", f"{80 * GB}\n")], 80 * GB),
        ({}, [("memory/slurm/uid_1/memory.limit_in_bytes", f"{20 * GB}\n")], 20 * GB),
        ({}, [("memory/slurm/uid_1/memory.limit_in_bytes", "9223372036854771712\n")], 512 * GB),
    ],
)
def test_a_worker_has_its_share_of_the_least_that_limits_it(
    usage: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str],
    limits: list[tuple[str, str]], expected: int,
) -> None:  # fmt: skip
    found = proc(tmp_path, "4:cpuset,memory:/slurm/uid_1\n1:name=systemd:/x\n0::/slurm/job_1\n", *limits)
    monkeypatch.setattr(usage.control_groups, "__defaults__", (found, tmp_path / "groups"))
    assert usage.memory_limit(environment, found) == expected


@given(st.text(), st.text())
def test_whatever_a_kernel_says_of_groups_is_no_error(
    usage: ModuleType, tmp_path_factory: pytest.TempPathFactory, groups: str, events: str
) -> None:
    root = tmp_path_factory.mktemp("any")
    found = proc(root, groups, ("memory.events", events))
    assert usage.oom_kills(found) >= 0
    assert usage.memory_limit({}, found) is not None


# ---- what it tells


@pytest.mark.parametrize(
    ("code", "rc", "used", "expected"),
    [
        ("killed", 137, {"peak": 39 * GB}, "memory"),
        ("killed", 137, {}, "killed"),
        ("killed", 1, {"peak": 39 * GB}, "memory"),  # mpirun ends with 1 when a rank was killed
        ("killed", 135, {"oom_kills": 1}, "memory"),
        ("killed", 137, {"memory_limit": None}, "killed"),
        ("abort", 137, {"peak": 39 * GB}, "memory"),
        ("abort", 134, {"peak": 39 * GB, "oom_kills": 1}, "abort"),
        ("abort", 143, {"peak": 39 * GB}, "abort"),
        ("abort", 152, {"peak": 39 * GB}, "time"),
        ("memory", 134, {"peak": 1 * GB}, "memory"),
        ("space", 137, {"peak": 39 * GB}, "space"),
        ("block", 137, {"peak": 39 * GB}, "block"),
        ("cancelled", 143, {"peak": 39 * GB}, "cancelled"),
        ("time", 124, {"peak": 39 * GB}, "time"),
    ],
)
def test_words_and_measures_together_tell_what_a_job_died_of(
    usage: ModuleType, code: str, rc: int, used: dict[str, Any], expected: str
) -> None:
    evidence = sys.modules["evidence"]
    wrong = usage.with_measures(evidence.fault(code, "the line", rc=rc), rc, {**NOBODY_KILLED, **used})
    assert wrong.code == f"failed.{expected}"
    assert wrong.cause.endswith("the line")


def test_the_words_of_a_lack_of_memory_name_use_and_limit(usage: ModuleType) -> None:
    evidence = sys.modules["evidence"]
    used = {**NOBODY_KILLED, "peak": int(39.8 * GB)}
    wrong = usage.with_measures(evidence.fault("memory", "bad_alloc", rc=134), 134, used)
    assert wrong.cause == "memory: used 39.8 GB, a worker has 40.0 GB: bad_alloc"
    assert wrong.parameters == {"rc": 134, "peak": used["peak"], "limit": 40 * GB}
