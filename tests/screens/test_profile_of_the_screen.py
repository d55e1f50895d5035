"""What a profile says of the screen: further keys, and columns."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from textual.keys import Keys

from console.settings.errors import SettingsError
from console.settings.profiles import load
from console.settings.validated import ScreenSettings
from screens.keys.actions import ACTIONS
from screens.keys.keymap import _NAMED, keymap
from screens.profile import screen_options
from screens.rows.main import RUNS
from screens.widgets.moves import MOVES
from screens.widgets.table import column_places
from tests.documents import DOCS
from tests.ledger_fixture import DemoLedger
from tests.screen_driver import keys_to, make_app, settled, shown, until, until_shown

WIDE = (120, 40)
FLAGS = argparse.Namespace(read_only=False, ascii=False, sandbox=False, theme=None)


async def test_further_keys_work_beside_the_usual_ones_and_are_in_the_help(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path, keys={"detail": ("i",), "down": ("ctrl+n",), "auto": ("f5", ",")})
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+n", *keys_to(1217)[1:], "i")
        await until_shown(pilot, "7 Events", "run 1217")
        await pilot.press("escape", "f5", "comma", "o")
        await until(pilot, lambda: [request.verb for request in demo.ledger.asked()] == ["auto"] * 3)
        await pilot.press("question_mark")
        await until_shown(pilot, "enter i")
        await pilot.press("slash", *"AUTO", "enter")
        await until_shown(pilot, "o f5 ,")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"lunch": ("x",)}, "lunch: there is no such action, there are launch, retry"),
        ({"launch": ("c",)}, "launch: 'c' is taken: it means cancel"),
        ({"launch": ("?",)}, "launch: '?' is taken: it means help"),
        ({"launch": ("d",), "retry": ("d",)}, "retry: 'd' is taken: it means launch"),
        ({"launch": ("ctrl+c",)}, "launch: 'ctrl+c' is no key"),
        ({"launch": ("F5",)}, "launch: 'F5' is no key; expected one character, or one as f5, delete, ctrl+x"),
        ({"launch": ("ctrl+m",)}, "is no key"),
        ({"launch": ("",)}, "is no key"),
        ({"launch": (" ",)}, "is no key"),
        ({"launch": ("\x1b",)}, "is no key"),
    ],
)
def test_keys_that_cannot_be_are_refused(keys: dict[str, tuple[str, ...]], said: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        keymap(keys)
    assert said in str(refused.value)


def test_no_key_is_taken_away() -> None:
    found = keymap({entry.name: ("f5",) for entry in ACTIONS[:1]} | {"up": ("ctrl+up",)})
    assert found == {ACTIONS[0].name: f"{ACTIONS[0].keys},f5", "up": f"{MOVES[0].keys},ctrl+up"}


def test_the_named_keys_are_keys_of_the_terminal() -> None:
    known = {key.value for key in Keys}
    for name in ("f1", "f24", "ctrl+up", "shift+left", "pageup", "insert", "delete", "backspace", "ctrl+x", "ctrl+g"):
        assert _NAMED.fullmatch(name)
        assert name in known


async def test_columns_are_chosen_and_still_filtered_by(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path, columns={"runs": ("TITLE", "state", "title"), "endpoints": ()})
    async with app.run_test(size=(160, 40)) as pilot:
        await settled(pilot)
        screen = await until_shown(pilot, "RUN TITLE                STATE      WHY", "ENDPOINT       WORK")
        assert "60Cr beta" in screen
        assert "SIZE" not in screen
        await pilot.press("slash", *"seg:42", "enter")
        await until_shown(pilot, "Segments of 1214")
        await pilot.press("escape", "s", "s")
        await until(pilot, lambda: "by TITLE up" in shown(app))


def test_the_columns_that_name_a_row_and_say_why_always_stay() -> None:
    assert [RUNS[place].name for place in column_places(RUNS, ["size"])] == ["RUN", "SIZE", "WHY"]
    assert [RUNS[place].name for place in column_places(RUNS, [])] == ["RUN", "WHY"]
    assert column_places(RUNS[:1], None) == [0]
    with pytest.raises(ValueError, match="there is no column 'why', there are state, seg, size, started"):
        column_places(RUNS, ["why"])


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("[screen.keys]\nlaunch = ['q']", "screen.keys.launch: 'q' is taken: it means quit"),
        ("[screen.columns]\nruns = ['sise']", "screen.columns.runs: there is no column 'sise', there are state"),
        ("[screen.columns]\nrun = ['size']", "screen.columns.run"),
        ("[screen.keys]\nlaunch = 5", "screen.keys.launch"),
    ],
)
def test_a_wrong_profile_is_refused_with_file_key_and_what_was_expected(
    tmp_path: Path, section: str, said: str
) -> None:
    profile = tmp_path / "experiment.toml"
    profile.write_text((DOCS / "profiles" / "e21062.toml").read_text() + "\n" + section)
    with pytest.raises(SettingsError) as refused:
        screen_options(ScreenSettings.of(load(profile)), profile, FLAGS)
    assert str(profile) in str(refused.value)
    assert said in str(refused.value)
