"""A profile as text: every key is in it, and what is written is what is read."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from console.settings.model import Settings
from console.settings.profile_text import KEYS, flat, profile_text, toml
from console.settings.profiles import load, read_toml, write_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

E21062 = Path(__file__).parents[3] / "docs" / "profiles" / "e21062.toml"
TEXT = st.text(st.characters(exclude_categories=["Cs"]))  # a surrogate is no character, and in no file in UTF-8
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)


def _fields(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation, f"{path}{name}.")
        else:
            yield path + name, field.default


@given(VALUES)
def test_what_is_written_is_what_is_read(value: Any) -> None:
    assert tomllib.loads(f"key = {toml(value)}\n") == {"key": value}


@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_a_profile_of_any_values_is_read_with_these(values: dict[str, Any]) -> None:
    assert flat(tomllib.loads(profile_text(values))) == values


def test_all_keys_of_a_profile_are_in_it_with_their_defaults_and_what_is_commented_out_can_be_used() -> None:
    known = dict(_fields(Settings))
    assert sorted(KEYS) == sorted(known)
    text = profile_text({})
    assert flat(tomllib.loads(text)) == {}
    shown = flat(tomllib.loads(re.sub(r"^#(?=\w)", "", text, flags=re.M)))
    assert set(shown) == set(KEYS)
    for key, default in known.items():
        if isinstance(default, (bool, int, float)) or (isinstance(default, str) and default):
            assert shown[key] == default, key
    assert Settings(**tomllib.loads(re.sub(r"^#(?=\w)", "", text, flags=re.M))).experiment == "e21062"


def test_a_profile_written_from_another_is_the_same(tmp_path: Path) -> None:
    profile = tmp_path / "again.toml"
    profile.write_text(profile_text(flat(read_toml(E21062))))
    assert load(profile) == load(E21062)


def test_a_new_file_takes_the_place_of_none(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    write_file(path, "one", 0o600, new=True)
    with pytest.raises(FileExistsError):
        write_file(path, "two", 0o600, new=True)
    assert path.read_text() == "one"
    assert [each.name for each in tmp_path.iterdir()] == ["profile.toml"]
