"""Credentials in text from outside: what the process knows as one, what is labelled as one, what looks like one.

The rule, for whoever has to read an id:

- a known secret goes wherever it stands, also in pieces of 12 characters or more, percent-encoded, escaped, as base64
  or hex, in quotes, broken over lines;
- what follows a label goes: `Bearer ...`, `token=...`, `"client_secret": "..."`, the user part of an address, a key in
  PEM;
- a long word goes when letters and digits alternate as at random: 20 characters or more of capitals, small letters and
  digits, or 32 or more of two of these kinds.

Ids that people need stay: UUIDs, and words of hex digits in one case, as sha256 digests and tags have them; unless a
label says that they are a secret. Names, paths and words stay: they change between letters, capitals and digits too
seldom.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping

HIDDEN = "***"
_PIECE = 12  # letters and digits of a known secret, in a row, that are not shown
_LEAST = 8  # what has fewer could not be told from a word

Pieces = Mapping[int, frozenset[str]]
"""What gives known secrets away: by length, the pieces that must not be shown, as `_plain` writes them."""

# What stands in these patterns without a limit begins where nothing else can: a text that is made to make them slow
# must not hold the driver.

# One character as it may be written: percent-encoded (also twice), escaped, as an entity, or as it is.
_UNIT = re.compile(
    r"%(?:25)*(?P<percent>[0-9A-Fa-f]{2})|\\{1,8}(?:u00|x)(?P<escape>[0-9A-Fa-f]{2})|&#x(?P<entity>[0-9A-Fa-f]{2});"
    r"|(?P<none>\\{1,8}[bfnrt]|&[a-z]{2,5};)|(?P<plain>[A-Za-z0-9])"
)
_NEIGHBOURS = re.compile(r"[A-Za-z0-9_%-]")

_USER = re.compile(r"(?<=://)[^\s/?#@\"']+(?=@)")
_KEY = re.compile(r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,20}PRIVATE KEY-----|$)", re.DOTALL)
_LABEL = re.compile(
    r"""(?ix)
    (?P<label>
        (?: secret | passw(?:or)?d | passphrase ) [\w-]{0,20}
      | (?: token | authorization | cookie | credential | api[_-]?key | assertion | signature | session[_-]?id
                   | auth(?:orization)?[_-]?code | verifier ) (?: s | [_-]?value | [_-]?id )?
      | (?<=[?&]) (?: code | state | sig | key )
    )
    (?P<between> (?:["'\\]|%22|&quot;){0,9} \s{0,9} (?: => | [=:,] | %3A | %3D ) \s{0,9} (?:b(?=["']))?
                 (?:["'\\\[(]|%22|&quot;){0,9} )
    (?P<scheme> (?: bearer | basic | negotiate ) (?:\s|%20|\+){1,9} )?
    (?P<value> [^\s"',;&\\)\]}]+ )
    """
)
_SCHEME = re.compile(
    r"(?i)\b(?P<scheme>bearer|basic|negotiate)(?P<between>(?:\s|%20|\\n|\+|[:=,'\"]){1,9})(?P<value>[^\s\"',;&\\)\]}]+)"
)
_WORDS = re.compile(r"[A-Z]?[a-z]*(?:[-_.:/][A-Z]?[a-z]*)*|[A-Z_]+|\d{1,6}|\*+")  # not as credentials are
_STRICT = re.compile(r"(?i)secret|passw|passphrase")

_WORD = re.compile(r"[A-Za-z0-9_+/.~%-]{20,}={0,2}")
_ATOM = re.compile(r"[A-Za-z0-9_-]+")
_ID = re.compile(
    r"(?<![A-Za-z0-9])[0-9A-Fa-f]{8}([-_]?)[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{4}\1[0-9A-Fa-f]{12}(?![A-Za-z0-9])"
    r"|(?<![A-Za-z0-9])(?:[0-9a-f]+|[0-9A-F]+)(?![A-Za-z0-9])"
)
_has_capitals, _has_small, _has_digits = (re.compile(kind).search for kind in ("[A-Z]", "[a-z]", "[0-9]"))
_CHANGE = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[a-z0-9])|(?<=[0-9])(?=[A-Za-z])")


def pieces(secrets: Iterable[str]) -> Pieces:
    """What must not be shown of these secrets. One of less than 8 letters and digits is not looked for."""
    found: dict[int, set[str]] = {}
    for secret in secrets:
        for form in _forms(secret):
            plain = "".join(character for character, _, _ in _plain(form))
            if len(plain) >= _LEAST:
                size = min(_PIECE, len(plain))
                found.setdefault(size, set()).update(plain[i : i + size] for i in range(len(plain) - size + 1))
    return {size: frozenset(some) for size, some in found.items()}


def _forms(secret: str) -> list[str]:
    raw = secret.encode(errors="replace")
    forms = [secret, raw.hex()]
    for before, lost in ((0, 0), (1, 2), (2, 3)):  # base64 looks different by what stands before
        packed = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        forms.append(packed[lost : -1 if (before + len(raw)) % 3 else None])
    return forms


def _plain(text: str) -> list[tuple[str, int, int]]:
    """The letters and digits of a text in one case, whatever stands between them, with the places where they stand."""
    found = []
    for unit in _UNIT.finditer(text):
        code = unit["percent"] or unit["escape"] or unit["entity"]
        character = chr(int(code, 16)) if code else unit["plain"] or ""
        if character.isascii() and character.isalnum():
            found.append((character.lower(), *unit.span()))
    return found


def hide(text: str, known: Pieces) -> str:
    """The text without the known secrets, what is labelled as a secret, and what looks like one."""
    return _hide_opaque(_hide_labelled(hide_known(text, known)))


def hide_known(text: str, known: Pieces) -> str:
    """The text without the known secrets."""
    if not known:
        return text
    units = _plain(text)
    plain = "".join(character for character, _, _ in units)
    shown = bytearray(b"\1") * len(plain)
    for size, some in known.items():
        for start in range(len(plain) - size + 1):
            if plain[start : start + size] in some:
                shown[start : start + size] = bytes(size)
    if all(shown):
        return text
    kept, done, place = [], 0, 0
    while place < len(units):
        if shown[place]:
            place += 1
            continue
        last = place
        while last + 1 < len(units) and not shown[last + 1]:
            last += 1
        begin, end = units[place][1], units[last][2]
        while begin > done and _NEIGHBOURS.match(text, begin - 1):
            begin -= 1
        while end < len(text) and _NEIGHBOURS.match(text, end):
            end += 1
        kept += [text[done:begin], HIDDEN] if begin >= done else []
        done, place = max(done, end), last + 1
    return "".join([*kept, text[done:]])


def _hide_labelled(text: str) -> str:
    text = _KEY.sub(HIDDEN, text)
    text = _USER.sub(HIDDEN, text)
    text = _LABEL.sub(_without_value, text)
    return _SCHEME.sub(_without_value, text)


def _without_value(found: re.Match[str]) -> str:
    named = found.groupdict()
    certain = "=" in found["between"] or '"' in found["between"] or _STRICT.search(named.get("label") or "")
    if not certain and _WORDS.fullmatch(found["value"]):
        return found[0]  # `token: expired`, `bearer of`
    return found[0][: found.start("value") - found.start()] + HIDDEN


def _hide_opaque(text: str) -> str:
    return _WORD.sub(_without_opaque, text)


def _without_opaque(found: re.Match[str]) -> str:
    word = found[0]
    atoms = list(_ATOM.finditer(word))
    random = [_looks_random(atom[0]) for atom in atoms]
    if not any(random):
        return word
    # What stands around it between / + . belongs to it when it looks alike.
    part = [sure or _changes(_runs(atom[0], 4)) >= 0.25 for sure, atom in zip(random, atoms, strict=True)]
    first = random.index(True)
    while first > 0 and part[first - 1]:
        first -= 1
    last = max(place for place, belongs in enumerate(part) if belongs)
    end = len(word) if last + 1 == len(atoms) else atoms[last].end()
    return word[: atoms[first].start()] + HIDDEN + word[end:]


def _looks_random(atom: str) -> bool:
    runs = _runs(_ID.sub(" ", atom), 8)
    length = sum(map(len, runs))
    kinds = [any(map(kind, runs)) for kind in (_has_capitals, _has_small, _has_digits)]
    if all(kinds):
        return length >= 20 and _changes(runs) >= 0.35
    return sum(kinds) == 2 and length >= 32 and _changes(runs) >= (0.25 if kinds[2] else 0.4)


def _runs(text: str, least: int) -> list[str]:
    """The runs of letters and digits that are not short: `run-1217_00` has none of 8."""
    return re.findall(f"[A-Za-z0-9]{{{least},}}", text)


def _changes(runs: list[str]) -> float:
    """How often the kind of character changes, per character."""
    length = sum(map(len, runs))
    return sum(len(_CHANGE.findall(run)) for run in runs) / length if length else 0.0
