from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remote.sandbox.tools.fitconfig import read_fit_config, version_of
from remote.sandbox.tools.pulses import NEWEST, TooFewPoints, Version, Window, fit
from tests.synthetic_run import SAMPLES

FORMS: dict[Version, str] = {
    (4, 0): "0 2 0 0 129 65530",
    (6, 3): "0 2 0 0 129 65530 none",
    (6, 4): '0 2 0 130 0 129 65530 "none" "none"',
}
CHANNEL = {(0, 2, 0): Window(0, 129, 65530)}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "fit.conf"


def read(config: Path, text: str, version: Version = NEWEST) -> dict[tuple[int, int, int], Window]:
    config.write_text(text)
    return read_fit_config({"FIT_CONFIGFILE": str(config)}, version)


@pytest.mark.parametrize("version", FORMS)
def test_each_version_reads_its_own_columns(config: Path, version: Version) -> None:
    text = f"# a comment\n\n  {FORMS[version]}\t\r\n\t# another\n{FORMS[version].replace('0 2 0', '1 3 15', 1)}"
    assert read(config, text, version) == CHANNEL | {(1, 3, 15): Window(0, 129, 65530)}


# A form against the version that reads it, and what comes of it: its window, or None where it is refused.
MISREAD = [
    ((4, 0), (5, 1), (0, 129, 65530)),
    ((4, 0), (6, 0), None),
    ((4, 0), (6, 3), None),
    ((4, 0), (6, 4), None),
    ((6, 3), (4, 0), (0, 129, 65530)),  # what follows the sixth number is not looked at
    ((6, 3), (6, 4), None),
    ((6, 4), (4, 0), (130, 0, 129)),
    ((6, 4), (6, 3), (130, 0, 129)),
]


@pytest.mark.parametrize(("form", "version", "window"), MISREAD)
def test_columns_of_another_version_are_refused_or_shifted(
    config: Path, form: Version, version: Version, window: tuple[int, int, int] | None
) -> None:
    if window is None:
        with pytest.raises(ValueError, match=f"Error processing line in configuration file '{FORMS[form]}'"):
            read(config, FORMS[form], version)
    else:
        assert read(config, FORMS[form], version) == {(0, 2, 0): Window(*window)}


@pytest.mark.parametrize("version", [(5, 1), (6, 0)])
def test_shifted_columns_leave_no_samples_to_fit(config: Path, version: Version) -> None:
    window = read(config, FORMS[6, 4], version)[0, 2, 0]
    with pytest.raises(TooFewPoints):
        fit(np.full((3, SAMPLES), 400, np.uint16), window)


@pytest.mark.parametrize(
    "line",
    ["0 2 zero 130 0 129 65530 none none", "0 2 0 130 0 129 4294967296 none none", '0 2 0 130 0 129 65530 "none'],
)
def test_a_line_that_a_stream_cannot_read_is_refused(config: Path, line: str) -> None:
    with pytest.raises(ValueError, match="Error processing line"):
        read(config, line)


def test_numbers_are_read_as_streams_read_them(config: Path) -> None:
    """A sign, a negative number that becomes a large one, no space before a word, and 16 bits of the saturation."""
    assert read(config, "+0 2 0 0 -1 65530none", (6, 0)) == {(0, 2, 0): Window(0, 0xFFFFFFFF, 65530)}
    assert read(config, "0 2 0 0 129 65546", (4, 0)) == {(0, 2, 0): Window(0, 129, 10)}


def test_the_last_line_of_a_channel_holds(config: Path) -> None:
    assert read(config, "0 2 0 5 9 10\n0 2 0 0 129 65530", (4, 0)) == CHANNEL


def test_a_template_has_to_be_there(config: Path) -> None:
    line = '0 2 0 130 0 129 65530 "" "{}"'
    assert read(config, line.format("")) == read(config, line.format(config)) == CHANNEL
    with pytest.raises(ValueError, match="Unable to open the template file: /nowhere/a template"):
        read(config, line.format("/nowhere/a template"))


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"No translation for environment variable: FIT_CONFIGFILE"):
        read_fit_config({})
    for name in (str(tmp_path / "none.conf"), str(tmp_path), ""):
        with pytest.raises(ValueError, match=f"Unable to open the configuration file: {name}$"):
            read_fit_config({"FIT_CONFIGFILE": name})


@pytest.mark.parametrize(
    ("library", "version"),
    [
        ("/usr/opt/ddastoys/4.0-001/lib/libFitEditorAnalytic.so", (4, 0)),
        ("/usr/opt/daq/12.0-017/ddastoys/6.3-001/lib/libFitEditorAnalytic.so", (6, 3)),
        ("/usr/opt/ddastoys/10.12-000/lib/lib.so", (10, 12)),
        ("/usr/opt/ddastoys/lib/libFitEditorAnalytic.so.1.2", NEWEST),
        ("lib.so", NEWEST),
    ],
)
def test_the_path_of_the_library_tells_its_version(library: str, version: Version) -> None:
    assert version_of(library) == version


@given(st.text(), st.sampled_from([*FORMS]))
def test_whatever_is_in_the_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, version: Version
) -> None:
    config = tmp_path_factory.getbasetemp() / "any fit.conf"
    config.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        found = read_fit_config({"FIT_CONFIGFILE": str(config)}, version)
    except ValueError as error:
        said = str(error)
    else:
        said = "Error processing line"
        assert all(0 <= window.saturation < 65536 for window in found.values())
    assert said.startswith(("Error processing line", "Unable to open the template"))
