"""What the screen is told when it starts. Light: it is read before Textual is."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.settings.model import Settings, SettingsError
from console.settings.names import AUTO_THEME
from screens.keys.keymap import keymap
from screens.rows.main import PANES
from screens.widgets.table import places


@dataclass(frozen=True)
class ScreenOptions:
    """`watching` is the directory in which the runs appear; `keys` further ones of actions, `columns` those of panes.

    `screens.keys.keymap` and `screens.widgets.table.places` say what may stand in these.
    """

    experiment: str
    site: str
    ledger: Path
    watching: str
    read_only: bool = False
    ascii_only: bool = False
    sandbox: bool = False
    theme: str = AUTO_THEME
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)


def screen_options(settings: Settings, profile: Path, flags: argparse.Namespace) -> ScreenOptions:
    """Raises SettingsError when the profile names keys or columns that there are not."""
    try:
        keymap(settings.screen.keys)
    except ValueError as error:
        raise SettingsError(f"{profile}: screen.keys.{error}") from None
    for pane, wanted in settings.screen.columns.items():
        try:
            places(PANES[pane], wanted)
        except ValueError as error:
            raise SettingsError(f"{profile}: screen.columns.{pane}: {error}") from None
    return ScreenOptions(
        experiment=settings.experiment,
        site=settings.site.name,
        ledger=settings.ledger,
        watching=str(settings.dtn.runs),
        read_only=flags.read_only,
        ascii_only=flags.ascii,
        sandbox=flags.sandbox,
        theme=flags.theme or settings.screen.theme,
        keys=settings.screen.keys,
        columns=settings.screen.columns,
    )
