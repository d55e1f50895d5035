"""The line of a log that tells why a job did not go well, and its code."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec.causes import Kind, classify, kind_of
from tests.failure_phrases import PHRASES
from tests.site_fixture import KIT, Site


@pytest.fixture(scope="module")
def logs() -> ModuleType:
    """The kit's module, which imports its neighbours by their bare names."""
    sys.path.insert(0, str(KIT))
    try:
        return importlib.import_module("logs")
    finally:
        sys.path.remove(str(KIT))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


BEFORE = """JobID none  Time 2026-11-26T19:04:11Z  Node nid004  Stage fit
Work /tmp/frib-fit.a1b2c3
Library /usr/opt/ddastoys/lib/libFitEditorAnalytic.so  DDASToys 6.4 (assumed)  Columns 9  FitConfig /kit/fit.conf
Copying input...
... Done
Fitting traces with EventEditor -s file:///tmp/in -S file:///tmp/out -l lib.so -c 2000 -n 1 -p threaded...
"""
AFTER = """/kit/common.sh: line 83: 4711 Aborted                 "$@" < /dev/null
EventEditor ended with return code 134
"""


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ("Output thread write failed: No space left on device\nmore", "space", "write failed: No space left"),
        ("cp: error writing '/tmp/x': Disk quota exceeded", "space", "cp: error writing '/tmp/x': Disk quota exceeded"),
        ("MemoryError", "memory", "MemoryError"),
        ("terminate called after throwing 'std::bad_alloc'\n  what():  std::bad_alloc", "memory", "bad_alloc"),
        ("slurmstepd: error: Detected 1 oom-kill event(s)\nfailed to go on", "memory", "oom-kill"),
        ("/kit/common.sh: line 83: 4711 Killed   \"$@\" < /dev/null", "killed", "Killed"),
        ("terminate called after throwing an instance of 'std::invalid_argument'\n"
         "  what():  Failed to find endpoint: 1 in ZMQ endpoint lookup table", "abort", "Failed to find endpoint: 1"),
        ("gsl: svd.c:148: ERROR: matrix is empty\nDefault GSL error handler invoked.", "abort", "gsl: svd.c:148"),
        ("terminate called after throwing 'std::range_error'\n  what():  no such thing", "abort", "what():"),
        ("Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\n    f()\nValueError: no item\nbye",
         "abort", "ValueError: no item"),
        ("cannot open the input\nevent 1\nevent 2", "abort", "cannot open the input"),
        ("an error at first\nevent 1\nthe last error", "abort", "the last error"),
        ("/kit/common.sh: line 81: EventEditor: command not found", "abort", "EventEditor: command not found"),
        ("event 1\nevent 2", "abort", "event 2"),
        ("", "abort", "EventEditor ended with return code 134"),
    ],
)  # fmt: skip
def test_the_error_line_is_the_cause_and_no_line_of_the_wrapper(
    logs: ModuleType, tmp_path: Path, said: str, code: str, words: str
) -> None:
    log = tmp_path / "fit-03.log"
    log.write_text(BEFORE + said + "\n" + AFTER)
    wrong = logs.ended_badly(134, log)
    assert (wrong.code, wrong.parameters) == (f"failed.{code}", {"rc": 134})
    assert wrong.cause.count("return code 134") == 1
    assert words in wrong.cause
    assert "\n" not in wrong.cause


@pytest.mark.parametrize(("words", "code"), [(words, code) for words, code, _ in PHRASES if code != "failed.worker"])
def test_a_phrase_of_slurm_in_a_log_has_the_code_that_it_has_elsewhere(
    logs: ModuleType, tmp_path: Path, words: str, code: str
) -> None:
    log = tmp_path / "fit-03.log"
    log.write_text(BEFORE + words + "\n" + AFTER.replace("Aborted", "Exit 1"))
    assert logs.ended_badly(1, log).code == code


def test_an_error_is_found_above_the_stacks_of_many_ranks(logs: ModuleType, tmp_path: Path) -> None:
    log = tmp_path / "fit-03.log"
    stack = "[nid004:4711] *** Process received signal ***\n[nid004:4711] [ 0] /lib/libc.so(abort+0x123)[0x7f]\n"
    log.write_text(BEFORE + "  what():  the item is bad\n" + stack * 200 + AFTER)
    assert logs.ended_badly(134, log).cause == "return code 134:   what():  the item is bad"


def test_a_fit_that_aborts_for_want_of_points_is_about_fit_conf(site: Site) -> None:
    site.add_raw(7, 3)
    site.fake("EventEditor", "echo 'gsl: fdfsolver.c:37: ERROR: insufficient data points, n < p'; kill -ABRT $$\n")
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"], reply["parameters"]) == (134, "failed.fitconf", {"rc": 134})
    assert reply["cause"].endswith(
        "the fit aborted at a trace: fit.conf (9 columns, as of DDASToys 6.4) does not fit the library, "
        "or the trace has too few unsaturated samples (return code 134: gsl: fdfsolver.c:37: ERROR: insufficient data "
        "points, n < p)"
    )
    assert kind_of(reply["code"]) is Kind.STAYS


def test_a_fit_that_aborted_so_under_an_older_kit_is_about_fit_conf_too() -> None:
    assert (
        classify("return code 134: gsl: fdfsolver.c:37: ERROR: insufficient data points, n < p").code
        == "failed.fitconf"
    )


@given(st.binary(max_size=6000), st.integers(1, 255))
def test_any_log_has_a_fault_of_one_printable_line(
    logs: ModuleType, tmp_path_factory: pytest.TempPathFactory, said: bytes, rc: int
) -> None:
    log = tmp_path_factory.getbasetemp() / "any.log"
    log.write_bytes(said)
    wrong = logs.ended_badly(rc, log)
    assert wrong.code.startswith("failed.")
    assert wrong.cause.isprintable()
