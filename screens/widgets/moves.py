"""The keys that move the cursor: of a pane, from hit to hit of a search, from plot to plot of a preview. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Move:
    """`keys` as Textual names them, separated by commas; `shown` as the help writes them."""

    name: str
    keys: str
    shown: str
    help: str


MOVES = (
    Move("up", "up,k", "up k", "one row up"),
    Move("down", "down,j", "down j", "one row down"),
    Move("page_up", "pageup", "pgup", "a page up"),
    Move("page_down", "pagedown", "pgdn", "a page down"),
    Move("half_up", "ctrl+u", "ctrl+u", "half a page up"),
    Move("half_down", "ctrl+d", "ctrl+d", "half a page down"),
    Move("first", "home,g", "home g", "the first row"),
    Move("last", "end,G", "end G", "the last row"),
)
HITS = (
    Move("next_hit", "n", "n", "in the help and the log of a job: the next line that has what `/` looks for"),
    Move("previous_hit", "N", "N", "in the help and the log of a job: the previous such line"),
)
PLOTS = (
    Move("next_plot", "right,n", "right n", "in the preview: the next spectrum, after the last what the runs gave"),
    Move("previous_plot", "left,N", "left N", "in the preview: the previous one"),
)
