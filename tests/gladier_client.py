"""A client of gladier as people write them, sent to a sandbox: run by tests in the environment that has gladier.

python gladier_client.py SANDBOX_URL ENDPOINT_ID NUMBER...
"""

import json
import sys

from gladier import GladierBaseClient, GladierBaseTool, generate_flow_definition
from gladier.managers.compute_manager import ComputeManager
from globus_compute_sdk import Client


def add_up(numbers, **data):
    """Adds numbers."""
    import os

    if not numbers:
        raise ValueError("nothing to add")
    return {"sum": sum(numbers), "worker": bool(os.environ.get("FRIB_PYTHON"))}


@generate_flow_definition
class AddUp(GladierBaseTool):
    flow_input = {}
    required_input = ["numbers", "compute_endpoint"]
    compute_functions = [add_up]


@generate_flow_definition
class Adding(GladierBaseClient):
    gladier_tools = [AddUp]


class SandboxCompute(ComputeManager):
    """The client of Compute reads no variable: the address of Compute is set in it."""

    def __init__(self, url):
        super().__init__()
        self._url = url

    @property
    def compute_client(self):
        authorizer = self.login_manager.get_manager_authorizers()[Client.FUNCX_SCOPE]
        strategy = self.get_serialization_strategy()
        client = Client(authorizer=authorizer, do_version_check=False, code_serialization_strategy=strategy)
        web = client._compute_web_client
        client.web_service_address = web.v2.base_url = web.v3.base_url = self._url
        return client


def main(url, endpoint, *numbers):
    client = Adding(compute_manager=SandboxCompute(url))
    body = {"input": {"numbers": [int(number) for number in numbers], "compute_endpoint": endpoint}}
    run = client.run_flow(flow_input=body, label="of gladier")
    seen = []
    client.progress(run["run_id"], callback=lambda status: seen.append(status["status"]), delay=0.1)
    ended = client.get_status(run["run_id"])
    print(
        json.dumps({"flow": client.get_flow_id(), "run": ended, "details": client.get_details(run["run_id"], "AddUp")})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
