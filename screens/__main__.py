"""The `console` script: the headless commands of `console.cli.parser`, and the screen, which alone imports Textual."""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    from console.cli import parser

    return parser.main(open_screen=open_screen)


def open_screen(options: argparse.Namespace) -> int:
    import gc

    gc.disable()  # until the first paint: most of what is made before that is modules, which stay
    from screens.start import start

    return start(options)


if __name__ == "__main__":
    sys.exit(main())
