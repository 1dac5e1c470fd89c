"""The identifier of an eSIM chip is the user's: they are asked, and may take their time."""

from emm import Emm

from heliograph.testing import Amapi


def test_a_user_who_agrees_gives_us_the_eid(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["galaxy-s25"]
    ticket = emm.ask_for_eid(phone.name)

    phone.approve()

    assert emm.refresh(ticket).state == "done"
    assert len(ticket.result["eidInfo"]["eids"][0]["eid"]) == 32


def test_a_user_who_refuses_is_not_asked_again(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["galaxy-s25"]
    ticket = emm.ask_for_eid(phone.name)

    phone.decline()

    assert (emm.refresh(ticket).state, ticket.reason) == ("failed", "USER_DECLINED")
    amapi.requests.sent("issueCommand", times=1)


def test_a_user_who_is_at_lunch_answers_later(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["galaxy-s25"]
    phone.behave(consent="APPROVE", consent_delay=3_600)

    ticket = emm.ask_for_eid(phone.name)
    amapi.clock.advance(3_599)
    before_lunch_ends = emm.refresh(ticket).state
    amapi.operation(ticket.operation).wait()

    assert before_lunch_ends == "waiting"
    assert emm.refresh(ticket).state == "done"


def test_a_user_who_never_answers_is_not_waited_for_for_ever(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["galaxy-s25"]
    phone.behave(consent="IGNORE")

    ticket = emm.ask_for_eid(phone.name, within_s=600)
    amapi.clock.advance(601)

    assert emm.refresh(ticket).state == "missed"
    phone.did_not_execute("REQUEST_DEVICE_INFO")


def test_a_phone_without_an_esim_chip_says_so(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["galaxy-a14"]

    ticket = emm.refresh(emm.ask_for_eid(phone.name))

    assert (ticket.state, ticket.reason) == ("failed", "UNSUPPORTED")
