"""Google's Python client tries again by itself what was answered with 503."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httplib2
import pytest
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.clients.stumbling_relay import Stumble, relaying
from tests.clients.walk import ENTERPRISE, MOTO
from tests.patience import PATIENCE_S

LOCK = {"type": "LOCK"}


@contextlib.contextmanager
def devices_by_way_of(url: str) -> Iterator[Any]:
    """`enterprises().devices()`; the client makes its classes at run time."""
    with contextlib.closing(httplib2.Http(timeout=PATIENCE_S)) as http:
        yield build("androidmanagement", "v1", http=http, client_options={"api_endpoint": url}).enterprises().devices()


def issued(devices: Any) -> list[str]:  # noqa: ANN401 - the client makes its classes at run time
    """The names of the phone's operations."""
    answer = devices.operations().list(name=f"{ENTERPRISE}/devices/{MOTO}/operations").execute()
    return [operation["name"] for operation in answer.get("operations", [])]


def test_a_command_that_was_not_heard_is_issued_at_the_second_try(sandbox_url: str) -> None:
    with relaying(sandbox_url, Stumble.BEFORE) as relay, devices_by_way_of(relay.url) as devices:
        operation = devices.issueCommand(name=f"{ENTERPRISE}/devices/{MOTO}", body=LOCK).execute(num_retries=1)

        assert [operation["name"]] == issued(devices)


def test_a_command_whose_answer_was_lost_is_issued_once_if_it_names_itself(sandbox_url: str) -> None:
    with relaying(sandbox_url, Stumble.AFTER) as relay, devices_by_way_of(relay.url) as devices:
        request = devices.issueCommand(name=f"{ENTERPRISE}/devices/{MOTO}", body=LOCK)
        request.headers["Idempotency-Key"] = "lock-for-ticket-4711"

        operation = request.execute(num_retries=1)

        assert [operation["name"]] == issued(devices)


def test_what_will_not_go_better_is_not_tried_again(sandbox_url: str) -> None:
    with devices_by_way_of(sandbox_url) as devices, pytest.raises(HttpError) as error:
        devices.issueCommand(name=f"{ENTERPRISE}/devices/{MOTO}", body={"type": "CLEAR_APP_DATA"}).execute(num_retries=5)

    assert 400 == error.value.status_code
