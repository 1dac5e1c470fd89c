"""Every method of Google's is known to what a sandbox does with calls: faults, the Retry Test API, the journal, batches."""

import re
import urllib.error
import urllib.request

import pytest

from heliograph.api.method import Method
from heliograph.api.methods import AMAPI_METHODS
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client

EVERY_METHOD = pytest.mark.parametrize("method", AMAPI_METHODS, ids=lambda method: method.id)


def status_of(sandbox: Client, method: Method, body: bytes = b"{}", **headers: str) -> int:
    """The HTTP status of a call of the method; what it names does not exist."""
    data = body if method.http in {"POST", "PATCH"} else None
    url = f"{sandbox.url}/v1/{method.path.replace('*', 'nothing')}"
    request = urllib.request.Request(url, data, headers, method=method.http)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 - our own
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@EVERY_METHOD
def test_a_fault_meets_one_call_of_the_method(sandbox: Client, method: Method) -> None:
    sandbox.post("/sandbox/v1/faults", {"method": method.id, "times": 1, "error": {"code": 503}})

    assert [True, False] == [status_of(sandbox, method) == 503 for _ in range(2)]


@EVERY_METHOD
def test_a_retry_test_fails_a_call_of_the_method(sandbox: Client, method: Method) -> None:
    test = sandbox.post("/retry_test", {"instructions": {method.id: ["return-503"]}})["id"]

    assert 503 == status_of(sandbox, method, **{"x-retry-test-id": test})
    assert sandbox.get(f"/retry_test/{test}")["completed"]


@EVERY_METHOD
def test_the_journal_names_the_method(sandbox: Client, method: Method) -> None:
    status = status_of(sandbox, method)

    last = sandbox.get("/sandbox/v1/requests")["requests"][-1]
    assert (method.id, status) == (last["method"], last["status"])


@EVERY_METHOD
@pytest.mark.parametrize("depth", [700, 900, 950, 5_000])
def test_a_body_that_nests_deeply_is_kept_by_its_length(sandbox: Client, method: Method, depth: int) -> None:
    body = b'{"a":' + b"[" * depth + b"]" * depth + b"}"

    status = status_of(sandbox, method, body)

    last = sandbox.get("/sandbox/v1/requests")["requests"][-1]
    assert 500 != status
    assert (method.id, status) == (last["method"], last["status"])
    assert last.get("requestBody") in {None, f"<{len(body)} bytes that are not JSON>"}


def test_a_batch_answers_a_call_of_every_method_as_one_alone(sandbox: Client) -> None:
    parts = []
    for method in AMAPI_METHODS:
        body = "{}" if method.http in {"POST", "PATCH"} else ""
        head = f"{method.http} /v1/{method.path.replace('*', 'nothing')} HTTP/1.1\r\nContent-Type: application/json"
        parts.append(f"--part\r\nContent-Type: application/http\r\n\r\n{head}\r\n\r\n{body}\r\n")
    batch = "".join([*parts, "--part--\r\n"]).encode()

    request = urllib.request.Request(f"{sandbox.url}/batch", batch, {"Content-Type": "multipart/mixed; boundary=part"})  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 - our own
        statuses = [int(status) for status in re.findall(r"^HTTP/1.1 (\d+)", answer.read().decode(), re.MULTILINE)]

    assert [status_of(sandbox, method) for method in AMAPI_METHODS] == statuses
