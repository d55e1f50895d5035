"""Plays the browser of a login at a sandbox: `code = authorize(address)`."""

from __future__ import annotations

import re
import urllib.request
from urllib.parse import urlencode


def authorize(url: str, identity: str | None = None, **session: str) -> str:
    """The code on the page at the address that a login printed. `identity`: id or username of who logs in, else the
    page's choice; `session`: further parameters, such as session_required_mfa="true". Raises HTTPError when refused."""
    added = urlencode({**session, **({"identity": identity} if identity else {})})
    with urllib.request.urlopen(f"{url}&{added}" if added else url, timeout=30) as reply:
        found = re.search(r'<code id="code"[^>]*>([^<]+)</code>', reply.read().decode())
    assert found, "the page shows no code"
    return found[1]
