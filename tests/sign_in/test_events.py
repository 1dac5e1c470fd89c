"""Who may read an enterprise's events: as who may get the enterprise."""

import contextlib
import http.client

import google.auth.transport.requests
import pytest

from heliograph.domain.access import Role
from heliograph.domain.enterprise import Enterprise
from heliograph.protojson.errors import AlreadyExists
from heliograph.service.enterprises import create_enterprise
from tests.sign_in.conftest import Guarded
from tests.sign_in.google_credentials import credentials_of
from tests.sign_in.key_pairs import key_pair


def status_of(guarded: Guarded, headers: dict[str, str]) -> int:
    """The status of the answer, which may go on."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", guarded.port, timeout=90)) as connection:
        connection.request("GET", "/heliograph/v1/enterprises/acme/events", headers=headers)
        return connection.getresponse().status


@pytest.fixture(scope="module")
def both(guarded: Guarded) -> Guarded:
    """The server, with two enterprises."""
    for enterprise in ("acme", "other"):
        with contextlib.suppress(AlreadyExists):
            guarded.run(create_enterprise(guarded.ports, Enterprise(), enterprise_id=enterprise))
    return guarded


@pytest.mark.parametrize("enterprises, status", [(["acme"], 200), (["*"], 200), (["other"], 403)])
def test_a_viewer_of_the_enterprise_reads_its_events_and_no_one_else_does(both: Guarded, enterprises: list[str], status: int) -> None:
    credentials = credentials_of(both.key_file(enterprises, Role.VIEWER, pair=key_pair(3)))
    credentials.refresh(google.auth.transport.requests.Request())

    for accept in ("application/json", "application/jsonl", "text/event-stream"):
        answers = [
            status_of(both, {"Accept": accept, **authorization})
            for authorization in ({"Authorization": f"Bearer {credentials.token}"}, {"Authorization": "Bearer wrong"}, {})
        ]
        assert [status, 401, 401] == answers
