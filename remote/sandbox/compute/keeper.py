"""Keeps a daemon as long as our stdin is open: `python -m remote.sandbox.compute.keeper [TAKE-BACK...] -- COMMAND...`.

When stdin ends, as whoever started us has ended or died, the daemon is killed. When it has ended, however it did, the
first command, if any, takes back what runs and waits in a batch system, and all that it has started is killed, in
whatever session it is, with what has our mark (`processes.py`) in blocks on this machine. We end with its return code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from remote.sandbox.compute.processes import MARK, adopt_orphans, kill_descendants, kill_marked


def main() -> int:
    separator = sys.argv.index("--")
    take_back, command = sys.argv[1:separator], sys.argv[separator + 1 :]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # ours is not the site's
    adopt_orphans()
    daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
    threading.Thread(target=_watch_stdin, args=(daemon,), daemon=True).start()
    code = daemon.wait()
    if take_back:
        subprocess.run(take_back, stdout=sys.stderr, check=False)
    kill_descendants()
    kill_marked(os.environ[MARK], os.getpgrp())
    return 128 - code if code < 0 else code


def _watch_stdin(daemon: subprocess.Popen[bytes]) -> None:
    try:
        while os.read(0, 4096):
            pass
    finally:
        daemon.kill()


if __name__ == "__main__":
    sys.exit(main())
