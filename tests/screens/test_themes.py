"""Colours that can be read and told apart, and a screen that does without any."""

import itertools

import pytest
from textual.color import Color
from textual.theme import Theme

from console.settings.constants import AUTO_THEME, THEME_NAMES
from flowspec.states import AttemptState, RunState
from screens.rows import styles as row_styles
from screens.themes import CONTRAST, RGB, THEMES, suiting
from tests.ledger_fixture import DemoLedger
from tests.screen_driver import make_app, settled, until_shown

OF_OUR_OWN = [theme for theme in THEMES if not theme.ansi]
WIDE = (120, 40)

# What somebody without green (deuteranopia) or red (protanopia) receptors sees of linear RGB: Machado and others, 2009.
BLINDNESS = {
    "deuteranopia": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "protanopia": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
}


def inks(theme: Theme) -> dict[str, Color]:
    return {name: Color.parse(getattr(theme, name)) for name in ("foreground", "accent", "success", "warning", "error")}


def contrast(one: Color, other: Color) -> float:
    """1 to 21, as WCAG has it."""
    dark, bright = sorted(
        0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
        for red, green, blue in (one.normalized, other.normalized)
    )
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", OF_OUR_OWN, ids=lambda theme: theme.name)
def test_every_ink_can_be_read_on_its_paper(theme: Theme) -> None:
    """4.5 is what WCAG wants of text, 7 of text with high contrast."""
    least = 7.0 if theme is CONTRAST else 4.5
    paper = Color.parse(theme.background)
    for name, ink in {**inks(theme), "secondary": Color.parse(theme.secondary)}.items():
        assert contrast(ink, paper) >= least, name
    cursor = theme.variables
    there = Color.parse(cursor["block-cursor-background"])
    assert contrast(Color.parse(cursor["block-cursor-foreground"]), there) >= least


# As xterm has them; most terminals brighten what is bold.
OF_THE_TERMINAL = {
    "ansi_red": "#cd0000", "ansi_green": "#00cd00", "ansi_yellow": "#cdcd00", "ansi_blue": "#0000ee",
    "ansi_magenta": "#cd00cd", "ansi_cyan": "#00cdcd", "ansi_bright_red": "#ff0000", "ansi_bright_yellow": "#ffff00",
    "ansi_bright_magenta": "#ff00ff",
}  # fmt: skip


def test_what_needs_somebody_is_readable_on_black_and_on_white() -> None:
    """What few terminals tell is whether their paper is dark: yellow on white was not there to be seen."""
    dark = next(theme for theme in THEMES if theme.name == "ansi-dark")
    for name in ("warning", "error"):
        ink = getattr(dark, name)
        for shade in {ink, f"ansi_bright_{ink.removeprefix('ansi_')}"} & set(OF_THE_TERMINAL):
            for paper in ("black", "white"):
                assert contrast(Color.parse(OF_THE_TERMINAL[shade]), Color.parse(paper)) >= 3.0, (name, shade, paper)


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colour_blind_safe_inks_are_told_apart_without_red_or_green(kind: str) -> None:
    def seen(color: Color) -> tuple[float, ...]:
        linear = [(part / 255) ** 2.2 for part in color.rgb]
        mixed = (sum(a * b for a, b in zip(row, linear, strict=True)) for row in BLINDNESS[kind])
        return tuple(255 * max(0.0, min(1.0, part)) ** (1 / 2.2) for part in mixed)

    def nearest(theme: Theme) -> float:
        states = [seen(ink) for name, ink in inks(theme).items() if name in ("success", "warning", "error")]
        return min(
            sum((a - b) ** 2 for a, b in zip(*pair, strict=True)) ** 0.5 for pair in itertools.combinations(states, 2)
        )

    safe = next(theme for theme in THEMES if theme.name == "colour-blind")
    assert nearest(safe) > 90 > nearest(RGB)


@pytest.mark.parametrize(
    ("colors", "background", "name"),
    [
        ("truecolor", "", "frib"),
        ("256", "0;15", "frib"),
        ("standard", "", "ansi-dark"),
        ("standard", "15;0", "ansi-dark"),
        ("standard", "0;default;15", "ansi-light"),
        (None, "", "ansi-dark"),
    ],
)
def test_the_theme_suits_the_terminal(colors: str | None, background: str, name: str) -> None:
    assert suiting(colors, {"COLORFGBG": background}) == name


def test_the_names_of_the_command_line_are_those_of_the_themes() -> None:
    assert (AUTO_THEME, *(theme.name for theme in THEMES)) == THEME_NAMES


@pytest.mark.parametrize("name", THEME_NAMES[1:])
async def test_a_theme_that_is_wanted_is_shown(demo: DemoLedger, name: str) -> None:
    app = make_app(demo.ledger.path, theme=name)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert app.theme == name
        bad = app.screen.query_one("#runs").get_component_rich_style("lines--bad")
        good = app.screen.query_one("#runs").get_component_rich_style("lines--good")
        assert bad.color != good.color
        if name.startswith("ansi"):
            papers = {s.style.bgcolor for strip in app.screen._compositor.render_strips() for s in strip if s.style}
            assert all(paper is None or paper.triplet is None for paper in papers)


async def test_without_colour_and_in_ascii_every_state_has_words_of_its_own(
    demo: DemoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(demo.ledger.path, ascii_only=True)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        rows = ("frib-fit-mpi online", "frib-analysis OFFLINE", "07 1.9 G ok !! -")
        screen = await until_shown(pilot, "Segments of 1214", *rows)
        assert screen.isascii()
        for state in RunState:
            assert f" {row_styles.run_state(state)[0]} " in screen, state
        strips = app.screen._compositor.render_strips()
        styles = [segment.style for strip in strips for segment in strip if segment.style]
        assert {part.name for style in styles for part in (style.color, style.bgcolor) if part} <= {"default"}
        under_cursor = next(s.style for s in strips[4] if "1214" in s.text and s.style)
        assert under_cursor.reverse
        failed = app.screen.query_one("#runs").get_component_rich_style("lines--bad")
        assert failed.bold
        assert failed.underline


def test_words_and_glyphs_of_states_are_distinct_ascii() -> None:
    glyphs = [glyph for glyph, _, _ in (*row_styles.GLYPHS.values(), row_styles.NOTHING)]
    runs = [row_styles.run_state(state)[0] for state in RunState]
    attempts = [row_styles.attempt_state(state)[0] for state in AttemptState]
    for words in (glyphs, runs, attempts):
        assert len(set(words)) == len(words)
        assert all(word.isascii() for word in words)
