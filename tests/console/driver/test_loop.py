"""The talk to Globus: nothing is started before ledger and Globus agree, and requests never wait for many polls."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from console.driver import loop, new_login
from console.ledger.presence import DriverLock
from console.ledger.store import Ledger
from console.settings.model import Policy
from remote.globus.errors import RemoteError
from tests.waiting import until

DOWN = RemoteError("later", "flows", "runs", "the service cannot be reached", "wait")


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A driver whose threads do nothing but talk to Globus; what it does there is noted in `done`."""
    path = tmp_path / "ledger.db"
    settings = SimpleNamespace(
        ledger=path, policy=Policy(poll_interval=0.1), globus=SimpleNamespace(service_url="http://127.0.0.1:1"),
        dtn=SimpleNamespace(results=tmp_path),
    )  # fmt: skip
    lock = DriverLock(path)
    assert lock.take("background")
    driver = loop.Driver(lambda: settings, lock)
    driver.done = []
    driver.reconciled = threading.Event()

    def noted(name):
        def do(*_, **__):
            driver.done.append(name)

        return do

    def reconcile(ctx):
        driver.done.append("reconcile")
        if not driver.reconciled.is_set():
            raise DOWN
        return True

    def answer(ctx):
        for request in ctx.ledger.asked():
            driver.done.append("answer")
            ctx.ledger.answer(request.id, "done", "")

    def context(settings, ledger, elsewhere):
        return SimpleNamespace(
            ledger=ledger, remote=SimpleNamespace(login=SimpleNamespace(grants=frozenset)), policy=settings.policy
        )

    monkeypatch.setattr(driver, "_discover_runs", driver.stop.wait)
    monkeypatch.setattr(loop, "make_context", context)
    monkeypatch.setattr(loop.reconcile, "settle", reconcile)
    monkeypatch.setattr(loop.round, "answer_requests", answer)
    monkeypatch.setattr(loop.round, "launch_what_is_due", lambda ctx: (answer(ctx), driver.done.append("launch")))
    monkeypatch.setattr(loop.cancel, "continue_cancels", noted("cancel"))
    monkeypatch.setattr(loop.round, "follow_attempts", noted("follow"))
    monkeypatch.setattr(loop.poll, "poll_endpoints", noted("endpoints"))
    monkeypatch.setattr(loop.fetch_reports, "fetch", noted("reports"))
    monkeypatch.setattr(new_login.logins, "record", noted("login"))
    thread = threading.Thread(target=driver.run)
    thread.start()
    yield driver
    driver.stop.set()
    thread.join(10)
    assert not thread.is_alive()
    lock.release()


def test_nothing_is_started_before_ledger_and_globus_agree_and_requests_are_answered(driver):
    until(lambda: "reconcile" in driver.done)
    number = Ledger(driver.settings.ledger).ask("launch", 1, actor="me@here")
    until(lambda: Ledger(driver.settings.ledger).request(number).state == "done")
    assert set(driver.done) == {"reconcile", "answer", "login"}
    driver.reconciled.set()
    until(lambda: {"launch", "cancel", "follow", "endpoints", "reports", "login"} <= set(driver.done))


def test_a_request_waits_for_one_poll_and_not_for_all(driver, monkeypatch):
    asked, polled = threading.Event(), threading.Event()

    def slow(ctx):
        driver.done.append("slow poll")
        if not polled.is_set():
            polled.set()
            asked.wait(10)

    monkeypatch.setattr(loop.round, "follow_attempts", slow)
    driver.reconciled.set()
    until(polled.is_set)
    Ledger(driver.settings.ledger).ask("launch", 1, actor="me@here")
    asked.set()
    until(lambda: "answer" in driver.done)
    after = driver.done[driver.done.index("slow poll") + 1 :]
    # When the mark has just become ours, the launch compares ledger and Globus first.
    assert next(name for name in after if name != "reconcile") == "answer", "before any other poll"


@pytest.mark.parametrize("ended", [True, False])
def test_what_has_ended_lets_the_next_be_launched_at_once(tmp_path, monkeypatch, ended):
    monkeypatch.setattr(loop.round, "follow_attempts", lambda ctx: ended)
    login = SimpleNamespace(grants=frozenset)
    ctx = SimpleNamespace(
        ledger=Ledger(tmp_path / "ledger.db"), remote=SimpleNamespace(login=login), policy=Policy(), places=None
    )
    launched = []
    (launch, *_), (follow, *_) = loop.chores(ctx, real=False, launch=launched.append, clock=lambda: 5.0)
    for chore in (launch, launch, follow, launch):
        chore.run(ctx.ledger)
    assert len(launched) == (2 if ended else 1)
