"""Where files of the console and the folders of a profile are. Light: what needs only paths does not load pydantic."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from console.settings.errors import SettingsError

APPLICATION = "frib-flow-console"
DEPLOYED = "deployed.json"
PROFILE_BYTES = 40_000  # of a profile; TOML of a megabyte can take the parser hours
STATE_BYTES = 1_000_000  # of a file that the console writes itself


class Folders(Protocol):
    """Settings that name the ledger and folders on this machine."""

    @property
    def ledger(self) -> Path: ...

    def check_paths(self) -> None:
        """Raises SettingsError when a folder is not there."""


def state_home() -> Path:
    """Where the console keeps what must outlive it, unless a profile says otherwise."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / APPLICATION


def default_ledger(experiment: str) -> Path:
    return state_home() / experiment / "ledger.db"


def deployed_file(ledger: Path) -> Path:
    return ledger.with_name(DEPLOYED)


def check_folders(runs: Path, results: Path) -> None:
    """Raises SettingsError when a folder on this machine is not there (or its file system is not mounted)."""
    for key, path in (("dtn.runs", runs), ("dtn.results", results)):
        if not path.is_dir():
            raise SettingsError(f"{key}: {str(path)!r} is not there; expected a directory")


def refuse_missing_folders(settings: Folders, profile: Path) -> None:
    """On first use. Later a folder that is not there is a file system that is not mounted: the screen says so."""
    if not settings.ledger.exists():
        try:
            settings.check_paths()
        except SettingsError as error:
            raise SettingsError(f"{profile}: {error}") from None
