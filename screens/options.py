"""The options of the screen. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.settings.constants import AUTO_THEME


@dataclass(frozen=True)
class ScreenOptions:
    """`watching` is the directory in which the runs appear; `keys` are added to actions, `columns` chosen for panes.

    `screens.keys.keymap` and `screens.widgets.table.column_places` say what may stand in these.
    """

    experiment: str
    site: str
    ledger: Path
    watching: str
    read_only: bool = False
    ascii_only: bool = False
    sandbox: bool = False
    profile: Path | None = None  # None: of a sandbox, which needs no login
    theme: str = AUTO_THEME
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
