# ruff: noqa: UP006, UP035
"""Which kit this is: a digest of what the console ships. What the site changes, site.conf and fit.conf, is left out.

    digests.py

prints that of the kit that it lies in; the console computes its own with the same functions. Standard library only,
Python 3.6 or newer, as job.py.
"""

import hashlib
from pathlib import Path
from typing import Dict

SHIPPED = (".py", ".sh", ".sl", ".example")
SHOWN = 16  # characters of a digest: enough to tell versions apart


def files(kit: Path) -> Dict[str, str]:
    """The digest of each file of a kit, by its path in the kit; '' for one that cannot be read."""
    found = {}
    # No deeper: somebody may have made a Python environment there.
    ours = [path for path in kit.glob("*") if path.suffix in SHIPPED or path.name == "gce"]
    for path in [*ours, *kit.glob("endpoints/*")]:
        if not path.name.startswith("."):
            found[path.relative_to(kit).as_posix()] = _digest_of(path)
    return found


def digest(of: Dict[str, str]) -> str:
    """One digest for all of them."""
    lines = "".join(f"{of[name]} {name}\n" for name in sorted(of))
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()[:SHOWN]


def _digest_of(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:SHOWN]
    except OSError:
        return ""


if __name__ == "__main__":
    print(digest(files(Path(__file__).resolve().parent)))
