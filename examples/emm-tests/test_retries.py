"""The network and the API fail. No command may be lost, and none may be done twice."""

import pytest
from emm import ATTEMPTS, Emm, GaveUp
from googleapiclient.errors import HttpError

from heliograph.testing import Amapi

ISSUE = "enterprises.devices.issueCommand"


def test_two_503_are_one_lock(amapi: Amapi, emm: Emm) -> None:
    amapi.faults.plan(method=ISSUE, error=503, times=2)
    phone = amapi.phones["pixel8"]

    emm.lock(phone.name)

    phone.executed("LOCK", once=True)
    amapi.requests.sent("issueCommand", times=3)


def test_a_429_is_waited_for_as_long_as_it_says(amapi: Amapi, emm: Emm) -> None:
    amapi.faults.plan(method=ISSUE, error={"code": 429, "retryAfter": "37s"}, times=1)
    phone = amapi.phones["pixel8"]
    began = amapi.clock.now

    emm.lock(phone.name)

    assert (amapi.clock.now - began).total_seconds() == 37
    phone.executed("LOCK", once=True)


def test_a_lost_answer_does_not_reset_the_password_twice(amapi: Amapi, emm: Emm) -> None:
    amapi.faults.plan(method=ISSUE, cut="AFTER_EFFECT", times=1)
    phone = amapi.phones["pixel8"]

    emm.reset_password(phone.name, "871204")

    phone.executed("RESET_PASSWORD", once=True)
    first, second = amapi.requests.sent("issueCommand", times=2)
    assert first.status == 0
    assert second.status == 200


def test_a_connection_that_breaks_before_anything_was_done_is_tried_again(amapi: Amapi, emm: Emm) -> None:
    amapi.faults.plan(method=ISSUE, cut="BEFORE_EFFECT", times=1)
    phone = amapi.phones["pixel8"]

    emm.lock(phone.name)

    phone.executed("LOCK", once=True)


def test_the_page_of_a_load_balancer_is_an_answer_like_any_503(amapi: Amapi, emm: Emm) -> None:
    amapi.faults.plan(method=ISSUE, html=502, times=1)
    phone = amapi.phones["pixel8"]

    emm.lock(phone.name)

    phone.executed("LOCK", once=True)


def test_who_never_gets_through_says_so(amapi: Amapi, emm: Emm) -> None:
    amapi.faults.plan(method=ISSUE, error=503)

    with pytest.raises(GaveUp, match="issueCommand: tried 5 times, the last time HTTP 503"):
        emm.lock(amapi.phones["pixel8"].name)

    amapi.requests.sent("issueCommand", status=503, times=ATTEMPTS)


def test_a_mistake_of_ours_is_not_repeated(amapi: Amapi, emm: Emm) -> None:
    with pytest.raises(HttpError, match="404"):
        emm.lock(f"{amapi.enterprise}/devices/nobodys")

    amapi.requests.sent("issueCommand", times=1)


def test_a_phone_that_dies_in_the_middle_does_not_know_and_we_say_so(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["pixel8"]
    amapi.faults.plan(phone=phone.id, crash="EXECUTED")

    ticket = emm.lock(phone.name)
    amapi.operation(ticket.operation).wait()

    assert (emm.refresh(ticket).state, ticket.reason) == ("failed", "UNKNOWN")
