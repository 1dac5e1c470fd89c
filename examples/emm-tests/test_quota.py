"""Google lets a project send so many requests in a minute, and no more."""

import pytest
from emm import Emm

from heliograph.testing import Amapi

FLEET = [{"profile": "pixel8-a15-fully-managed", "deviceId": f"phone-{number}"} for number in range(30)]


@pytest.mark.amapi(phones=FLEET, quota=10)
def test_a_whole_fleet_is_locked_within_the_quota(amapi: Amapi, emm: Emm) -> None:
    tickets = emm.lock_all()

    assert len(tickets) == 30
    for phone in amapi.phones.values():
        phone.executed("LOCK", once=True)
    quota = amapi.quota()
    assert quota["refused"] > 0
    assert quota["givenUp"] == []
