"""The colours: ours where the terminal has 256 or more, its own sixteen where not, none at all where NO_COLOR is set.

A state is shown by its word or glyph; colour is an addition. So every theme needs five inks that can be told apart:
plain, busy (accent), good (success), warn (warning) and bad (error).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from textual.app import App
from textual.theme import BUILTIN_THEMES, Theme

from console.settings.constants import AUTO_THEME

RGB = Theme(
    name="frib",
    primary="#7fb0d8",
    secondary="#8fa3b3",
    warning="#e0b040",
    error="#ff6e66",
    success="#79c37a",
    accent="#7fb0d8",
    foreground="#d6dade",
    background="#14181c",
    surface="#14181c",
    panel="#232a31",
    dark=True,
    variables={"block-cursor-background": "#34495c", "block-cursor-foreground": "#ffffff"},
)
CONTRAST = Theme(
    name="contrast",
    primary="#ffffff",
    secondary="#e0e0e0",
    warning="#ffe000",
    error="#ff9090",
    success="#60ff60",
    accent="#60e0ff",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    dark=True,
    variables={"block-cursor-background": "#ffffff", "block-cursor-foreground": "#000000"},
)
# Good is blue and bad is orange, after the palette of Okabe and Ito: red and green look alike to one man in twelve.
COLOUR_BLIND = Theme(
    name="colour-blind",
    primary="#d6dade",
    secondary="#8fa3b3",
    warning="#f0e442",
    error="#f0802a",
    success="#56a8f0",
    accent="#c8b8f0",
    foreground="#d6dade",
    background="#14181c",
    surface="#14181c",
    panel="#232a31",
    dark=True,
    variables={"block-cursor-background": "#404040", "block-cursor-foreground": "#ffffff"},
)


def _of_the_terminal(name: str, **inks: str) -> Theme:
    """Only the sixteen colours that the terminal has, on its own background.

    Few terminals say whether that is dark, so that every ink has to be readable on black and on white: yellow is not.
    """
    return replace(BUILTIN_THEMES[name], **inks)  # type: ignore[arg-type]


ANSI_DARK = _of_the_terminal(
    "ansi-dark", primary="ansi_cyan", secondary="ansi_default",
    accent="ansi_cyan", success="ansi_green", warning="ansi_magenta", error="ansi_bright_red",
)  # fmt: skip
ANSI_LIGHT = _of_the_terminal(
    "ansi-light", primary="ansi_blue", secondary="ansi_default",
    accent="ansi_blue", success="ansi_green", warning="ansi_magenta", error="ansi_red",
)  # fmt: skip

THEMES = (RGB, CONTRAST, COLOUR_BLIND, ANSI_DARK, ANSI_LIGHT)


def choose(app: App[int], wanted: str = AUTO_THEME) -> str:
    """The name of the theme that is wanted, or of the one that suits the terminal; the app has to set it when it runs.

    One of ours is set here already, before the app runs: else its style sheets are parsed twice before the first paint.
    """
    for theme in THEMES:
        app.register_theme(theme)
    name = suiting(app.console.color_system, os.environ) if wanted == AUTO_THEME else wanted
    if not app.available_themes[name].ansi:
        app.set_reactive(App.theme, name)
        app.stylesheet.set_variables(app.get_css_variables())
    return name


def suiting(color_system: str | None, environment: Mapping[str, str]) -> str:
    """The name of the theme for a terminal with these colours (as Rich names them: 256, standard, ...)."""
    if color_system in ("256", "truecolor"):
        return RGB.name
    # `15;0`, ink and paper: what there is to tell a light background by, where a terminal says it.
    paper = environment.get("COLORFGBG", "").rpartition(";")[2]
    return ANSI_LIGHT.name if paper in ("7", "15") else ANSI_DARK.name


def colourless(environment: Mapping[str, str]) -> bool:
    """Whether only bold, underlined and reversed text is wanted (no-color.org)."""
    return bool(environment.get("NO_COLOR"))
