"""docs/security.md promises nothing that nothing holds."""

from __future__ import annotations

import pytest

from tests import documents
from tests.documents import DOCS, ROOT

PROMISES = [part for part in (DOCS / "security.md").read_text().split("\n\n") if part.startswith("**")]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.split("**")[1])
def test_each_promise_names_the_test_that_holds_it_or_is_assumed(promise: str) -> None:
    tests = [words for words in documents.quoted(promise) if words.startswith("tests/")]
    assert tests or "(assumed" in promise
    assert all((ROOT / path).is_file() for path in tests)
