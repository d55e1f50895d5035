"""`console doctor` and `console preflight`: is everything there that a shift needs, and does a segment get through?"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from console.cli.asking import BadUse, Failure, print_outcome, remotely, settings_of
from console.doctor.finding import Finding, is_go, line, outcome
from console.settings.constants import NO_PROFILE
from remote.globus.credentials import hidden


def doctor(options: argparse.Namespace) -> int:
    """Exit code 1 for NO-GO."""
    if options.profile is None:
        raise BadUse(NO_PROFILE)
    from console.doctor.examine import examine

    return _tell(options, examine(options.profile))


def preflight(options: argparse.Namespace) -> int:
    """The same."""
    from console import connect
    from console.doctor.preflight import NO_SEGMENT, smallest_segment
    from console.doctor.preflight import preflight as fly
    from console.doctor.subject import Subject

    settings = settings_of(options)
    subject = Subject(settings, remotely(lambda: connect.remote(settings)))
    segment = options.segment or smallest_segment(subject)
    if segment is None:
        raise Failure(f"{NO_SEGMENT}: console preflight SEGMENT")
    return _tell(options, fly(subject, segment.resolve()))


def _tell(options: argparse.Namespace, findings: Iterable[Finding]) -> int:
    found = []
    for finding in findings:
        found.append(finding)
        if not options.json:
            print(hidden(line(finding)), flush=True)
    told = {"go": is_go(found), "findings": [finding.document() for finding in found]}
    print_outcome(options, told, outcome(found))
    return 0 if is_go(found) else 1
