"""Stands in for the Python of the endpoints' environment, asked by endpoint_compute.py for what Globus Compute says.

compute.json in the home has what it says: "status", "task", and as "result" what the task came to, or "fails". Without
it an endpoint is online while its daemon.pid is there, and a canary comes back at once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HOME = Path.home()
program, question, *subject = sys.argv[1:]
assert Path(program).name == "endpoint_compute.py"
with (HOME / "asked").open("a") as asked:
    asked.write(" ".join([question, *subject]) + "\n")
said = json.loads((HOME / "compute.json").read_text()) if (HOME / "compute.json").exists() else {}
if "fails" in said:
    sys.exit(f"Traceback (most recent call last):\n{said['fails']}")
there = any(
    (folder.parent / "daemon.pid").exists() and json.loads(folder.read_text())["endpoint_id"] == subject[0]
    for folder in (HOME / ".globus_compute").glob("*/endpoint.json")
)
answers = {
    "status": {"status": said.get("status", "online" if there else "offline")},
    "submit": {"task": said.get("task", "a-task")},
    "result": said.get("result", {"reply": {"rc": 0, "host": "nid001"}}),
}
print(json.dumps(answers[question]))
