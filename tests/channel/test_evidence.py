"""Evidence on the wire: bounded, optional, and never worth a lost report."""

import secrets
from typing import Any

import msgspec
import pytest

from heliograph.domain.evidence import EVIDENCE_MAX_BYTES
from heliograph.domain.names import OperationName
from heliograph.service.timeline import get_timeline
from tests.channel.conftest import Connect, Server
from tests.channel.phones import ACK_ID, FACTS, Json, hash_of

STARTED_AGAIN: Json = {"before": {"bootCount": 41}, "after": {"bootCount": 42}}
UNUSABLE: list[Any] = [
    [], 7, "text", {"before": 1}, {"after": {"bootCount": "42"}}, {"after": {"bootCount": -1}}, {"after": {"bootCount": 2**70}},
    {"after": {"iccIds": ["89" * 9] * 65}}, {"after": {"androidId": "a" * 2 * EVIDENCE_MAX_BYTES}},
]  # fmt: skip

pytestmark = pytest.mark.both_ways


async def rebooted(server: Server, connect: Connect, **report: Any) -> str:  # noqa: ANN401 - JSON
    """A REBOOT that a phone reported as done, with this in its report."""
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="REBOOT")
    async with connect(phone_id) as phone:
        await phone.offer()
        await phone.send("acknowledge", operation, ackId=ACK_ID)
        for _ in range(2):  # twice is once
            assert (200, {}) == await phone.send("report", operation, ackId=ACK_ID, seq=1, state="SUCCEEDED", **report)
    return operation


async def timeline(server: Server, operation: str) -> Any:  # noqa: ANN401 - JSON
    """What the server shows of it."""
    return msgspec.json.decode(msgspec.json.encode(await get_timeline(server.parts.ports, OperationName.parse(operation))))


async def test_a_report_s_evidence_is_judged_and_kept(server: Server, connect: Connect) -> None:
    operation = await rebooted(server, connect, evidence={**STARTED_AGAIN, "later": {}})

    shown = await timeline(server, operation)
    assert {"judgement": "OBSERVED", **STARTED_AGAIN} == shown["evidence"]
    assert [("succeeded", ""), ("observed", "bootCount 41 → 42")] == [(e["what"], e.get("detail", "")) for e in shown["entries"][-2:]]


@pytest.mark.parametrize("report", [{}, {"evidence": None}, {"evidence": {}}], ids=["absent", "null", "empty"])
async def test_an_agent_that_gives_no_evidence_is_as_valid_as_before(server: Server, connect: Connect, report: Json) -> None:
    operation = await rebooted(server, connect, **report)

    shown = await timeline(server, operation)
    assert ("succeeded", "succeeded") == (await server.outcome(operation), shown["entries"][-1]["what"])
    assert "evidence" not in shown


@pytest.mark.parametrize("evidence", UNUSABLE, ids=range(len(UNUSABLE)))
async def test_evidence_that_cannot_be_used_is_left_aside_and_the_report_counts(server: Server, connect: Connect, evidence: Any) -> None:  # noqa: ANN401
    operation = await rebooted(server, connect, evidence=evidence)

    shown = await timeline(server, operation)
    assert "succeeded" == await server.outcome(operation)
    assert "evidence left aside" == shown["entries"][-1]["what"]
    assert shown["entries"][-1]["detail"].startswith("evidence ")
    assert "evidence" not in shown


async def test_a_report_after_the_end_brings_no_evidence(server: Server, connect: Connect) -> None:
    """The outcome was another one by then."""
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="REBOOT")
    async with connect(phone_id) as phone:
        await phone.offer()
        await phone.send("acknowledge", operation, ackId=ACK_ID)
        await phone.send("report", operation, ackId=ACK_ID, seq=1, state="FAILED", errorCode="UNKNOWN")

        await phone.send("report", operation, ackId=ACK_ID, seq=2, state="SUCCEEDED", evidence=STARTED_AGAIN)

    shown = await timeline(server, operation)
    assert ("late", False) == (shown["entries"][-1]["what"], "evidence" in shown)


async def wiped(server: Server, connect: Connect, **acknowledge: Any) -> str:  # noqa: ANN401 - JSON
    """A WIPE that a phone acknowledged, with this in its acknowledgement, and carried out."""
    phone_id = await server.enroll()
    operation = await server.issue(phone_id, type="WIPE")
    async with connect(phone_id) as phone:
        await phone.offer()
        await phone.send("acknowledge", operation, ackId=ACK_ID, **acknowledge)
    await server.post("orderCarriedOut", {}, phone_id.credential)
    return operation


async def enrolled_again(server: Server, times: int = 1, **enroll: Any) -> None:  # noqa: ANN401 - JSON
    """A phone of the same serial number enrols; the answer may get lost, and it asks again."""
    body = {
        "enrollmentToken": await server.token(),
        "installationId": secrets.token_hex(8),
        "credentialHash": hash_of(secrets.token_urlsafe(32)),
        "report": FACTS,
        **enroll,
    }
    for _ in range(times):
        assert 200 == (await server.post("enroll", body)).status


@pytest.mark.parametrize("now, says", [("5eed", "observed"), ("f00d", "contradicted")])
async def test_a_wipe_is_judged_by_the_next_enrolment_with_its_serial_number(server: Server, connect: Connect, now: str, says: str) -> None:
    operation = await wiped(server, connect, evidence={"before": {"androidId": "f00d"}})
    assert "NOT_OBSERVED" == (await timeline(server, operation))["evidence"]["judgement"]
    before = await server.operation(operation)

    await enrolled_again(server, 2, evidence={"after": {"androidId": now}})
    await enrolled_again(server, evidence={"after": {"androidId": "0dd"}})

    shown = await timeline(server, operation)
    assert {"judgement": says.upper(), "before": {"androidId": "f00d"}, "after": {"androidId": now}} == shown["evidence"]
    assert [says] == [entry["what"] for entry in shown["entries"] if entry["what"] in {"observed", "contradicted"}]
    assert before == await server.operation(operation)


@pytest.mark.parametrize("evidence", [None, *UNUSABLE, {"after": {}}], ids=range(len(UNUSABLE) + 2))
async def test_a_phone_enrols_whatever_its_evidence_is(server: Server, connect: Connect, evidence: Any) -> None:  # noqa: ANN401
    operation = await wiped(server, connect, evidence={"before": {"androidId": "f00d"}})

    await enrolled_again(server, evidence=evidence)

    assert "NOT_OBSERVED" == (await timeline(server, operation))["evidence"]["judgement"]


@pytest.mark.parametrize("evidence", UNUSABLE, ids=range(len(UNUSABLE)))
async def test_a_phone_acknowledges_whatever_its_evidence_is(server: Server, connect: Connect, evidence: Any) -> None:  # noqa: ANN401
    operation = await wiped(server, connect, evidence=evidence)

    await enrolled_again(server, evidence={"after": {"androidId": "5eed"}})

    assert "succeeded" == await server.outcome(operation)
    assert "evidence" not in await timeline(server, operation)
