"""What terminals send that is no key, and what they send for keys."""

from __future__ import annotations

ST = b"\x1b\\"

STRINGS = {
    "XTVERSION, libvterm": b"\x1bP>|libvterm(0.3)\x1b\\",
    "XTVERSION, xterm": b"\x1bP>|XTerm(390)\x1b\\",
    "DA3": b"\x1bP!|7E565445\x1b\\",
    "XTGETTCAP, known": b"\x1bP1+r436f=323536\x1b\\",
    "XTGETTCAP, unknown": b"\x1bP0+r524742\x1b\\",
    "DECRQSS": b"\x1bP1$r0;38;5;252m\x1b\\",
    "DECRQPSR": b"\x1bP2$u9/17/25\x1b\\",
    "OSC 4": b"\x1b]4;1;rgb:cdcd/0000/0000\x07",
    "OSC 10": b"\x1b]10;rgb:ffff/ffff/ffff\x07",
    "OSC 11": b"\x1b]11;rgb:0000/0000/0000\x1b\\",
    "OSC 11, bell": b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
    "OSC 52": b"\x1b]52;c;bGF1bmNoIDEyMTcK\x1b\\",
    "title": b"\x1b]llaunch all \xc3\xa9 \xe2\x80\x9c1217\xe2\x80\x9d\x1b\\",
    "icon": b"\x1b]Lcancel\x1b\\",
    "kitty graphics": b"\x1b_Gi=31;OK\x1b\\",
    "private": b"\x1b^launch 1217\x1b\\",
    "start of string": b"\x1bXcrl\rA aq\n\x1b\\",
    "two at once": b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\\x1b]11;rgb:0000/0000/0000\x1b\\",
    "wrapped by tmux": b"\x1bPtmux;\x1b\x1b]11;rgb:0000/0000/0000\x07\x1b\\",
}
ONE_BYTE = {"\x1bP": b"\x90", "\x1b]": b"\x9d", "\x1b_": b"\x9f", "\x1b^": b"\x9e", "\x1bX": b"\x98"}


def in_one_byte(string: bytes) -> bytes:
    """The same string with introducer and end of one byte each."""
    return ONE_BYTE[string[:2].decode()] + string[2:].removesuffix(ST).removesuffix(b"\x07") + b"\x9c"


def encoded(string: bytes) -> bytes:
    """The same with these bytes as characters of UTF-8."""
    short = in_one_byte(string)
    return short[:1].decode("latin-1").encode() + short[1:-1] + "\x9c".encode()


_SIMPLE = {name: string for name, string in STRINGS.items() if name not in ("two at once", "wrapped by tmux")}
STRINGS |= {f"{name}, of one byte": in_one_byte(string) for name, string in _SIMPLE.items()}
STRINGS |= {f"{name}, encoded": encoded(string) for name, string in _SIMPLE.items()}

REPORTS = {
    "DA1": b"\x1b[?62;1;2;4;6;9;15;18;21;22c",
    "DA1, vt100": b"\x1b[?1;2c",
    "DA2": b"\x1b[>41;354;0c",
    "DA1, of one byte": b"\x9b?62;22c",
    "cursor": b"\x1b[12;40R",
    "cursor, extended": b"\x1b[?12;40;1R",
    "status": b"\x1b[0n",
    "printer": b"\x1b[?13n",
    "mode": b"\x1b[?2048;2$y",
    "mode, ANSI": b"\x1b[4;2$y",
    "synchronized": b"\x1b[?2026;2$y",
    "size in characters": b"\x1b[8;40;120t",
    "size in pixels": b"\x1b[4;800;1200t",
    "size in band": b"\x1b[48;40;120;800;1200t",
    "size in band, of a monster": b"\x1b[48;99999;99999;0;0t",
    "kitty keyboard": b"\x1b[?25u",
    "graphics": b"\x1b[?1;0;256S",
    "parameters": b"\x1b[2;1;1;120;120;1;0x",
    "locator": b"\x1b[1;2;10;20;0&w",
    "focus gained": b"\x1b[I",
    "focus lost": b"\x1b[O",
    "mouse": b"\x1b[<0;45;12M\x1b[<0;45;12m",
    "wheel": b"\x1b[<64;108;99M",
    "mouse, urxvt": b"\x1b[32;108;97M",
    "mouse, X10": b"\x1b[M lA",
    "mouse, X10, far out": b"\x1b[M \xc8\xe9",
    "mouse, X10, letters": b"\x1b[Mcrl",
    "colour preference": b"\x1b[?997;1n",
    "a codepoint that is none": b"\x1b[99999999u",
    "a surrogate": b"\x1b[55296u",
    "alternatives that nobody asked for": b"\x1b[99:67;2:1u",
    "no functional key": b"\x1b[99~",
    "no cursor key": b"\x1b[108A",
    "f18, which Textual takes for a space": b"\x1b[32~",
    "keypad, application": b"\x1bOj\x1bOq\x1bOo",
    "a long one": b"\x1b[" + b"1;" * 40 + b"c",
}

KEYS = {
    "up": b"\x1b[A",
    "down, application": b"\x1bOB",
    "f1": b"\x1bOP",
    "f1, Linux console": b"\x1b[[A",
    "f5": b"\x1b[15~",
    "shift+f5": b"\x1b[15;2~",
    "ctrl+right": b"\x1b[1;5C",
    "ctrl+right, rxvt": b"\x1bOc",
    "shift+delete, rxvt": b"\x1b[3$",
    "delete": b"\x1b[3~",
    "home": b"\x1b[H",
    "home, vt": b"\x1b[1~",
    "pagedown": b"\x1b[6~",
    "shift+tab": b"\x1b[Z",
    "up, of one byte": b"\x9bA",
    "l, kitty": b"\x1b[108;;108u",
    "L, kitty": b"\x1b[108;2;76u",
    "enter, kitty": b"\x1b[13u",
    "ctrl+p, kitty": b"\x1b[112;5u",
    "escape, kitty": b"\x1b[27u",
}
