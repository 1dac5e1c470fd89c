"""Dead letters over HTTP, and by `heliograph notifications`."""

import base64
from pathlib import Path

from heliograph.domain.notification import Notification
from heliograph.service.dead_letters import give_up
from heliograph.service.outbox import OutboxMessage, Publish
from heliograph.service.ports import Decision, Sees
from tests.api.live import Live
from tests.e2e.program import Sandbox

DATA = b'{"name":"n"}'


def buried(live: Live, device: str) -> tuple[str, OutboxMessage]:
    """The enterprise, and a message of it that was given up."""
    enterprise = device.split("/")[1]
    publish = Publish(Notification(notification_type="COMMAND", data=DATA), "projects/p/topics/t", enterprise)

    async def bury() -> OutboxMessage:
        store = live.ports.store
        await store.decide(Sees(), lambda _: Decision(None, (publish,)))
        (message,) = await store.oldest_messages(enterprise, limit=2)
        await give_up(live.ports, enterprise, (message,), "nobody there")
        return message

    return enterprise, live.run(bury())


def test_what_was_given_up_is_listed_and_sent_again(live: Live, device: str) -> None:
    enterprise, message = buried(live, device)
    letters = f"/heliograph/v1/enterprises/{enterprise}/deadLetters"

    (letter,) = live.call("GET", letters).json["deadLetters"]
    none = live.call("GET", f"{letters}?endTime=2001-01-01T00:00:00Z").json
    resent = live.post(f"{letters}:resend", {"startTime": letter["publishTime"]}).json

    assert (f"enterprises/{enterprise}/deadLetters/{message.message_id}", "nobody there", DATA) == (
        letter["name"], letter["reason"], base64.b64decode(letter["data"]),
    )  # fmt: skip
    assert ({}, {"resentCount": 1}, {}) == (none, resent, live.call("GET", letters).json)
    (back,) = live.run(live.ports.store.oldest_messages(enterprise, limit=2))
    assert message.message_id == back.message_id


def test_one_is_sent_again_or_discarded_by_its_name_and_nothing_by_accident(live: Live, device: str) -> None:
    enterprise, message = buried(live, device)
    _, other = buried(live, device)
    letters = f"/heliograph/v1/enterprises/{enterprise}/deadLetters"
    name, other_name = (f"enterprises/{enterprise}/deadLetters/{one.message_id}" for one in (message, other))

    resent = live.post(f"{letters}:resend", {"names": [name]}).json
    everything = live.post(f"{letters}:discard", {})
    foreign = live.post(f"{letters}:discard", {"names": ["enterprises/LC0other/deadLetters/1"]})
    both = live.post(f"{letters}:discard", {"names": [other_name], "endTime": "2001-01-01T00:00:00Z"})
    discarded = live.post(f"{letters}:discard", {"names": [other_name]}).json

    assert ({"resentCount": 1}, {"discardedCount": 1}) == (resent, discarded)
    assert [400, 400, 400] == [everything.status, foreign.status, both.status]
    assert "names[0] must have the form" in foreign.message
    assert {} == live.call("GET", letters).json


def test_a_time_that_is_none_and_an_unknown_enterprise_are_refused(live: Live, device: str) -> None:
    enterprise = device.split("/")[1]

    wrong = live.call("GET", f"/heliograph/v1/enterprises/{enterprise}/deadLetters?startTime=yesterday")
    unknown = live.call("GET", "/heliograph/v1/enterprises/LC0unknown/deadLetters")

    assert (400, 403) == (wrong.status, unknown.status)
    assert "start_time" in wrong.message


def test_metrics_count_the_destinations_that_rest(live: Live) -> None:
    now_us = live.ports.clock.now_us()
    live.ports.publishing.resting_until_us.update(rests=now_us + 60_000_000, rested=now_us - 1)

    shown = live.call("GET", "/metrics").body
    live.ports.publishing.resting_until_us.clear()

    assert b"heliograph_notification_destinations_resting 1.0" in shown.splitlines()


def test_the_command_line_lists_and_resends_them(live: Live, device: str) -> None:
    enterprise, message = buried(live, device)
    sandbox = Sandbox(live.url, Path(), Path())
    where = ("--enterprise", enterprise)

    listed = sandbox.run("notifications", "list-dead", *where)
    resent = sandbox.run("notifications", "resend", *where)
    empty = sandbox.run("notifications", "list-dead", *where)

    assert str(message.message_id) in listed.stdout
    assert ("1 notification will be sent again.\n", "No dead letters.\n") == (resent.stdout, empty.stdout)
