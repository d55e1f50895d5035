"""What is typed after `:`. The commands are the names of the actions in the table of keys. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from screens.keys.action import Action
from screens.keys.actions import EVERYWHERE, FILTER, HELP, QUIT

COMMANDS = {action.name: action for action in EVERYWHERE if action is not FILTER}
COMMANDS |= {"q": QUIT, "?": HELP}
HINT = "a command: run NUMBER, filter WORDS, launch, retry, ...; tab completes, esc goes back"
NAMED = 8  # ways to go on; of more, the rest is counted


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


def complete(line: str, runs: Iterable[int]) -> tuple[str, str]:
    """The line as far as there is one way to go on, and the ways from there when there are several."""
    word, blank, rest = line.lstrip().partition(" ")
    if blank and word != "run":
        return line, ""
    known = [str(run) for run in runs] if blank else ["run", "filter", *COMMANDS]
    found = [name for name in known if name.startswith(rest if blank else word)]
    if not found:
        return line, "nothing begins so"
    pairs = zip(min(found), max(found), strict=False)
    common = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    begun = f"{word} {common}" if blank else common
    ended = len(found) == 1 and not blank and common in ("run", "filter")
    return begun + " " * ended, " ".join(found[:NAMED]) + more if len(found) > 1 else ""
