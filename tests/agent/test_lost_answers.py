"""Answers get lost on the way to a phone: nothing is executed twice, nothing is forgotten."""

import pytest

from heliograph.agent.executor import Moment
from heliograph.agent.misbehaviour import Misbehaviour
from heliograph.agent.runner import TransportKind
from tests.agent.lab import Lab, Wire, eventually, executions, port_of, shown

PIXEL, COPE = "pixel8-a15-fully-managed", "pixel7-a14-cope"
KINDS = pytest.mark.parametrize("kind", list(TransportKind), ids=lambda kind: kind.value)


class CutAt:
    """A checkpoint at which the wire is armed once: the answer to what the phone sends next gets lost."""

    def __init__(self, wire: Wire, kind: TransportKind, moment: Moment, path: str) -> None:
        self._wire = wire
        # What goes through a WebSocket is masked: there the next frame is meant, whatever it is.
        self._marker = path.encode() if kind is TransportKind.LONG_POLL else b""
        self._moment: Moment | None = moment

    async def __call__(self, moment: Moment, operation: str) -> None:
        """Armed, where this is the moment."""
        if moment is self._moment:
            self._moment = None
            self._wire.cut_next_answer(self._marker)


@KINDS
@pytest.mark.parametrize("moment, path", [(Moment.ACKING, ":acknowledge"), (Moment.RESULT, ":report")])
async def test_a_command_whose_answer_gets_lost_is_executed_once(lab: Lab, kind: TransportKind, moment: Moment, path: str) -> None:
    async with Wire(port_of(lab.url)) as wire:
        phone = await lab.phone(PIXEL, lab.line(wire.url, kind=kind), checkpoint=CutAt(wire, kind, moment, path))

        operation = await lab.ended(await lab.issue(phone, type="LOCK"))
        await eventually(lambda: b"dropped" in lab.journal_of(phone).read_bytes())

        assert "response" in shown(operation)
        assert (1, 1) == (wire.cuts, executions(phone, operation))
        await phone.stop()


@KINDS
@pytest.mark.parametrize("profile, type_name", [(PIXEL, "WIPE"), (COPE, "RELINQUISH_OWNERSHIP")])
async def test_a_lost_answer_loses_no_last_order(lab: Lab, kind: TransportKind, profile: str, type_name: str) -> None:
    """The server has ended the device when the answer to the ack gets lost; the same ackId gets it again."""
    async with Wire(port_of(lab.url)) as wire:
        cut = CutAt(wire, kind, Moment.ACKING, ":acknowledge")
        phone = await lab.phone(profile, lab.line(wire.url, kind=kind), checkpoint=cut)

        operation = await lab.ended(await lab.issue(phone, type=type_name))
        await eventually(lambda: not lab.journal_of(phone).exists() and not phone.name)

        assert "response" in shown(operation)
        assert (1, 1, False) == (wire.cuts, executions(phone, operation), phone.phone.device.managed)
        await phone.stop()


@KINDS
async def test_a_lost_answer_to_the_enrolment_leaves_one_device(lab: Lab, kind: TransportKind) -> None:
    async with Wire(port_of(lab.url)) as wire:
        wire.cut_next_answer(b"/enroll")

        phone = await lab.phone(PIXEL, lab.line(wire.url, kind=kind))

        devices = await lab.ports.store.devices(lab.enterprise, after="", limit=10)
        assert [phone.name] == [str(device.name) for device in devices.items]
        assert 1 == wire.cuts
        await phone.stop()


@pytest.mark.parametrize("heard", [False, True], ids=["before", "after"])
@KINDS
async def test_an_acknowledgement_that_gets_lost_is_sent_again(lab: Lab, kind: TransportKind, heard: bool) -> None:  # noqa: FBT001
    phone = await lab.phone(PIXEL, lab.line(kind=kind))
    phone.mischief.drop_next_ack(heard=heard)

    operation = await lab.ended(await lab.issue(phone, type="LOCK"))

    acknowledgements = [what for what in await lab.story(operation) if what.startswith("acknowledged")]
    assert (["acknowledged", "acknowledged again"] if heard else ["acknowledged"]) == acknowledgements
    assert 1 == executions(phone, operation)


@pytest.mark.parametrize("heard", [False, True], ids=["before", "after"])
@KINDS
async def test_a_report_that_gets_lost_is_sent_again(lab: Lab, kind: TransportKind, heard: bool) -> None:  # noqa: FBT001
    phone = await lab.phone(PIXEL, lab.line(kind=kind))
    phone.mischief.drop_next_report(heard=heard)

    operation = await lab.ended(await lab.issue(phone, type="LOCK"))

    await eventually(lambda: b"dropped" in lab.journal_of(phone).read_bytes())
    assert "late" not in await lab.story(operation)
    assert 1 == executions(phone, operation)


@KINDS
async def test_messages_sent_twice_count_once(lab: Lab, kind: TransportKind) -> None:
    phone = await lab.phone(PIXEL, lab.line(kind=kind), behaviour=Misbehaviour(duplicate=1.0))

    operation = await lab.ended(await lab.issue(phone, type="LOCK"))

    assert "response" in shown(operation)
    assert "late" not in await lab.story(operation)
    assert 1 == executions(phone, operation)
