"""The compute endpoints: what they have to do, who waits for them, and what an operator can do about it."""

from pathlib import Path

from console.ledger import endpoints as endpoint_table
from console.ledger import restarts
from console.ledger.endpoints import EndpointRow
from console.ledger.restarts import Restart
from console.ledger.store import Ledger
from flowspec.conditions import reason
from flowspec.stages import Stage
from flowspec.states import RunState
from screens.rows import endpoints
from tests.ledger_fixture import NOW, DemoLedger, stand
from tests.screen_driver import make_app, settled, shown, until, until_shown
from tests.screens.test_seeing import typed

WIDE, SMALL = (120, 40), (80, 24)


def told(row: EndpointRow, heard: float | None = NOW - 4) -> tuple[str, str]:
    """Its line and its sentence."""
    line = " ".join(words for words, _ in endpoints.pieces(row, NOW) if words)
    return line, endpoints.sentence(row, heard, NOW)[0]


def test_work_and_who_waits_come_from_attempts_under_way_only(demo: DemoLedger) -> None:
    why = reason("queue.endpoint", endpoint="frib-fit-mpi", since=NOW - 3780)
    stand(demo.ledger, 1209, state=RunState.QUEUED, why=why)
    fit, convert = (row for row in endpoint_table.read(demo.ledger) if row.name != "frib-analysis")
    assert {fit.stage, convert.stage} == {"fit", "convert"}
    by_name = {row.name: row for row in (fit, convert)}
    fit, convert = by_name["frib-fit-mpi"], by_name["frib-convert"]
    assert (fit.running, fit.queued, fit.waiting) == (0, 4, (1217, 1209))  # 1214 has failed: it waits for nothing
    assert fit.oldest == NOW - 7200
    assert (convert.running, convert.queued, convert.waiting, convert.workers) == (9, 0, (), (5, 8))


def test_what_is_said_of_an_endpoint() -> None:
    detail = {"total_workers": 40, "idle_workers": 2, "pending_tasks": 4, "version": "4.19.0"}
    busy = EndpointRow("uuid", "fit", "fit", True, NOW - 3600, detail, 38, 4, NOW - 700, (1217,))
    line, sentence = told(busy)
    assert line == "fit online 60 m 11 m 38/40 busy 4 queued"
    assert sentence == (
        "fit online since 13:03, heard 4 s ago: 38/40 busy 4 queued, the oldest task since 13:51; "
        "1 run waits for it: 1217 | serves fit, version 4.19.0 | uuid"
    )
    away = EndpointRow("uuid", "fit", "fit", False, NOW - 320, {}, 0, 4, NOW - 700, tuple(range(1219, 1209, -1)))
    line, sentence = told(away)
    assert line == "fit OFFLINE 5 m 11 m waits: 1219 1218 1217 1216 1215 1214 and 4 more"
    assert sentence.startswith("fit OFFLINE since 13:58: 10 runs wait for it: 1219 1218")
    assert "start it at the site" in sentence
    idle = EndpointRow("uuid", "fit", "fit", True, NOW, {"total_workers": 0, "idle_workers": 0, "pending_tasks": 0})
    assert told(idle, None)[0] == "fit online 0 s no worker yet, 0 queued"
    manager = EndpointRow("uuid", "fit", "fit", True, NOW - 60, {"heartbeat_period": 5.0}, 2, 4, NOW - 700, (1217,))
    line, sentence = told(manager)
    assert line == "fit online 60 s 11 m 2 running 4 queued"
    assert "2 running 4 queued, the oldest task since 13:51; its workers are not told; 1 run waits" in sentence
    broken = EndpointRow("uuid", "fit", "fit", True, NOW - 60, {"error": "no module\nparsl"}, 0, 4, None, (1217,))
    assert told(broken, None)[1].startswith("fit online since 14:02, but it says: no module parsl: 0 running 4 queued")
    assert "no run waits for it" in told(EndpointRow("uuid", "fit", "fit", False, NOW, {}))[1]
    assert endpoints.summary([busy, idle]) == "2 online"
    assert endpoints.summary([busy, away]) == "OFFLINE: fit"
    silent = EndpointRow("uuid", "fit", "fit", True, NOW - 60, {}, 0, 4, NOW - 700, (1217,), silent=True)
    line, sentence = told(silent)
    assert line == "fit SILENT 60 s 11 m 0 running 4 queued"
    assert "SILENT, it takes tasks and begins none: 0 running 4 queued" in sentence
    assert endpoints.summary([away, silent]) == "OFFLINE: fit; SILENT: fit"


def test_an_endpoint_that_begins_nothing_is_silent(demo: DemoLedger) -> None:
    assert not any(row.silent for row in endpoint_table.read(demo.ledger))
    with demo.ledger.change() as db:
        db.execute("UPDATE evidence SET code = 'task.unserved' WHERE run = 1217 AND stage = 'fit' AND segment = 40")
    assert [row.name for row in endpoint_table.read(demo.ledger) if row.silent] == ["frib-fit-mpi"]


async def test_the_pane_says_it_on_a_small_terminal_too(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("shift+tab")
        await until_shown(pilot, "TASK WORK", "38/40 busy 4 queued", "frib-analysis  OFFLINE")
        await pilot.press("down", "up", "up", "up")
        await until_shown(pilot, "frib-analysis OFFLINE since 13:58: no run waits for it; start it at the site")
        assert "frib-fit-mpi" in shown(app)


def test_a_ledger_without_endpoints_has_none(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    assert endpoint_table.read(ledger) == ()
    ledger.close()


def test_an_endpoint_whose_name_begins_another_name_is_not_waited_for(demo: DemoLedger) -> None:
    demo.endpoint("frib-fit", Stage.CONVERT, True, 60)
    stand(demo.ledger, 1209, RunState.QUEUED, reason("queue.endpoint", endpoint="frib-fit-mpi", since=NOW))
    waiting = {row.name: row.waiting for row in endpoint_table.read(demo.ledger)}
    assert 1209 in waiting["frib-fit-mpi"]
    assert waiting["frib-fit"] == ()


def test_why_slurm_lets_jobs_wait_is_said_with_the_endpoint() -> None:
    row = EndpointRow("uuid", "fit", "fit", True, NOW, {})
    why = reason("site.pending", at=NOW - 60, reasons={"QOSMaxJobsPerUserLimit": 2, "Priority": 1})
    said, style = endpoints.sentence(row, NOW, NOW, why)
    assert "| pending in Slurm at 14:02: 2 QOSMaxJobsPerUserLimit, 1 Priority | serves fit | uuid" in said
    assert style == "plain"


async def test_e_asks_the_site_to_restart_the_endpoint_that_is_offline_and_says_why(demo: DemoLedger) -> None:
    away, online = endpoint_table.read(demo.ledger)[:2]
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("E")
        await until_shown(pilot, "gce restart frib-analysis, at the site: no monitor there says that it restarts")
        restarts.offer(demo.ledger, {row.endpoint: row.name for row in (away, online)})
        await pilot.press("shift+tab", "down", "up", "up", "up")
        await until_shown(pilot, "OFFLINE since 13:58: no run waits for it; E starts it again at the site")
        asks = f"restart {away.name}, why?"
        await pilot.press("E")
        await until_shown(pilot, asks)
        await pilot.press("enter")
        await until_shown(pilot, "not restarted: say why")
        await pilot.press("E")
        await until_shown(pilot, asks)
        await pilot.press(*typed("no"), "escape")
        await until(pilot, lambda: asks not in shown(app))
        assert demo.ledger.asked() == []
        await pilot.press("down", "E")
        await until_shown(pilot, f"restart {online.name}, why?", "it is online: what runs there may be lost")
        await pilot.press("escape")
        await until(pilot, lambda: "it is online" not in shown(app))
        await pilot.press("tab", "E")
        await until_shown(pilot, asks)
        await pilot.press(*typed("nothing moves"), "enter")
        await until(pilot, demo.ledger.asked)
        (asked,) = demo.ledger.asked()
        wished = {"endpoint": away.endpoint, "reason": "nothing moves"}
        assert (asked.verb, asked.run, asked.args) == ("restart-endpoint", None, wished)
        under_way = Restart("id", away.endpoint, away.name, "anna@daq1", "nothing moves", NOW)
        restarts.put(demo.ledger, under_way)
        await pilot.press("shift+tab", "up")
        await until_shown(pilot, "anna@daq1 asked the site at 14:03 to restart it")


async def test_in_the_detail_of_a_run_e_says_where_endpoints_are(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("colon", *typed("run 1217"), "enter", "enter")
        await until_shown(pilot, "run 1217")
        await pilot.press("E")
        await until_shown(pilot, "no endpoint is shown here: E is for the main screen")
