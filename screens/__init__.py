"""What the operator sees: the only package that imports Textual.

Textual reads its environment once, when it is first imported, so what we want of it is said here, before any of our
modules can import it. What the user has set stays.
"""

import os

os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
os.environ.setdefault("ESCDELAY", "250")  # ms; on a slow line the bytes of an arrow key may arrive apart
