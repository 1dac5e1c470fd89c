"""Heliograph's own addition: what happened to an operation, and why it does not go on."""

import pytest

from tests.api.live import Live


@pytest.mark.both_ways
def test_a_timeline_tells_every_change_with_its_time_and_why_it_waits(live: Live, device: str) -> None:
    name = live.post(f"/v1/{device}:issueCommand", {"type": "LOCK"}).json["name"]

    waiting = live.call("GET", f"/heliograph/v1/{name}/timeline").json
    live.call("POST", f"/v1/{name}:cancel")
    cancelled = live.call("GET", f"/heliograph/v1/{name}/timeline").json

    assert (name, "QUEUED", ["issued"]) == (waiting["name"], waiting["state"], [entry["what"] for entry in waiting["entries"]])
    assert waiting["whyStuck"].startswith("The device is not connected")
    assert ("CANCELLED", ["issued", "cancelled"]) == (cancelled["state"], [entry["what"] for entry in cancelled["entries"]])
    assert "whyStuck" not in cancelled


def test_a_timeline_of_nothing_is_404_in_googles_form(live: Live, device: str) -> None:
    answer = live.call("GET", f"/heliograph/v1/{device}/operations/1/timeline")

    assert (404, "Operation not found. Choose a valid operation id") == (answer.status, answer.message)
