"""What is typed after `:`. The commands are the names of the actions in the table of keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from screens.keys.action import Action
from screens.keys.actions import EVERYWHERE, FILTER, HELP, QUIT

COMMANDS = {action.name: action for action in EVERYWHERE if action is not FILTER}
COMMANDS |= {"q": QUIT, "?": HELP}
HINT = "a command: run NUMBER, filter WORDS, launch, retry, ...; esc goes back"


def matching(words: str, commands: Sequence[Action]) -> list[Action]:
    """The commands that have these words, those first whose name begins with them."""
    wanted = words.casefold().split()
    found = [action for action in commands if all(word in _search_text(action) for word in wanted)]
    return sorted(found, key=lambda action: not _search_text(action).startswith(" ".join(wanted)))


def _search_text(action: Action) -> str:
    return f"{action.name.replace('_', ' ')} {action.shown} {action.help}".casefold()


@dataclass(frozen=True)
class Command:
    """One of: a run to go to, words to filter by, an action."""

    run: int | None = None
    filter: str | None = None
    action: Action | None = None


def parse_command(line: str) -> Command | str | None:
    """The command of a line; a sentence when there is no such command, None when the line is empty."""
    word, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    if not word:
        return None
    if word == "filter":
        return Command(filter=rest)
    if word == "run":
        known = rest.isascii() and rest.isdigit() and len(rest) < 10
        return Command(run=int(rest)) if known else ":run wants a number, as in :run 1217"
    action = COMMANDS.get(word)
    if action is None:
        return f"there is no :{word}, there are run NUMBER, filter WORDS, {', '.join(COMMANDS)}"
    if rest:
        return f":{word} takes nothing after it, it acts on what is selected; :run NUMBER selects"
    return Command(action=action)
