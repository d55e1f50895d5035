"""`console doctor`: is everything there that a shift needs?"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import asdict

from console.cli.asking import BadUse, print_outcome
from console.doctor.finding import Finding, is_go, line, outcome
from console.settings.constants import NO_PROFILE
from remote.globus.credentials import hidden


def doctor(options: argparse.Namespace) -> int:
    """Exit code 1 for NO-GO."""
    if options.profile is None:
        raise BadUse(NO_PROFILE)
    from console.doctor.examine import examine

    return _tell(options, examine(options.profile))


def _tell(options: argparse.Namespace, findings: Iterable[Finding]) -> int:
    found = []
    for finding in findings:
        found.append(finding)
        if not options.json:
            print(hidden(line(finding)), flush=True)
    told = [{**asdict(finding), "verdict": finding.verdict.value} for finding in found]
    print_outcome(options, {"go": is_go(found), "findings": told}, outcome(found))
    return 0 if is_go(found) else 1
