"""Would the message have shown you what to do? Every body that people really send, against the answer over the wire."""

import pytest
from structlog.testing import capture_logs

from scripts.wrong_bodies import HABITS
from tests.api.live import Live

pytestmark = pytest.mark.both_ways

ROWS = [(body, advice) for habit in HABITS for body, advice in habit.bodies.items()]
SECRETS = ("hunter2", "735512")


@pytest.mark.parametrize("body, advice", ROWS, ids=[row[0][:70] or "nothing" for row in ROWS])
def test_a_wrong_body_is_answered_with_what_to_do_instead(live: Live, patient: str, body: str, advice: str) -> None:
    with capture_logs() as logs:
        answer = live.call("POST", f"/v1/{patient}:issueCommand", body.encode(), content_type="application/json")

    assert (400, "INVALID_ARGUMENT") == (answer.status, answer.json["error"]["status"])
    assert any(line.endswith(advice) for line in answer.message.split("\n")), answer.message
    assert not [secret for secret in SECRETS if secret in answer.body.decode() + str(logs)]


@pytest.fixture(scope="module")
def patient(live: Live) -> str:
    """A device that none of this reaches."""
    return live.device(live.enterprise())


def test_none_of_them_has_become_a_command(live: Live, patient: str) -> None:
    for body, _advice in ROWS:
        live.call("POST", f"/v1/{patient}:issueCommand", body.encode())

    assert {} == live.call("GET", f"/v1/{patient}/operations").json
