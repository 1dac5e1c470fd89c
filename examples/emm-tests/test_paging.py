"""A fleet is longer than a page."""

import pytest
from emm import Emm

from heliograph.testing import Amapi

FLEET = [{"profile": "pixel8-a15-fully-managed", "deviceId": f"phone-{number}"} for number in range(250)]


@pytest.mark.amapi(phones=FLEET)
def test_all_pages_are_read(amapi: Amapi, emm: Emm) -> None:
    assert len(emm.devices()) == 250
    assert [request.status for request in amapi.requests.sent("devices.list")] == [200, 200, 200]


@pytest.mark.amapi(phones=FLEET[:150])
def test_a_page_that_fails_is_asked_for_again_and_no_phone_is_there_twice(amapi: Amapi, emm: Emm) -> None:
    amapi.faults.plan(method="enterprises.devices.list", cut="IN_ANSWER", times=1)

    names = [device["name"] for device in emm.devices()]

    assert len(names) == len(set(names)) == 150
