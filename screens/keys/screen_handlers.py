"""What the keys change of what is shown: rows, panes, sections of a run. Nothing of it leaves this console."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from screens.keys.action import Handler, Panes, Sections, Target
from screens.widgets.prompt import Prompt
from screens.widgets.table import View

if TYPE_CHECKING:
    from screens.host import Host
    from screens.widgets.pane import Pane

NO_TABLE = "this pane cannot be filtered or sorted"


def on_host(handle: Callable[[Host], None]) -> Handler:
    return lambda host, target: handle(host)


def on_panes(handle: Callable[[Panes], None]) -> Handler:
    return lambda host, target: handle(target.panes)


def on_table(handle: Callable[[Host, Pane], None]) -> Handler:
    """For the focused pane, when it is one that can be filtered and sorted."""

    def run(host: Host, target: Target) -> None:
        pane = target.panes.focused_pane()
        if pane.table.fields:
            handle(host, pane)
        else:
            host.say(NO_TABLE, "warn")

    return run


def on_markable(handle: Callable[[Pane], None]) -> Handler:
    """For the focused pane, when its rows can be marked."""

    def run(host: Host, target: Target) -> None:
        pane = target.panes.focused_pane()
        if pane.markable:
            handle(pane)
        else:
            host.say("only runs can be marked, and in the detail of a run its segments", "warn")

    return run


def on_sections(handle: Callable[[Sections], None]) -> Handler:
    """For the detail of a run."""

    def run(host: Host, target: Target) -> None:
        if target.sections is not None:
            handle(target.sections)
        else:
            host.say("this key is for the detail of a run: enter opens it", "warn")

    return run


def login(host: Host, target: Target) -> None:
    if host.options.profile is None:
        host.say("a sandbox needs no login")
    else:
        host.open_login(host.options.profile)


# ---- the rows of a pane


def set_filter(pane: Pane, words: str) -> None:
    pane.set_view(replace(pane.table.view, filter=words))


def filter_by(words: str) -> Handler:
    """As `:filter words` does."""
    return on_table(lambda host, pane: set_filter(pane, words))


def type_filter(host: Host, target: Target) -> None:
    pane = target.panes.focused_pane()
    if not pane.table.fields:
        host.say(NO_TABLE, "warn")
        return
    names = " ".join(f"{name}:" for name in pane.table.fields)
    hint = f"enter keeps it, esc goes back, ctrl+u empties it; text, {names} !not"
    before = pane.table.view.filter
    target.panes.open_prompt(Prompt("/", hint, lambda words: set_filter(pane, words), before, before))


@on_table
def sort(host: Host, pane: Pane) -> None:
    pane.set_view(pane.table.view.next_sort(pane.table.columns))


@on_table
def reverse(host: Host, pane: Pane) -> None:
    view = pane.table.view
    if view.sort:
        pane.set_view(replace(view, descending=not view.descending))
    else:
        host.say("not sorted: s sorts by the next column", "warn")


@on_table
def only_problems(host: Host, pane: Pane) -> None:
    if pane.table.problem is None:
        host.say("nothing in this pane is a problem: / filters it", "warn")
    else:
        view = pane.table.view
        pane.set_view(replace(view, only_problems=not view.only_problems))


def back(host: Host, target: Target) -> None:
    """Take back what was marked, else what was filtered or sorted; when there is nothing of that, the screen."""
    pane = target.panes.focused_pane()
    if pane.table.marked:
        pane.unmark()
    elif pane.table.view != View():
        pane.set_view(View())
    else:
        host.back()
