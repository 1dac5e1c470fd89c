"""Google's own Python client against the real program: unchanged but for the address."""

# ruff: noqa: ANN401 - the client makes its methods at run time

import time
from collections.abc import Iterator
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.e2e.program import Sandbox

PIXEL = "enterprises/sandbox/devices/pixel8-a15-fully-managed"


@pytest.fixture
def devices(sandbox: Sandbox) -> Iterator[Any]:
    """`enterprises().devices()` of Google's client."""
    options = {"api_endpoint": sandbox.url}
    amapi: Any = build("androidmanagement", "v1", credentials=AnonymousCredentials(), client_options=options)  # type: ignore[no-untyped-call]
    with amapi:
        yield amapi.enterprises().devices()


def ended(devices: Any, operation: Any) -> Any:
    """The operation once it is done."""
    until = time.monotonic() + 60
    while not operation.get("done"):
        assert time.monotonic() < until, operation
        time.sleep(0.01)
        operation = devices.operations().get(name=operation["name"]).execute()
    return operation


def test_a_command_is_issued_and_followed_to_its_end(devices: Any) -> None:
    operation = devices.issueCommand(name=PIXEL, body={"type": "LOCK"}).execute()

    done = ended(devices, operation)

    assert "LOCK" == done["metadata"]["type"]
    assert "response" in done


def test_lists_are_walked_page_by_page(devices: Any) -> None:
    names = []
    request = devices.list(parent="enterprises/sandbox", pageSize=4)
    while request is not None:
        page = request.execute()
        names += [device["name"] for device in page.get("devices", [])]
        request = devices.list_next(request, page)

    assert 9 == len(set(names)) == len(names)


def test_an_error_is_googles_error(devices: Any) -> None:
    with pytest.raises(HttpError, match="wipeReason") as caught:
        devices.issueCommand(name=PIXEL, body={"type": "LOCK", "wipeReason": {}}).execute()

    assert 400 == caught.value.resp.status


def test_a_wiped_device_is_gone_and_its_operation_tells_of_it(devices: Any) -> None:
    operation = devices.issueCommand(name=PIXEL, body={"type": "WIPE", "wipeParams": {}}).execute()
    done = ended(devices, operation)

    with pytest.raises(HttpError) as caught:
        devices.get(name=PIXEL).execute()

    assert "response" in done
    assert 404 == caught.value.resp.status
