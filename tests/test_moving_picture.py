"""The moving picture of the README: what moves in it, and that it can be shown anywhere."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from tests.documents import DOCS, ROOT
from tests.moving_picture import Still, moving

SVG = '<svg viewBox="0 0 10 5" xmlns="http://www.w3.org/2000/svg"><text>{}</text></svg>'
MOST = 400_000  # bytes


def test_each_still_is_shown_in_its_turn() -> None:
    made = moving([Still(SVG.format("one"), 1), Still(SVG.format("two"), 3)], 1)
    assert ElementTree.fromstring(made).attrib["viewBox"] == "0 0 10 5"
    turns = re.findall(r"@keyframes (\S+) { (.*?}) }", made)
    assert turns == [
        ("still-0", "0.00% { visibility: visible } 25.00% { visibility: hidden }"),
        ("still-1", "0.00% { visibility: hidden } 25.00% { visibility: visible } 100.00% { visibility: hidden }"),
    ]
    assert "#still-1 { visibility: visible }" in made, "where nothing may move"


def test_the_one_of_the_readme_is_small_and_has_no_script() -> None:
    assert "docs/screen-moving.svg" in (ROOT / "README.md").read_text()
    picture = (DOCS / "screen-moving.svg").read_text()
    assert len(picture) < MOST
    names = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(picture).iter()}
    assert names <= {"svg", "style", "defs", "clipPath", "rect", "text", "g", "circle"}
