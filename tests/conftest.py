"""What holds for all tests: directories that they make are as on most machines, whatever the umask of who runs them,
and no example has to be done in a fifth of a second, which a busy machine does not keep."""

from __future__ import annotations

import os

from hypothesis import settings

os.umask(0o022)  # with 002 the console would refuse them: others, the group, might write there
settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")
