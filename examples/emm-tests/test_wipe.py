"""A wipe must reach a phone that is away, must not reach one that came too late, and must be known either way."""

from emm import Emm

from heliograph.testing import Amapi

DAY_S = 86_400


def test_a_phone_that_is_away_is_wiped_when_it_comes_back(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["pixel8"]
    phone.offline()

    ticket = emm.wipe(phone.name)
    amapi.clock.advance(3 * DAY_S)
    phone.online()

    assert emm.refresh(ticket).state == "done"
    phone.executed("WIPE", once=True)
    assert phone.state["factoryResets"] == 1


def test_a_wipe_is_missed_if_the_phone_comes_back_too_late(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["pixel8"]
    phone.offline()

    ticket = emm.wipe(phone.name, within_s=600)
    amapi.clock.advance(603)
    phone.online()

    assert emm.refresh(ticket).state == "missed"
    phone.did_not_execute("WIPE")


def test_a_wipe_is_cancelled_while_the_phone_is_away(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["pixel8"]
    phone.offline()
    ticket = emm.wipe(phone.name)

    emm.cancel(ticket)
    phone.online()

    assert ticket.state == "cancelled"
    phone.did_not_execute("WIPE")


def test_a_wipe_that_happened_cannot_be_cancelled(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["pixel8"]
    ticket = emm.wipe(phone.name)

    emm.cancel(ticket)

    assert ticket.state == "done"
    phone.executed("WIPE", once=True)


def test_a_wiped_phone_is_not_listed_any_more(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["pixel8"]
    was = phone.name

    emm.wipe(was)

    assert was not in [device["name"] for device in emm.devices()]
    assert len(emm.devices()) == len(amapi.phones) - 1


def test_a_wiped_phone_comes_back_as_another_device(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["pixel8"]
    was = phone.name
    emm.wipe(was)

    phone.enroll()

    again = next(device for device in emm.devices() if device["name"] == phone.name)
    assert again["previousDeviceNames"] == [was]
