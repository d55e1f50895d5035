"""The keys that a profile adds to the table of keys. Pure.

A profile adds keys and takes none away: sentences on the screen and in the ledger name keys, and must be true on every
console.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from screens.keys.action import Action
from screens.keys.actions import ACTIONS
from screens.widgets.moves import HITS, MOVES, PLOTS, Move

HOW_TO_QUIT = "ctrl+c"  # says how to close the console
# What terminals send in one way only: ctrl+i is tab, ctrl+m is enter, ctrl+h is backspace on many.
_NAMED = re.compile(
    r"((ctrl\+|shift\+)?(up|down|left|right|home|end|pageup|pagedown)"
    r"|insert|delete|backspace|f[1-9]|f1\d|f2[0-4]|ctrl\+[a-bdefgk-lnopr-z])"
)
ENTRIES: tuple[Action | Move, ...] = (*ACTIONS, *MOVES, *HITS, *PLOTS)  # all that a key can mean
_BY_NAME = {entry.name: entry for entry in ENTRIES}


def keymap(wanted: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """All keys of each action that gets more of them, as Textual wants them: names separated by commas.

    Raises ValueError with the action, or the key and what it means already.
    """
    taken = {HOW_TO_QUIT: "how to close the console"}
    for entry in ENTRIES:
        taken |= dict.fromkeys((*entry.keys.split(","), *entry.shown.split()), entry.name)
    found = {}
    for name, keys in wanted.items():
        if name not in _BY_NAME:
            raise ValueError(f"{name}: there is no such action, there are {', '.join(_BY_NAME)}")
        for key in keys:
            if not (len(key) == 1 and key.isprintable() and key != " ") and not _NAMED.fullmatch(key):
                raise ValueError(f"{name}: {key!r} is no key; expected one character, or one as f5, delete, ctrl+x")
            if key in taken:
                raise ValueError(f"{name}: {key!r} is taken: it means {taken[key]}")
            taken[key] = name
        found[name] = ",".join((_BY_NAME[name].keys, *("comma" if key == "," else key for key in keys)))
    return found


def shown(entry: Action | Move, wanted: Mapping[str, Sequence[str]]) -> str:
    """The keys of an action, for the help."""
    return " ".join((entry.shown, *wanted.get(entry.name, ())))
