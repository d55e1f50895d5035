# ruff: noqa: PTH100, PTH118, PTH120
"""What the site says in site.conf, and the root below which a job reads and writes, whatever its request says.

Standard library only, Python 3.6 or newer, as job.py, which this is for.
"""

import os
import subprocess
from pathlib import Path

KIT = Path(os.path.dirname(os.path.abspath(__file__)))
"""The kit that is run: a request does not name another one."""


def setting(name: str, otherwise: str = "") -> str:
    """What the kit's site.conf sets a variable to; `otherwise` when it does not set it."""
    ask = 'kit=${1%/*}; [[ ! -e $1 ]] || . "$1" >/dev/null && printf %s "${!2-$3}"'
    argv = ["bash", "-c", ask, "bash", str(KIT / "site.conf"), name, otherwise]
    said = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return os.fsdecode(said.stdout)


def number(name: str, otherwise: float) -> float:
    """The same as a number; `otherwise` if it is none."""
    try:
        return float(setting(name))
    except ValueError:
        return otherwise


def root() -> str:
    """TOP of site.conf; without one the directory that the kit is in."""
    return setting("TOP") or str(KIT.parent)


def below(top: str, name: str, given: str) -> Path:
    """The path `given` without `..`; ValueError when it does not lie below `top`, as it is written or as it leads."""
    # As it is written: below its root a site may have links to other disks.
    for path, above in ((os.path.normpath(given), os.path.normpath(top)), map(os.path.realpath, (given, top))):
        if path.startswith(os.path.join(above, "")):
            return Path(path)
    raise ValueError(f"{name} {given} is not below {top} (TOP in site.conf)")
