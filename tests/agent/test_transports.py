"""Both transports carry a command to its end."""

import pytest

from heliograph.agent.runner import TransportKind
from heliograph.agent.transport import Reply
from tests.agent.lab import Lab, executions, shown

KINDS = pytest.mark.parametrize("kind", list(TransportKind), ids=lambda kind: kind.value)


@KINDS
async def test_a_command_reaches_a_phone_and_comes_back(lab: Lab, kind: TransportKind) -> None:
    phone = await lab.phone("pixel8-a15-fully-managed", lab.line(kind=kind))

    operation = await lab.ended(await lab.issue(phone, type="LOCK"))

    assert "response" in shown(operation)
    assert phone.phone.device.locked
    assert executions(phone, operation) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_an_answer_that_says_nothing_of_the_message_is_no_answer_to_it(status: int) -> None:
    assert Reply(status, b"", None).try_again
