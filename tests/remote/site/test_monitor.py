"""The monitor of the endpoints at the site: it keeps them alive or gives up, and tells what is seen nowhere else."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from typing import Any

import endpoint_compute
import pytest

from tests.monitor_fixture import FIT, ID, Watched, node
from tests.remote.sandbox.compute.test_compute_contract import client_of
from tests.sandbox_fixture import RunningSandbox, sandbox
from tests.waiting import until

__all__ = ["node", "sandbox"]


# ---- keeping alive


def test_an_endpoint_that_is_killed_comes_back_until_it_is_given_up(node: Watched) -> None:
    node.change("endpoints.conf", "^restarts = 5", "restarts = 2")
    node.make(FIT)

    def runs(restarts: int) -> bool:
        return bool(node.seen().get("online")) and node.seen()["restarts"] == restarts

    with node.monitor():
        until(lambda: runs(0))
        node.crash(FIT)
        node.wait_for(f"{FIT}: does not run: restart 1 of 2")
        until(lambda: runs(1), told=node.out.read_text)
        node.crash(FIT)
        node.wait_for(f"{FIT}: does not run: restart 2 of 2")
        until(lambda: runs(2), told=node.out.read_text)
        node.crash(FIT)
        node.wait_for(f"{FIT}: given up after 2 restarts in a row: see its endpoint.log, then gce start {FIT}")
        until(lambda: node.seen().get("given_up"))
        assert node.calls().count(f"start {FIT}") == 3
        node.did("start", FIT)  # which waits for the three heartbeats
        until(lambda: runs(0) and not node.seen()["given_up"])


def test_what_somebody_has_stopped_is_not_started(node: Watched) -> None:
    node.make(FIT, "frib-convert")
    node.did("stop", FIT)
    with node.monitor():
        until(lambda: "stopped by hand" in node.seen().get("state", ""))
        node.crash("frib-convert")
        node.wait_for("frib-convert: was started again")
        assert node.calls().count(f"start {FIT}") == 1
        node.did("start", FIT)
        until(lambda: node.seen().get("online"))


def test_an_endpoint_that_globus_does_not_see_is_started_anew(node: Watched) -> None:
    node.make(FIT)
    node.says(status="offline")
    with node.monitor():
        node.wait_for(f"{FIT}: runs on .*, but Globus does not see it")
        node.wait_for(f"{FIT}: does not run: restart 1 of 5")
        node.says()
        until(lambda: node.seen().get("online"))
    assert node.calls()[-2:] == [f"stop {FIT}", f"start {FIT}"]


def test_only_endpoints_that_were_made_from_here_are_watched(node: Watched) -> None:
    theirs = node.endpoints / "frib-analysis"
    theirs.mkdir(parents=True)
    node.make(FIT)
    with node.monitor():
        until(lambda: node.seen().get("online"))
    assert [each["name"] for each in json.loads(node.file.read_text().replace("\n", ""))["endpoints"]] == [FIT]
    assert all(FIT in call for call in node.calls())


# ---- what is asked from elsewhere


def test_who_asks_gets_an_endpoint_restarted_once_also_one_that_was_given_up(node: Watched) -> None:
    node.change("endpoints.conf", "^restarts = 5", "restarts = 1")
    node.change("endpoints.conf", "^restarts_asked = no", "restarts_asked = yes")
    node.make(FIT)
    with node.monitor():
        until(lambda: node.seen().get("online"))
        assert (node.seen()["restarts_asked"], node.seen()["asked"]) == (True, None)
        node.crash(FIT)
        node.wait_for("was started again")
        until(lambda: node.seen().get("online"))
        node.crash(FIT)
        until(lambda: node.seen().get("given_up"))
        node.asks(FIT, id="one")
        until(lambda: node.seen()["asked"], told=node.out.read_text)
        asked = node.seen()["asked"]
        assert (asked["id"], asked["done"], asked["said"]) == ("one", True, "")
        until(lambda: node.seen()["online"] and not node.seen()["given_up"] and node.seen()["restarts"] == 0)
    assert node.said(f"{FIT}: asked: anna@daq1 asks that it be restarted: the night stands still")
    assert node.out.read_text().count(f"{FIT}: asked: was restarted for anna@daq1") == 1
    assert not list(node.file.parent.glob("restart-*"))


def test_one_that_runs_is_stopped_first(node: Watched) -> None:
    node.change("endpoints.conf", "^restarts_asked = no", "restarts_asked = yes")
    node.make(FIT)
    node.asks(FIT, id="one")
    with node.monitor():
        until(lambda: node.seen().get("asked"), told=node.out.read_text)
    assert node.seen()["asked"]["done"]
    assert node.calls()[-2:] == [f"stop {FIT}", f"start {FIT}"]


def test_a_restart_that_fails_is_answered_and_the_monitor_goes_on_by_itself(node: Watched) -> None:
    node.change("endpoints.conf", "^restarts_asked = no", "restarts_asked = yes")
    node.make(FIT)
    node.crash(FIT)
    node.asks(FIT, id="one")
    program = node.environment / "bin/globus-compute-endpoint"
    program.rename(program.with_name("away"))
    with node.monitor():
        until(lambda: node.seen().get("asked"), told=node.out.read_text)
        assert not node.seen()["asked"]["done"]
        assert f"there is no {program}" in node.seen()["asked"]["said"]
        program.with_name("away").rename(program)
        node.wait_for(f"{FIT}: was started again")


@pytest.mark.parametrize(
    ("allowed", "said"),
    [("no", f"the site has restarts_asked = no for {FIT}"), ("yes", f"stopped by hand: gce start {FIT}")],
)
def test_what_the_site_does_not_want_is_answered_and_not_done(node: Watched, allowed: str, said: str) -> None:
    node.change("endpoints.conf", "^restarts_asked = no", f"restarts_asked = {allowed}")
    node.make(FIT)
    if allowed == "yes":
        node.did("stop", FIT)
    before = node.calls()
    node.asks(FIT, id="one")
    with node.monitor():
        until(lambda: node.seen().get("asked"), told=node.out.read_text)
    assert (node.seen()["asked"]["done"], node.seen()["asked"]["said"]) == (False, said)
    assert node.seen()["restarts_asked"] == (allowed == "yes")
    assert node.calls() == before
    assert not list(node.file.parent.glob("restart-*"))


def test_what_was_brought_long_ago_is_not_done(node: Watched) -> None:
    node.change("endpoints.conf", "^restarts_asked = no", "restarts_asked = yes")
    node.make(FIT)
    before = node.calls()
    os.utime(node.asks(FIT, id="one"), (time.time() - 3600,) * 2)
    with node.monitor():
        until(lambda: node.seen().get("asked"), told=node.out.read_text)
    assert node.seen()["asked"]["said"] == "what was asked came too late"
    assert node.calls() == before


@pytest.mark.parametrize("wrong", ["no json", "[" * 5000, "[]", '{"id": 1}', "link", "fifo"])
def test_what_no_console_has_written_is_told_and_taken_away(node: Watched, wrong: str) -> None:
    node.change("endpoints.conf", "^restarts_asked = no", "restarts_asked = yes")
    node.make(FIT)
    before, path = node.calls(), node.asks(FIT, id="one")
    if wrong in ("link", "fifo"):
        kept = path.rename(node.home / "elsewhere.json")
        path.symlink_to(kept) if wrong == "link" else os.mkfifo(path)
    else:
        path.write_text(wrong)
    with node.monitor():
        node.wait_for(f"{FIT}: asked: {path} is nothing that a console writes: taken away")
        until(lambda: node.seen().get("online"))
    assert node.seen()["asked"] is None
    assert node.calls() == before
    assert not os.path.lexists(path)


# ---- one acts


def test_of_two_monitors_one_acts(node: Watched) -> None:
    node.make(FIT)
    with node.monitor() as first:
        until(lambda: node.seen())
        second = node.run([sys.executable, str(node.kit / "monitor.py")])
        assert second.returncode == 3
        assert re.fullmatch(rf"monitor: another monitor acts: pid {first.pid} on \S+\n", second.stderr)
        node.crash(FIT)
        node.wait_for("was started again")
    assert json.loads(node.file.read_text())["ended"]
    with node.monitor():
        until(lambda: not json.loads(node.file.read_text())["ended"])


def test_a_monitor_of_another_login_node_is_seen_where_no_lock_reaches(node: Watched) -> None:
    node.make(FIT)
    node.change("monitor.py", "^ROUND_SECONDS = 0.2", "ROUND_SECONDS = 60.0")
    node.file.parent.mkdir(parents=True)
    there = {"schema": 1, "at": time.time(), "host": "login99", "pid": 7, "ended": False}
    node.file.write_text(json.dumps(there))
    alive = node.file.with_suffix(".alive")
    alive.touch()
    second = node.run([sys.executable, str(node.kit / "monitor.py")])
    assert (second.returncode, second.stderr) == (3, "monitor: another monitor acts: pid 7 on login99\n")
    os.utime(alive, (time.time() - 1000,) * 2)
    with node.monitor():
        until(lambda: node.seen())


# ---- what it tells


def test_a_canary_says_whether_a_worker_answers(node: Watched) -> None:
    node.make(FIT)
    with node.monitor():
        until(lambda: node.seen().get("canary", {}).get("good"))
    assert f"submit {node.seen()['id']} {ID.format(3)} {node.kit}" in (node.home / "asked").read_text().splitlines()
    node.says(result={"exception": "Traceback\nTask failure due to loss of worker 0 on host nid001"})
    with node.monitor():
        node.wait_for("but its canary: .*Task failure due to loss of worker 0 on host nid001")
    node.says(result={"pending": True})
    with node.monitor():
        node.wait_for(r"but its canary: no answer since \d\d:\d\d")
        node.says()
        until(lambda: node.seen().get("canary", {}).get("good"))


def test_another_canary_is_sent_when_one_is_never_answered(node: Watched) -> None:
    node.change("endpoint_watch.py", "^CANARY_SECONDS = 3600.0", "CANARY_SECONDS = 2.0")
    node.make(FIT)
    node.says(result={"pending": True})
    with node.monitor():
        until(lambda: (node.home / "asked").exists() and (node.home / "asked").read_text().count("submit") == 2)
        node.says()
        until(lambda: node.seen().get("canary", {}).get("good"))


def test_without_a_canary_that_is_pinned_none_is_sent(node: Watched) -> None:
    node.make(FIT, pinned=False)
    with node.monitor():
        until(lambda: "gce pin canary=ID" in node.seen().get("canary", {}).get("said", ""))
    assert "submit" not in (node.home / "asked").read_text()


def test_a_globus_that_cannot_be_asked_is_told_and_nothing_restarted(node: Watched) -> None:
    node.make(FIT)
    node.says(fails="globus_sdk.NetworkError: no route")
    with node.monitor():
        node.wait_for(f"{FIT}: Globus Compute, asked for the status: .*globus_sdk.NetworkError: no route")
        node.says()
        until(lambda: node.seen().get("online"))
    assert node.calls().count(f"start {FIT}") == 1


def test_a_status_file_that_cannot_be_written_is_told_and_the_monitor_goes_on(node: Watched) -> None:
    node.make(FIT)
    node.file.parent.parent.mkdir(parents=True)
    node.file.parent.write_text("no directory")
    with node.monitor():
        node.wait_for(f"{node.file}: cannot be written: ")
        node.crash(FIT)
        node.wait_for("was started again")


def test_a_home_that_is_read_only_is_told_by_the_monitor_and_nothing_started(node: Watched) -> None:
    node.make(FIT)
    node.crash(FIT)
    inside = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(node.home), str(node.home)]
    done = node.run([*inside, sys.executable, str(node.kit / "monitor.py")])
    lock = node.endpoints / "frib-monitor.lock"
    assert (done.returncode, done.stderr) == (1, f"monitor: {lock} cannot be written: Read-only file system\n")
    assert node.calls().count(f"start {FIT}") == 1


def test_the_line_for_scrontab_is_alone_and_appends(node: Watched) -> None:
    printed = node.run([sys.executable, str(node.kit / "monitor.py"), "--print-scrontab"]).stdout.splitlines()
    assert {"#SCRON --dependency=singleton", "#SCRON --open-mode=append", "#SCRON --account=m4386"} <= set(printed)
    assert printed[-1].endswith(f"exec python3 {node.kit}/monitor.py")


# ---- what is asked of Globus, by the SDK itself


def test_the_questions_are_those_of_the_sdk(sandbox: RunningSandbox) -> None:
    client = client_of(sandbox)
    endpoint = sandbox.info["endpoints"][FIT]
    assert endpoint_compute.answer(client, ["status", endpoint]) == {"status": "online"}
    function = client.register_function(_canary)
    task = endpoint_compute.answer(client, ["submit", endpoint, function, "/kit"])["task"]

    def answered() -> dict[str, Any] | None:
        said = endpoint_compute.answer(client, ["result", task])
        return None if "pending" in said else said

    assert until(answered) == {"reply": {"rc": 0, "kit": "/kit"}}
    failing = client.register_function(_no_kit)
    task = endpoint_compute.answer(client, ["submit", endpoint, failing, "/kit"])["task"]
    assert "ValueError: no kit /kit" in (until(answered) or {})["exception"]


def _no_kit(kit: str) -> None:
    raise ValueError(f"no kit {kit}")


def _canary(kit: str) -> dict[str, Any]:
    return {"rc": 0, "kit": kit}
