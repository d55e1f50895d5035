"""`python -m console`: the commands without the screen (the `console` script adds it)."""

import sys

from console.cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
