"""What a profile and the command line say of the screen. Light: it is read before Textual is."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from console.settings.errors import SettingsError
from console.settings.validated import ScreenSettings
from screens.keys.keymap import keymap
from screens.options import ScreenOptions
from screens.rows.main import PANES
from screens.terminal.suitable import draws_lines
from screens.widgets.table import column_places


def screen_options(settings: ScreenSettings, profile: Path, flags: argparse.Namespace) -> ScreenOptions:
    """Raises SettingsError when the profile names keys or columns that there are not."""
    try:
        keymap(settings.keys)
    except ValueError as error:
        raise SettingsError(f"{profile}: screen.keys.{error}") from None
    for pane, wanted in settings.columns.items():
        try:
            column_places(PANES[pane], wanted)
        except ValueError as error:
            raise SettingsError(f"{profile}: screen.columns.{pane}: {error}") from None
    return ScreenOptions(
        experiment=settings.experiment,
        site=settings.site,
        ledger=settings.ledger,
        watching=str(settings.runs),
        read_only=flags.read_only,
        ascii_only=flags.ascii or not draws_lines(os.environ, sys.stderr.encoding),
        sandbox=flags.sandbox,
        profile=None if flags.sandbox else profile.absolute(),
        theme=flags.theme or settings.theme,
        keys=settings.keys,
        columns=settings.columns,
    )
