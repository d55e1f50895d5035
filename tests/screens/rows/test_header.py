"""The header: what an operator can do without is given up first when there is no room."""

from dataclasses import replace
from pathlib import Path

import pytest

from console import VERSION
from console.disk.space import Space
from console.ledger import logins
from console.ledger.new_failures import NewFailures
from console.ledger.presence import Presence
from console.ledger.sources import Source
from console.ledger.store import Ledger
from console.reading.snapshot import Snapshot
from screens.data import ScreenData
from screens.options import ScreenOptions
from screens.rows.header import header
from screens.rows.status import stale_mark
from tests.ledger_fixture import NOW

OPTIONS = ScreenOptions("e21062", "FRIB>NERSC", Path("ledger"), "/data")
DRIVER = Presence(1, "elsewhere", "shift@daq1", NOW - 3600, "background")
WELL = tuple(Source(name, NOW, NOW - 3, "") for name in ("compute", "disk", "flows"))
SEEN = Snapshot(
    NOW,
    DRIVER,
    True,
    sources=(*WELL, Source("transfer", NOW - 200, NOW - 200, "")),
    space=Space(290, 1000),
    tokens_end=NOW + 5 * 86400,
)


def told(snapshot: Snapshot | None, width: int, **options: bool) -> str:
    pieces = header(ScreenData(snapshot), replace(OPTIONS, **options), NOW, width)  # type: ignore[arg-type]
    line = "".join(words for words, _ in pieces)
    assert len(line) <= width or len(pieces) == 1
    return line


def test_with_room_for_all_everything_is_told() -> None:
    line = told(SEEN, 120)
    for words in ("e21062", "FRIB>NERSC", "driver on elsewhere", "auto ON", "tokens 5 d", "DTN 71 %"):
        assert f" {words} " in line
    assert " compute disk flows ok 5 s  transfer 3 m " in line


def test_a_driver_of_another_version_is_told_apart() -> None:
    older = replace(SEEN, driver=replace(DRIVER, version="0.0.9"))
    assert f" driver 0.0.9 (we: {VERSION}) " in told(older, 120)
    assert f" driver 0.0.9 (we: {VERSION}) " in told(older, 80)
    assert "driver on elsewhere" in told(replace(SEEN, driver=replace(DRIVER, version=VERSION)), 120)


def test_what_was_given_up_comes_back_where_there_is_room_for_it() -> None:
    failed = replace(
        SEEN, space=None, tokens_end=None, driver=replace(DRIVER, host="daq1"), new_failures=NewFailures(2, newest=9)
    )
    line = told(failed, 80, sandbox=True)
    assert "2 failed (a)" in line
    assert "compute disk flows" not in line
    assert " data 5 s " in line
    assert line.endswith(" 14:03 ")


@pytest.mark.parametrize("width", [18, 24, 40, 60, 80, 100, 120, 160])
def test_the_time_and_the_age_of_the_data_are_in_view_at_any_width(width: int) -> None:
    away = replace(WELL[1], ok_at=NOW - 65, problem="the disk does not answer")
    worst = replace(
        SEEN, driver=None, tokens_end=0.0, space=Space(1, 100), auto=False, kit_outdated="old", hints_off="off",
        new_failures=NewFailures(12, 9),
    )  # fmt: skip
    for snapshot, age in (
        (SEEN, " 5 s "), (worst, " 5 s "), (replace(worst, sources=(away, *WELL[:1])), " disk OLD 65 s "),
    ):  # fmt: skip
        line = told(snapshot, width, read_only=True, sandbox=True)
        assert " 14:03 " in line, line
        assert age in line or width < 24, line


def test_a_disk_that_fills_says_when_it_is_full() -> None:
    tonight = replace(SEEN, space=Space(290, 1000, rate=290 / (9.5 * 3600)))
    assert " DTN 71 % full in 9 h " in told(tonight, 120)
    assert " DTN 71 % full in 9 h " in told(tonight, 80)
    assert "full in" not in told(replace(SEEN, space=Space(290, 1000, rate=1e-4)), 120)


def test_at_80_columns_what_can_be_done_without_is_left_out() -> None:
    line = told(SEEN, 80)
    assert "driver on elsewhere  auto ON  DTN 71 %  data 5 s " in line
    assert "transfer" not in line
    assert "tokens" not in line


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100])
def test_what_is_wrong_outlives_what_is_well(width: int) -> None:
    bad = replace(SEEN, driver=None, tokens_end=0.0, space=Space(1, 100), auto=False)
    line = told(bad, width, read_only=True, sandbox=True)
    for words, least in (("driver NONE", 40), ("LOGIN needed", 60), ("DTN 99 % full", 80), ("auto OFF", 80)):
        assert (words in line) or width < least, words
    assert "READ-ONLY" in line or width < 100


def test_a_kit_that_is_out_of_date_is_told_on_a_small_terminal_too() -> None:
    outdated = replace(SEEN, kit_outdated="the kit at the site is of another version than this console")
    assert " site kit OLD " in told(outdated, 80)
    assert "kit" not in told(SEEN, 120)


def test_three_sources_in_trouble_are_all_named_on_a_small_terminal() -> None:
    away = tuple(replace(source, ok_at=NOW - 65, problem="no answer within 30 s, and so on") for source in WELL)
    line = told(replace(SEEN, sources=away), 80)
    for name in ("compute", "disk", "flows"):
        assert f" {name} OLD 65 s" in line
    mark = stale_mark(ScreenData(replace(SEEN, sources=away)), NOW, "flows")
    assert mark == " (OLD 65 s: flows: no answer within 30 s, and so on)"


def test_a_refused_login_is_told_whoever_refused_it() -> None:
    refused = Source("flows", NOW, NOW - 5, "401: token expired; log in to Globus again (console login)", login=True)
    assert " LOGIN needed " in told(replace(SEEN, sources=(refused,)), 80)
    assert "LOGIN" not in told(replace(SEEN, tokens_end=None), 120)
    assert " tokens 2 h " in told(replace(SEEN, tokens_end=NOW + 7300), 80)


class _Login:
    ends: float | None = None

    def expires_at(self) -> float | None:
        return self.ends


def test_whose_login_it_is_is_told_where_there_is_room() -> None:
    of_anna = replace(SEEN, login_who="anna@frib.msu.edu")
    assert " as anna@frib.msu.edu " in told(of_anna, 160)
    assert "tokens 5 d" in told(of_anna, 160)
    assert " as anna@frib.msu.edu " in told(replace(of_anna, tokens_end=None), 160)
    assert "as anna" not in told(replace(of_anna, tokens_end=0.0), 160), "LOGIN needed"


def test_the_driver_writes_down_what_its_login_is_good_for(tmp_path: Path) -> None:
    ledger, login = Ledger(tmp_path / "ledger"), _Login()
    logins.record(ledger, login, real=False)  # type: ignore[arg-type]
    assert (logins.tokens_end(ledger), ledger.get(logins.WEB_APP)) == (None, "")
    login.ends = NOW
    logins.record(ledger, login, real=True)  # type: ignore[arg-type]
    assert (logins.tokens_end(ledger), ledger.get(logins.WEB_APP)) == (NOW, logins.GLOBUS_WEB_APP)
    login.ends = 0.0  # no tokens at all
    logins.record(ledger, login, real=True)  # type: ignore[arg-type]
    assert logins.tokens_end(ledger) == 0.0
    ledger.close()
