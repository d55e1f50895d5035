"""Secrets in text, in every shape that services, libraries and shells give them; and what people have to read stays."""

from __future__ import annotations

import base64
import html
import json
import random
import re
import string
import textwrap
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus, unquote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec.hiding import HIDDEN, hide, hide_known, pieces

TOKEN = "AgBx7Kq2Lm9Zr4Tw1Yn8Vc3Pd6Sf0Gh5Jk-aE_uRiOoXbNzQy7Wt2Mv4"
JWT = (
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm5hIiwiaWF0IjoxNTE2MjM5MDIyfQ."
    "NHVaYe26MbtOYhSKkoKYdFVomg4i8ZJd8_-RU8VNbftc4TSMb4bXP3l3YlNWACwyXPGffz5aXHc6lty1Y2t4SWRqGteragsVdZufDn5BlnJl9pdR"
)


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SHAPES: dict[str, Callable[[str], str]] = {
    "header": lambda t: f"Authorization: Bearer {t}",
    "lower-case header": lambda t: f"authorization: bearer {t}",
    "scheme alone": lambda t: f"got Bearer {t}, which has expired",
    "alone": lambda t: t,
    "in a sentence": lambda t: f"The token {t} is not active.",
    "in quotes": lambda t: f"invalid token '{t}'",
    "in back quotes": lambda t: f"`{t}`",
    "JSON": lambda t: json.dumps({"access_token": t, "expires_in": 3600}),
    "JSON of another name": lambda t: json.dumps({"blob": t}),
    "JSON in JSON": lambda t: json.dumps(json.dumps({"refresh_token": t})),
    "JSON in JSON in JSON": lambda t: json.dumps(json.dumps(json.dumps([t]))),
    "repr of headers": lambda t: repr({"Authorization": f"Bearer {t}", "Accept": "*/*"}),
    "repr of bytes": lambda t: repr([(b"authorization", f"Bearer {t}".encode())]),
    "repr of a dataclass": lambda t: f"Tokens(access_token={t!r}, refresh_token=None)",
    "query of a URL": lambda t: f"GET https://flows.globus.org/runs?access_token={t}&per_page=100",
    "fragment of a URL": lambda t: f"https://auth.globus.org/#id_token={t}",
    "path of a URL": lambda t: f"https://flows.globus.org/t/{t}/runs",
    "user of a URL": lambda t: f"https://anna:{t}@proxy.example:3128/",
    "form": lambda t: urlencode({"grant_type": "refresh_token", "refresh_token": t}),
    "urlencoded": lambda t: quote(f"token={t}", safe=""),
    "urlencoded twice": lambda t: quote(quote(f"a b={t}", safe=""), safe=""),
    "all of it urlencoded": lambda t: "".join(f"%{ord(c):02X}" for c in t),
    "plus for blank": lambda t: quote_plus(f"Bearer {t}"),
    "unicode escapes": lambda t: "".join(f"\\u{ord(c):04x}" for c in t),
    "hex escapes": lambda t: "".join(f"\\x{ord(c):02x}" for c in t),
    "entities": lambda t: "".join(f"&#x{ord(c):x};" for c in t),
    "HTML": lambda t: f"<p>Bearer&nbsp;<b>{t}</b></p>",
    "base64": packed,
    "base64 of user and password": lambda t: f"Basic {packed('anna:' + t)}",
    "base64, shifted by one": lambda t: packed("x" + t + "y"),
    "base64, shifted by two": lambda t: packed("xy" + t),
    "base64 for URLs": lambda t: base64.urlsafe_b64encode(t.encode()).decode(),
    "base64 in lines": lambda t: base64.encodebytes((t * 3).encode()).decode(),
    "hex": lambda t: t.encode().hex(),
    "broken over lines": lambda t: "\n    ".join(textwrap.wrap(t, 20)),
    "broken over lines, with CR": lambda t: "\r\n".join(textwrap.wrap(t, 16)),
    "written line breaks": lambda t: "\\n".join(textwrap.wrap(t, 24)),
    "joined strings": lambda t: '"\n  "'.join(textwrap.wrap(t, 18)),
    "quoted lines": lambda t: "\n> ".join(textwrap.wrap(t, 30)),
    "zero-width spaces": lambda t: "\u200b".join(t),
    "characters one by one": lambda t: repr(list(t)),
    "upper case": str.upper,
    "cut at its end": lambda t: t[:22] + "...",
    "cut at its beginning": lambda t: "..." + t[-24:],
    "in a shell": lambda t: f"curl -H 'Authorization: Bearer {t}' https://x",
    "environment": lambda t: f"GLOBUS_COMPUTE_CLIENT_SECRET={t} globus-compute-endpoint start",
    "cookie": lambda t: f"Set-Cookie: session={t}; Path=/; HttpOnly",
    "TOML": lambda t: f'token = "{t}"',
    "YAML": lambda t: f"client_secret: {t}",
    "twice": lambda t: f"{t} is not {t}",
}


def shows(text: str, secret: str) -> bool:
    """A run of 12 characters of the secret, or of its base64 or hex, can be read in the text, or in what it encodes."""
    forms = {secret, packed(secret), packed("x" + secret)[4:], packed("xy" + secret)[4:], secret.encode().hex()}
    escapes = re.sub(r"\\u00|\\x", "%", text)
    flat = [_flat(read) for read in (text, unquote(unquote(text)), unquote(escapes), html.unescape(text))]
    return any(form[i : i + 12] in one for form in map(_flat, forms) for i in range(len(form) - 11) for one in flat)


def _flat(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


@pytest.mark.parametrize("secret", [TOKEN, JWT, "correct-horse-battery-staple", "hunter2hunter2"], ids=lambda s: s[:8])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_known_secret_is_hidden_in_every_shape(shape, secret):
    text = SHAPES[shape](secret)
    found = hide_known(f"before, {text} and behind", pieces([secret]))
    assert HIDDEN in found
    assert not shows(found, secret)
    assert found.startswith("before, ")
    assert found.endswith(" and behind")


NOT_TO_BE_TOLD = ("all of it urlencoded", "unicode escapes", "hex escapes", "entities", "hex", "zero-width spaces",
                  "characters one by one", "joined strings", "quoted lines", "written line breaks", "base64 in lines",
                  "broken over lines", "broken over lines, with CR", "cut at its beginning", "cut at its end",
                  "urlencoded", "urlencoded twice")  # fmt: skip


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape not in NOT_TO_BE_TOLD])
def test_a_token_that_nobody_knows_is_hidden_when_it_looks_like_one(shape):
    assert not shows(hide(SHAPES[shape](TOKEN), {}), TOKEN)


@pytest.mark.parametrize(
    "shape", ["header", "JSON", "JSON in JSON", "form", "query of a URL", "user of a URL", "YAML", "environment"]
)
@pytest.mark.parametrize("secret", ["hunter2", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
def test_what_is_labelled_as_a_secret_is_hidden_whatever_it_looks_like(shape, secret):
    assert secret not in hide(SHAPES[shape](secret), {})


def test_a_private_key_is_hidden_to_its_end():
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----"
    assert hide(f"read {key} from disk", {}) == "read *** from disk"
    assert hide(f"read {key[:40]}", {}) == "read ***"


READABLE = [
    "run 1217 attempt 2 started: flow run babd88e5-d31d-48c7-b3a0-b765389b5c22",
    "flow_babd88e5_d31d_48c7_b3a0_b765389b5c22_user",
    "task group 7A3CD9D2-0A4C-4B3C-9A0A-000000000001 of endpoint ff16dcd1-0632-4fdd-8b0c-d239d4f1b889",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "commit 5b2d10c1f3a4e5d6c7b8a9f0e1d2c3b4a5f6e7d8, md5 D41D8CD98F00B204E9800998ECF8427E",
    "tag frib-1217-1-0123456789abcdef",
    "/cephfs/mnt/sci-dtn/e21062_2/run1217/run-1217-00.evt is missing",
    "/global/cfs/cdirs/m4386/e21062_flows/logs/run1217/fit-03-attempt2.log",
    "/global/cfs/cdirs/m4386/e21062/FitEditor_run1217_S0_v2_e21062.root",
    "EventEditor_FitConfigXML_run1217_segment03_20261126T200200Z.evt",
    "/mnt/home/A1b2C3/D4e5F6/G7h8I9/run-1217-00.evt",
    "urn:globus:auth:scope:transfer.api.globus.org:all[*https://auth.globus.org/scopes/abc/data_access]",
    "https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all",
    "https://app.globus.org/runs/babd88e5-d31d-48c7-b3a0-b765389b5c22/logs",
    "HTTPSConnectionPool(host='flows.automate.globus.org', port=443): Max retries exceeded",
    "GlobusConnectionTimeoutError, MissingRequiredDataAccessConsentError, DataAccessConsentRequired2ForMapped",
    "ModuleNotFoundError: No module named 'globus_compute_endpoint'",
    "502 ExternalError.DirListingFailed.LoginFailed",
    "the token file /home/anna/.local/state/frib-flow-console/token cannot be read",
    "invalid_token: The token has expired; access token: missing; authorization: denied",
    "Basic authentication is required, said the bearer of this message, the secretary",
    "slurm job 12345678 on nid004123 ended at 2026-11-26T20:02:00.123456+00:00",
    "anna@daq1 asked for run 1217: BEGIN_RUN 12C(p,d) at 40Ar, 3He",
    "http://127.0.0.1:4711/sandbox/faults?left=404",
]  # fmt: skip


@pytest.mark.parametrize("text", READABLE)
def test_what_people_have_to_read_stays(text):
    assert hide(text, pieces([TOKEN, JWT])) == text


def test_a_short_secret_does_not_make_words_unreadable():
    assert hide_known("a new run: new data", pieces(["new", "run", "", "-" * 40])) == "a new run: new data"


ALPHABETS = {"letters and digits": string.ascii_letters + string.digits,
             "for URLs": string.ascii_letters + string.digits + "-_"}  # fmt: skip


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_of_a_thousand_random_tokens_hardly_one_can_be_read(alphabet):
    chance = random.Random(339)
    tokens = ["".join(chance.choices(ALPHABETS[alphabet], k=48)) for _ in range(1000)]
    assert sum(shows(hide(f"token of anna: x {token} y", {}), token) for token in tokens) <= 5


secrets = st.text(string.ascii_letters + string.digits + "-_.~+/=", min_size=24, max_size=80).filter(
    lambda text: sum(map(str.isalnum, text)) >= 16
)


@given(secrets, st.text(max_size=40), st.text(max_size=40), st.sampled_from(sorted(SHAPES)))
def test_any_secret_is_hidden_in_any_surroundings(secret, before, after, shape):
    assert not shows(hide(f"{before} {SHAPES[shape](secret)} {after}", pieces([secret])), secret)


@given(secrets, st.data())
def test_a_secret_is_hidden_wherever_it_is_broken(secret, data):
    places = sorted(data.draw(st.sets(st.integers(1, len(secret) - 1), max_size=6)))
    breaks = st.text(" \t\n\r\"'\\,;:>|", min_size=1, max_size=4)
    parts = [secret[a:b] for a, b in zip([0, *places], [*places, len(secret)], strict=True)]
    text = "".join(part + data.draw(breaks) for part in parts)
    assert not shows(hide_known(text, pieces([secret])), secret)


SLOW = ["x", "xA9", "Aa", "a ", "a-", "a_b", "a.b/", "-", ".", "/", "%", "%25", "\\", "'\\", '"', " ", "\n", "=", "&", "://",
        "://a", "@", "secret", "secret-", "secret ", "secret= ", "token ", "token:", "token: a-", "bearer ", "bearer",
        "Bearer a.", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "0123456789abcdef", "deadbeef-", "&#x", "%3D",
        "\\u00", "b'", "[(", TOKEN, TOKEN[:11], "\u200b"]  # fmt: skip


@pytest.mark.parametrize("number", range(len(SLOW)))
def test_a_text_that_is_made_to_take_long_does_not(number):
    known = pieces([TOKEN, JWT])
    long = SLOW[number] * (100_000 // len(SLOW[number]))
    for text in (long, f"token: {long}\x00"):
        began = time.process_time()
        hide(text, known)
        assert time.process_time() - began < 5


@given(st.lists(st.sampled_from(SLOW), max_size=6), st.integers(1, 2000))
def test_no_mixture_takes_long(parts, times):
    began = time.process_time()
    hide("".join(parts) * times, {})
    assert time.process_time() - began < 5


@given(st.text())
def test_hiding_ends_and_hides_nothing_more_the_second_time(text):
    once = hide(text, pieces([TOKEN]))
    assert hide(once, pieces([TOKEN])) == once


@given(st.uuids(), st.binary(min_size=32, max_size=32), st.integers(0, 10**6))
def test_every_uuid_digest_and_number_stays(identifier, digest, number):
    text = f"flow run {identifier}, {digest.hex()}, {identifier.hex}, run {number}"
    assert hide(text, pieces([TOKEN])) == text
