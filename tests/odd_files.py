"""What somebody may put where a file is expected."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def odd_files(folder: Path) -> dict[str, Path]:
    """What a file can be that is none, by name."""
    os.mkfifo(folder / "fifo")
    (folder / "link to a fifo").symlink_to(folder / "fifo")
    (folder / "link to itself").symlink_to(folder / "link to itself")
    (folder / "folder").mkdir()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(os.path.relpath(folder / "socket"))  # such addresses are short
    listening.close()
    names = ("fifo", "link to a fifo", "link to itself", "folder", "socket")
    devices = {name: Path("/dev") / name for name in ("zero", "random", "tty")}
    return {name: folder / name for name in names} | devices | {"missing": folder / "missing"}


ODD = ("fifo", "link to a fifo", "link to itself", "folder", "socket", "zero", "random", "tty", "missing")
