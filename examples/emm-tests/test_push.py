"""Pub/Sub delivers at least once, in no order, and sometimes nothing that one can read."""

from emm import Emm

from heliograph.testing import Amapi


def test_a_notification_closes_its_ticket(amapi: Amapi, emm: Emm, pushes: list[str]) -> None:
    ticket = emm.lock(amapi.phones["pixel8"].name)

    amapi.notifications.published("COMMAND", times=1)

    assert ticket.state == "done"
    assert len(pushes) == 1


def test_a_notification_that_comes_twice_counts_once(amapi: Amapi, emm: Emm, pushes: list[str]) -> None:
    amapi.faults.plan(notification="DOUBLED", times=1)

    ticket = emm.lock(amapi.phones["pixel8"].name)
    amapi.clock.advance(1)

    assert len(pushes) == 2
    assert len(set(pushes)) == 1
    assert ticket.state == "done"


def test_notifications_in_the_wrong_order_close_the_right_tickets(amapi: Amapi, emm: Emm, pushes: list[str]) -> None:
    amapi.faults.plan(notification="REORDERED", times=1)
    phone = amapi.phones["pixel8"]

    lost = emm.report_lost(phone.name, "Please call +1 555 0100.")
    found = emm.report_found(phone.name)
    amapi.clock.advance(60)

    assert pushes == sorted(pushes, reverse=True)
    assert (lost.state, found.state) == ("done", "done")


def test_a_notification_that_never_comes_is_looked_up(amapi: Amapi, emm: Emm, pushes: list[str]) -> None:
    amapi.faults.plan(notification="LOST", times=1)
    emm.lock(amapi.phones["pixel8"].name)
    amapi.clock.advance(3_600)

    (forgotten,) = emm.waiting()
    emm.refresh(forgotten)

    assert pushes == []
    assert forgotten.state == "done"


def test_a_notification_that_is_no_json_is_put_aside(amapi: Amapi, emm: Emm, pushes: list[str]) -> None:
    amapi.faults.plan(notification="MALFORMED", times=1)

    ticket = emm.lock(amapi.phones["pixel8"].name)
    amapi.clock.advance(1)

    assert emm.unreadable == pushes
    assert ticket.state == "waiting"
