"""The pages of a login, for a browser: plain, and whole without any other file."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import urlencode

from remote.sandbox.auth.identities import Identity

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body style="font-family: sans-serif; max-width: 40em; margin: 3em auto">
<h1>{title}</h1>
{body}
</body></html>
"""


def code(text: str, who: Identity, message: str, others: Iterable[Identity], query: dict[str, str]) -> str:
    """The code to be copied, what the login was asked for with, and links to log in as somebody else."""
    links = "".join(
        f'<li><a href="?{escape(urlencode({**query, "identity": one.id}))}">{escape(one.username)}</a></li>\n'
        for one in others
    )
    said = f"<p>{escape(message)}</p>\n" if message else ""
    body = (
        f"{said}<p>Logged in as <b>{escape(who.username)}</b>, with every consent that was asked for. Copy this code:"
        f'</p>\n<p><code id="code" style="font-size: 1.5em">{escape(text)}</code></p>\n'
        f"<p>Instead as:</p>\n<ul>\n{links}</ul>"
    )
    return _PAGE.format(title="Sandbox login", body=body)


def refused(description: str) -> str:
    return _PAGE.format(title="Login refused", body=f"<p>{escape(description)}</p>")
