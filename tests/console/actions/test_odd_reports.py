"""What a job's report and log can be on the DTN besides files."""

from __future__ import annotations

import pytest

from console.actions import report_files
from remote.globus.credentials import know
from tests.odd_files import ODD, odd_files


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_report_or_log_that_is_no_file_is_refused_at_once(tmp_path, what, place):
    files = [None, None, None]
    files[place] = odd_files(tmp_path)[what]
    with pytest.raises(OSError, match=r"\[Errno \d+\] "):
        report_files.read(*files)


def test_a_log_that_holds_a_token_of_ours_is_shown_without_it(tmp_path):
    know("AgOfTheJob8Kx3Vm6Tz1Wq9")
    log = tmp_path / "fit-01.log"
    log.write_text("started\ncurl -H 'Authorization: Bearer AgOfTheJob8Kx3Vm6Tz1Wq9' https://x\nended\n")
    found = report_files.read(None, log)
    assert found is not None
    assert found.lines == ("started", "curl -H 'Authorization: Bearer ***' https://x", "ended")
