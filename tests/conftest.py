"""What holds for all tests: directories that they make are as on most machines, whatever the umask of who runs them."""

from __future__ import annotations

import os

os.umask(0o022)  # with 002 the console would refuse them: others, the group, might write there
