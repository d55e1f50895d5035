import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region

from screens.widgets.pane import Pane
from screens.widgets.table import Column
from tests.screen_driver import shown

COLUMNS = (Column("N", 5, True), Column("WORD", 0))


class OnePane(App[None]):
    CSS = "Lines { height: 10; }"

    def compose(self) -> ComposeResult:
        yield Pane(COLUMNS, lambda item: item[0], lambda item: [(str(item[0]), "plain"), (item[1], "plain")], id="pane")

    @property
    def pane(self) -> Pane:
        return self.query_one(Pane)


def items(*numbers: int, word: str = "run") -> list[tuple[int, str]]:
    return [(number, f"{word} {number}") for number in numbers]


async def test_the_cursor_stays_on_its_row_when_rows_come_and_go() -> None:
    app = OnePane()
    async with app.run_test(size=(40, 12)) as pilot:
        app.pane.show(items(3, 2, 1), title="Runs")
        await pilot.press("down")
        assert app.pane.cursor_key == 2
        app.pane.show(items(5, 4, 3, 2, 1), title="Runs")
        assert app.pane.cursor_key == 2
        app.pane.show(items(5, 4), title="Runs")
        assert app.pane.cursor_key == 4  # its row is gone: the place stays as near as can be
        app.pane.show([], title="Runs", empty="no runs yet")
        assert app.pane.cursor_key is None
        await pilot.press("down", "end", "pageup")
        await pilot.pause()
        assert "no runs yet" in shown(app)


@pytest.mark.parametrize(
    ("keys", "key"),
    [("j j", 2), ("j k k", 0), ("end", 99), ("G home", 0), ("pagedown", 7), ("end pageup", 92), ("end down", 99)],
)
async def test_keys_move_the_cursor_and_the_row_is_in_sight(keys: str, key: int) -> None:
    app = OnePane()
    async with app.run_test(size=(40, 12)) as pilot:
        app.pane.show(items(*range(100)), title="Runs")
        await pilot.press(*keys.split())
        await pilot.pause()
        assert app.pane.cursor_key == key
        assert f">{key:>6} run {key}" in shown(app)


async def test_only_the_lines_that_change_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    app = OnePane()
    async with app.run_test(size=(40, 12)) as pilot:
        app.pane.show(items(*range(100)), title="Runs")
        await pilot.pause()
        drawn: list[Region] = []
        monkeypatch.setattr(app.pane, "refresh", lambda *regions, **how: drawn.extend(regions))
        app.pane.show(items(*range(100)), title="Runs")
        assert drawn == []
        changed = items(*range(100))
        changed[3] = (3, "changed")
        changed[50] = (50, "changed, but out of sight")
        app.pane.show(changed, title="Runs")
        assert drawn == [Region(0, 5, 40, 1)]  # title, column names, then row 3


async def test_hostile_entries_keep_the_columns_straight() -> None:
    app = OnePane()
    async with app.run_test(size=(40, 12)) as pilot:
        entries = ["[bold]x[/] \x1b[31mred \u202e日本語" * 3, "\n\t\u200b", "👩‍👩‍👧 [@click=app.exit]", "e\u0301" * 60]
        rows = list(enumerate(entries))
        app.pane.show(rows, title="[red]\x1b]0;x\x07Runs")
        await pilot.pause()
        screen = shown(app)
        assert "[bold]x[/] red 日本語" in screen
        assert "[@click=app.exit]" in screen
        assert "[red]Runs" in screen
        assert "\x1b" not in screen
        lines = app.screen._compositor.render_strips()
        assert {strip.cell_length for strip in lines} == {40}


async def test_folded_it_says_its_summary_in_one_line() -> None:
    app = OnePane()
    async with app.run_test(size=(40, 12)) as pilot:
        app.pane.styles.height = 1
        await pilot.pause()
        app.pane.show(items(3, 2, 1), title="Flow runs", summary="3 under way")
        app.pane.move_cursor_to(2)
        await pilot.pause()
        assert shown(app).splitlines()[0].startswith("─ Flow runs  3 under way ──")
        app.pane.styles.height = 10
        await pilot.pause()
        assert "run 3" in shown(app)  # unfolded, it begins at its first row


async def test_a_cursor_that_points_at_nothing_is_not_drawn_until_it_is_used() -> None:
    app = OnePane()
    async with app.run_test(size=(40, 12)) as pilot:
        app.pane.can_focus = False
        app.screen.set_focus(None)
        app.pane.show(items(1, 2), title="Flow runs")
        app.pane.move_cursor_to(7)
        await pilot.pause()
        assert ">" not in shown(app)
        app.pane.move_cursor_to(2)
        await pilot.pause()
        assert ">     2 run 2" in shown(app)
