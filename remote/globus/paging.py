"""Reading lists that come in pages, to an end: of pages, of bytes, and of time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from remote.globus.errors import Nonsense

MOST_PAGES = 500
MOST_BYTES = 64_000_000
MOST_SECONDS = 60.0  # a driver's round waits for it


class Page(Protocol):
    """A reply of the SDK."""

    @property
    def binary_content(self) -> bytes: ...

    def __getitem__(self, key: str) -> Any: ...

    def get(self, key: str, default: Any = None) -> Any: ...


def by_marker(ask: Callable[..., Page], items: str, marker: Callable[[Page], Any]) -> Iterator[list[Any]]:
    """The items of each page that `ask(marker=...)` gives; `marker` says what the next one is asked for with, or None.

    Raises Nonsense when there is no end: a marker that was there before, too many pages, too many bytes, too long.
    """
    seen: set[Any] = {None}
    following, taken, until = None, 0, time.monotonic() + MOST_SECONDS
    for number in range(1, MOST_PAGES + 1):
        page = ask() if following is None else ask(marker=following)
        taken += len(page.binary_content)
        yield list(page[items])
        following = marker(page)
        if following is None:
            return
        if following in seen:
            raise Nonsense(f"the list has no end: page {number} names as the next one that was read before")
        if taken > MOST_BYTES or time.monotonic() > until:
            raise Nonsense(f"the list has no end: {number} pages, {taken // 1_000_000} MB")
        seen.add(following)
    raise Nonsense(f"the list has no end: {MOST_PAGES} pages")


def flagged(page: Page) -> Any:
    """The marker of lists that say whether there is a next page. Raises Nonsense when there is one and no marker."""
    if not page.get("has_next_page"):
        return None
    if page.get("marker") in (None, ""):
        raise Nonsense("the list has no end: a next page, and no marker to ask for it with")
    return page["marker"]


def nullable(page: Page) -> Any:
    """The marker of lists whose last page has none."""
    return page.get("next_marker")
