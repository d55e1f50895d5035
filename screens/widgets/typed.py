"""What a screen has in which characters may be text: a line that is typed."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

ENDS_A_LINE = ("enter", "escape", "ctrl+c")


class Typed:
    """A screen that gets its keys before anything else does."""

    @property
    def typing(self) -> bool:
        """Whether characters are text now."""
        raise NotImplementedError

    def takes_key(self, event: events.Key) -> bool:
        """Whether the key belongs to the line that is typed."""
        raise NotImplementedError

    def takes_text(self, keys: Sequence[events.Key]) -> None:
        """Characters that came at once, as of a paste: they do not end the line."""
        for key in keys:
            if key.key not in ENDS_A_LINE and self.typing:
                self.takes_key(key)
