"""The file that $FIT_CONFIGFILE names: which channels are fitted, and how much of their traces.

One channel per line, in columns that depend on the version of DDASToys; '#' begins a comment line:

    before 6.0    crate slot channel low high saturation
    6.0 to 6.3    crate slot channel low high saturation model
    from 6.4 on   crate slot channel length low high saturation "model" "template"

Lines are read as C++ streams read them, which is what DDASToys does: too few columns are refused, yet what follows the
last one is not looked at. So a file for 6.4 is no error to an older version: it takes `length` for `low` and so on,
finds no sample between the two, and aborts at the first trace. Paths of models serve other fits than ours.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from remote.sandbox.tools.pulses import NEWEST, Version, Window

Channel = tuple[int, int, int]  # crate, slot, channel

_SPACE = " \t\n\v\f\r"
_NUMBER = re.compile(r"[ \t\v\f\r]*([+-]?[0-9]+)")
_WORD = re.compile(r"[ \t\v\f\r]*([^ \t\v\f\r]+)")
_QUOTED = re.compile(r'[ \t\v\f\r]*(?:"((?:\\.|[^"\\])*)"|([^" \t\v\f\r][^ \t\v\f\r]*))')
_LARGEST = 0xFFFFFFFF  # of an unsigned integer; a negative number becomes one
_IN_A_PATH = re.compile(r"(\d+)\.(\d+)-\d{3}")


def version_of(library: str) -> Version:
    """Of DDASToys, as the path of its library tells it (`/usr/opt/ddastoys/6.3-001/lib/...`); else the newest."""
    found = _IN_A_PATH.findall(library)
    return (int(found[-1][0]), int(found[-1][1])) if found else NEWEST


def read_fit_config(environment: Mapping[str, str] = os.environ, version: Version = NEWEST) -> dict[Channel, Window]:
    """The channels to fit. Raises ValueError with what that version says is wrong with the file."""
    name = environment.get("FIT_CONFIGFILE")
    if name is None:
        raise ValueError(
            "No translation for environment variable: FIT_CONFIGFILE"
            " Point that to the proper configuration file and re-run"
        )
    try:
        text = Path(name).read_text(errors="replace")
    except OSError:
        raise ValueError(f"Unable to open the configuration file: {name}") from None
    channels = {}
    for line in text.split("\n"):
        stripped = line.strip(_SPACE)
        if stripped and not stripped.startswith("#"):
            try:
                channel, window, template = _fields(stripped, version)
            except ValueError:
                raise ValueError(f"Error processing line in configuration file '{line}'") from None
            if template not in ("", "none") and not Path(template).exists():
                raise ValueError(f"Unable to open the template file: {template}")
            channels[channel] = window
    return channels


def _fields(line: str, version: Version) -> tuple[Channel, Window, str]:
    """Of a line: the channel, its window, and the path of its template. Raises ValueError when a column is missing."""
    at, numbers, paths = 0, [], []
    for _ in range(7 if version >= (6, 4) else 6):
        text, at = _next(_NUMBER, line, at)
        if abs(int(text)) > _LARGEST:
            raise ValueError(text)
        numbers.append(int(text) & _LARGEST)
    kinds = [_QUOTED, _QUOTED] if version >= (6, 4) else [_WORD] if version >= (6, 0) else []
    for kind in kinds:
        path, at = _next(kind, line, at)
        paths.append(path)
    crate, slot, channel, *_, low, high, saturation = numbers
    # The fit takes the saturation as 16 bits.
    return (crate, slot, channel), Window(low, high, saturation & 0xFFFF), paths[1] if len(paths) > 1 else ""


def _next(kind: re.Pattern[str], line: str, at: int) -> tuple[str, int]:
    found = kind.match(line, at)
    if found is None:
        raise ValueError(line[at:])
    return next(group for group in found.groups() if group is not None), found.end()
