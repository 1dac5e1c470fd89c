"""What a server refused and did not begin, the command line sends again for a while: a store that stands still ends no script."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from heliograph.cli.api_client import ApiClient
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from tests.e2e.program import Sandbox
from tests.http_server import QuietHandler, serving

PIXEL = "pixel8-a15-fully-managed"
ISSUE = "enterprises.devices.issueCommand"


def planned(sandbox: Sandbox, reason: str, *, times: int) -> Callable[[], int]:
    """The next commands are refused for this reason; how often that has happened."""
    error = {"code": 503, "message": "Try again.", "reason": reason, "retryAfter": "1s"}
    name = sandbox.call("POST", "/sandbox/v1/faults", {"method": ISSUE, "times": times, "error": error})["name"]
    return lambda: int(sandbox.steer("GET", f"/{name}")["met"])


@pytest.mark.parametrize("reason", ["OVERLOADED", "CROWDED"])
def test_a_command_is_issued_once_the_server_takes_it(sandbox: Sandbox, reason: str) -> None:
    met = planned(sandbox, reason, times=1)

    issued = sandbox.run("issue", PIXEL, "LOCK", "--json")

    assert (0, "") == (issued.returncode, issued.stderr)
    listed = json.loads(sandbox.run("operations", "list", PIXEL, "--json").stdout)
    assert [json.loads(issued.stdout)["name"]] == [one["name"] for one in listed["operations"]]
    assert 1 == met()


def test_what_may_have_been_done_is_not_sent_again(sandbox: Sandbox) -> None:
    met = planned(sandbox, "OUTCOME_UNKNOWN", times=2)

    issued = sandbox.run("issue", PIXEL, "LOCK")

    assert (ExitCode.UNAVAILABLE, 1) == (issued.returncode, met())


def test_after_its_time_a_server_that_stays_overloaded_is_given_up_with_its_own_words() -> None:
    asked = []

    class Refusing(QuietHandler, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            said = json.dumps(
                {"error": {"code": 503, "message": "Too many.", "status": "UNAVAILABLE", "details": [{"reason": "OVERLOADED"}]}}
            )
            self.send_response(503)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said.encode())

    with serving(Refusing) as url, pytest.raises(Failure, match="Too many") as failed:
        ApiClient(url, again_for_s=0).get("/v1/enterprises")

    assert ExitCode.UNAVAILABLE == failed.value.exit_code
    assert ["/v1/enterprises"] == asked
