"""An interrupted command is not taken for carried out because the phone was so before (found by tests/torture)."""

import msgspec
import pytest

from heliograph.agent.executor import Moment
from heliograph.agent.misbehaviour import Misbehaviour
from heliograph.domain.phone.virtual_device import LostMode
from tests.agent.lab import KillAt, Lab, shown

PIXEL = "pixel8-a15-fully-managed"
AT_ONCE = Misbehaviour(restart_s=0.0)


@pytest.mark.parametrize("moment", [Moment.EXECUTING, Moment.EXECUTED])
async def test_a_removal_of_an_absent_esim_is_no_success_after_a_crash(lab: Lab, moment: Moment) -> None:
    """It failed, or did not begin: the profile's not being there says nothing about it."""
    phone = await lab.phone(PIXEL, behaviour=AT_ONCE, checkpoint=KillAt(moment))

    issued = await lab.issue(phone, type="REMOVE_ESIM", removeEsimParams={"iccId": "8999000000000000077"})
    operation = await lab.ended(issued)

    assert "UNKNOWN" == shown(operation)["metadata"].get("errorCode")


async def test_a_start_of_lost_mode_is_not_told_from_the_one_before(lab: Lab) -> None:
    phone = await lab.phone(PIXEL, behaviour=AT_ONCE, checkpoint=KillAt(Moment.EXECUTING))
    phone.phone.become(msgspec.structs.replace(phone.phone.device, lost_mode=LostMode(since_us=1)))

    issued = await lab.issue(phone, type="START_LOST_MODE", startLostModeParams={"lostEmailAddress": "help@example.com"})
    operation = await lab.ended(issued)

    assert "UNKNOWN" == shown(operation)["metadata"].get("errorCode")
