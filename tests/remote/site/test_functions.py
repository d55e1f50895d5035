"""The compute functions, called as a worker calls them: taken out of their module, with keyword arguments."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from globus_compute_sdk.serialize import PureSourceTextInspect

from remote.site import functions
from tests.site_fixture import Site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site(tmp_path)
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)
    return site


def at_the_worker(kit: Path, stage: str) -> Callable[..., dict[str, Any]]:
    """As it is registered, from its text alone: nothing of its module, as at the site."""
    sent = PureSourceTextInspect().serialize(functions.for_kit(str(kit))[stage])
    received: Callable[..., dict[str, Any]] = PureSourceTextInspect().deserialize(sent)
    return received


def call(site: Site, stage: str, run: int, number: int | list[int]) -> dict[str, Any]:
    reply: dict[str, Any] = at_the_worker(site.kit, stage)(**site.request(stage, run, number))
    assert len(json.dumps(reply)) <= 400
    return reply


def test_good_segments_become_a_result(site: Site) -> None:
    site.add_raw(7, 0)
    used = {"peak", "cpu", "scratch"}
    assert call(site, "fit", 7, 0).keys() == {"segment", "rc", "bytes", "seconds", "node", "hits", "events"} | used
    assert len(json.dumps(call(site, "convert", 7, 0))) < 180
    assert call(site, "analyze", 7, [0])["rc"] == 0
    assert (site.top / "analyzed" / "run-0007-sorted.root").exists()


def test_a_crash_is_a_reply(site: Site) -> None:
    site.add_raw(7, 0)
    site.fake("EventEditor", "exit 134\n")
    reply = call(site, "fit", 7, 0)
    assert (reply["segment"], reply["rc"]) == (0, 134)
    assert "EventEditor ended with return code 134" in reply["cause"]


def test_missing_segments_are_a_reply(site: Site) -> None:
    reply = call(site, "analyze", 7, [1, 4])
    assert (reply["rc"], reply["missing"]) == (1, [1, 4])


def test_a_hang_is_a_reply(site: Site) -> None:
    site.add_raw(7, 0)
    (site.kit / "site.conf").write_text("FIT_TIME_LIMIT=0.3\n")
    site.fake("EventEditor", "sleep 300\n")
    assert call(site, "fit", 7, 0)["rc"] == 124


@pytest.mark.parametrize("stage", ["fit", "convert", "analyze"])
@pytest.mark.parametrize("job", [None, "import sys; sys.exit('no\\x1b[2J' * 99)", "print('no json')", "", "}"])
def test_trouble_with_the_kit_is_a_reply(site: Site, stage: str, job: str | None) -> None:
    path = site.kit / "job.py"
    path.unlink() if job is None else path.write_text(job)
    reply = call(site, stage, 7, [0] if stage == "analyze" else 0)
    assert reply["rc"] != 0
    assert reply["code"] in ("failed.function", "failed.unknown")  # job.py ended badly, or an exception tells
    assert reply["cause"].startswith(f"job.py of {stage} ")


def test_a_log_directory_that_cannot_be_made_is_a_reply(site: Site) -> None:
    site.add_raw(7, 0)
    (site.top / "logs").write_text("a file where the directory should be")
    reply = call(site, "fit", 7, 0)
    assert (reply["segment"], reply["rc"], reply["code"]) == (0, 1, "failed.unknown")
    assert "could not be run" in reply["cause"]
