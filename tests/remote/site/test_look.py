"""The inputs of a job are looked at before anything is started: what cannot go well is told at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import job
import numpy as np
import pytest
import uproot

from tests.site_fixture import Site
from tests.synthetic_run import ordinary_events, segment

RUN = segment(ordinary_events(3), 7)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    for script in ("fit_mpi", "convert", "analyze"):
        (site.kit / f"run_compute_{script}.sh").write_text(f"touch {site.fakes}/started; exit 1\n")
    return site


def started(site: Site) -> bool:
    return (site.fakes / "started").exists()


@pytest.mark.parametrize(
    ("data", "code", "parameters", "cause"),
    [
        (b"", "empty", {"file": "run-0007-03.evt"}, "input run-0007-03.evt is empty"),
        (bytes(4096), "garbage", {"offset": 0, "size": 4096}, "holds no ring item"),
        (b"hello", "garbage", {"offset": 0, "size": 5}, "holds no ring item"),
        (RUN[16:100], "garbage", {"offset": 0, "size": 84}, "holds no ring item"),  # half of BEGIN_RUN
        (
            RUN + bytes(4096),
            "garbage",
            {"offset": len(RUN), "size": len(RUN) + 4096},
            f"ring item at offset {len(RUN)}",
        ),
        (RUN[:145] + bytes(4096), "garbage", {"offset": 145, "size": 4241}, "no ring item at offset 145"),
    ],
    ids=["empty", "zeros", "text", "no whole item", "zeros behind it", "zero-filled from its middle"],
)
def test_a_segment_that_eventeditor_would_not_end_with_is_told_at_once(
    site: Site, data: bytes, code: str, parameters: dict[str, object], cause: str
) -> None:
    site.add_raw(7, 3, data)
    reply = site.run("fit", 7, 3)
    assert (reply["segment"], reply["rc"], reply["code"], reply["parameters"]) == (3, 1, f"failed.{code}", parameters)
    assert cause in reply["cause"]
    assert not started(site)


def test_a_cut_tail_keeps_nothing_from_being_started(site: Site) -> None:
    site.add_raw(7, 3, RUN[:-40])
    assert site.run("fit", 7, 3)["code"] == "failed.abort"
    assert started(site)


def test_what_an_earlier_attempt_made_of_a_segment_is_not_taken_when_the_look_fails(site: Site) -> None:
    good = site.top / "fitted" / "run7" / "run-0007-03-fitted.evt"
    good.parent.mkdir(parents=True)
    good.write_bytes(RUN)
    site.add_raw(7, 3, b"")
    assert site.run("fit", 7, 3)["code"] == "failed.empty"
    assert not good.exists()


@pytest.mark.parametrize(
    ("data", "events"), [(RUN[:-40], 3), (RUN[:200], 0), (RUN + bytes(4096), 3), (b"", 0)], ids=lambda x: str(x)[:9]
)
def test_a_fitted_file_that_is_not_whole_is_not_converted(site: Site, data: bytes, events: int) -> None:
    path = site.top / "fitted" / "run7" / "run-0007-03-fitted.evt"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    reply = site.run("convert", 7, 3)
    assert (reply["rc"], reply["code"]) == (1, "failed.input")
    assert reply["parameters"] == {"file": path.name, "events": events}
    assert not started(site)


def test_spoilt_converted_segments_are_named_and_nothing_is_analyzed(site: Site) -> None:
    directory = site.top / "converted" / "run7"
    directory.mkdir(parents=True)
    for number in range(4):
        with uproot.recreate(directory / f"run-0007-{number:02d}-fitted.root") as file:
            file["h"] = np.histogram([1])
    for number in (1, 3):
        path = directory / f"run-0007-{number:02d}-fitted.root"
        path.write_bytes(path.read_bytes()[:-10])
    reply = site.run("analyze", 7, [0, 1, 2, 3])
    assert (reply["rc"], reply["code"], reply["missing"]) == (1, "failed.input", [1, 3])
    assert "2 of 4 converted segments spoilt: run-0007-01-fitted.root is cut" in reply["cause"]
    assert site.report(7, "analyze.json")["missing"] == [1, 3]
    assert not started(site)
    assert site.run("analyze", 7, [0, 2])["code"] == "failed.abort"
    assert started(site)


def planned(site: Site) -> job.Job:
    path = site.add_raw(7, 3, RUN)
    output, log = path.with_name("fitted.evt"), path.with_name("fit-03.log")
    command = ["bash", str(site.kit / "run_compute_fit_mpi.sh")]
    return job.Job("fit", "run 7 segment 03", 3, {3: path}, output, log, command, 60.0, site.marker(7), job.Rules())


def test_a_cancel_or_a_dead_worker_is_seen_before_the_script_is_started(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look at 100 GB takes minutes."""
    monkeypatch.setattr(job, "look", lambda *_: (monkeypatch.setattr(os, "getppid", lambda: 1), (None, {}))[1])
    rc, wrong, _ = job.outcome(planned(site))
    assert wrong is not None
    assert (rc, wrong.code) == (1, "failed.worker")
    monkeypatch.setattr(job, "look", lambda *_: (site.marker(7).mkdir(parents=True), (None, {}))[1])
    rc, wrong, _ = job.outcome(planned(site))
    assert wrong is not None
    assert (rc, wrong.code) == (143, "failed.cancelled")
    assert not started(site)


def test_a_reply_is_never_too_long_whatever_its_parameters_are() -> None:
    for length in (10, 200, 300, 500):
        parameters = {"last": '"' * length}
        long = {
            "rc": 1,
            "code": "failed.time",
            "cause": "y" * 900,
            "parameters": parameters,
            "peak": 1 << 40,
            "cpu": 0.1,
        }
        reply = json.loads(job.encoded(long))
        assert len(json.dumps(reply)) <= 400
        assert (reply["rc"], reply["code"]) == (1, "failed.time")
        assert ("parameters" in reply) is (length < 200)
