# ruff: noqa: UP006, UP035
"""Three questions to Globus Compute, asked with the Python of the endpoints' environment, which has SDK and login.

    ENVIRONMENT/bin/python endpoint_compute.py status ENDPOINT
    ENVIRONMENT/bin/python endpoint_compute.py submit ENDPOINT FUNCTION ARGUMENT
    ENVIRONMENT/bin/python endpoint_compute.py result TASK

The answer is the last line on stdout, as JSON: {"status"}, {"task"}, and {"reply"}, {"exception"} or {"pending": true}.
"""

import json
import sys
from typing import Any, Dict, List


def main(words: List[str]) -> int:
    from globus_compute_sdk import Client

    print(json.dumps(answer(Client(), words), default=str))
    return 0


def answer(client: Any, words: List[str]) -> Dict[str, Any]:
    """`client` is one of globus_compute_sdk."""
    from globus_compute_sdk.errors import TaskExecutionFailed

    question, subject, *others = words
    if question == "status":
        return {"status": client.get_endpoint_status(subject).get("status")}
    if question == "submit":
        function, argument = others
        return {"task": client.run(argument, endpoint_id=subject, function_id=function)}
    try:
        task = client.get_task(subject)
    except TaskExecutionFailed as failed:
        return {"exception": failed.remote_data}
    return {"pending": True} if task.get("pending") else {"reply": task.get("result")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
