"""Lost mode has windows in which Android refuses it; our administrators must learn why."""

from emm import Emm

from heliograph.testing import Amapi

HALF_A_DAY_S = 12 * 3_600


def test_a_lost_phone_shows_our_message(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["pixel8"]

    ticket = emm.report_lost(phone.name, "Please call +1 555 0100.")

    assert emm.refresh(ticket).state == "done"
    assert phone.state["lostMode"] is not None


def test_a_phone_that_was_found_is_as_before(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["pixel8"]
    emm.report_lost(phone.name, "Please call +1 555 0100.")

    ticket = emm.report_found(phone.name)

    assert emm.refresh(ticket).state == "done"
    assert phone.state["lostMode"] is None


def test_a_user_who_left_lost_mode_has_some_hours_of_peace(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["pixel8"]
    emm.report_lost(phone.name, "Please call +1 555 0100.")
    phone.leave_lost_mode()

    refused = emm.refresh(emm.report_lost(phone.name, "Really, please call."))
    amapi.clock.advance(HALF_A_DAY_S)
    taken = emm.refresh(emm.report_lost(phone.name, "Really, please call."))

    assert (refused.state, refused.reason) == ("failed", "USER_EXIT_LOST_MODE_RECENTLY")
    assert taken.state == "done"


def test_a_phone_whose_password_was_just_reset_is_not_taken_for_lost(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["pixel8"]
    emm.reset_password(phone.name, "871204")

    ticket = emm.refresh(emm.report_lost(phone.name, "Please call +1 555 0100."))

    assert (ticket.state, ticket.reason) == ("failed", "RESET_PASSWORD_RECENTLY")


def test_a_personal_phone_is_never_lost(amapi: Amapi, emm: Emm) -> None:
    phone = amapi.phones["galaxy-s25"]

    ticket = emm.refresh(emm.report_lost(phone.name, "Please call +1 555 0100."))

    assert (ticket.state, ticket.reason) == ("failed", "MANAGEMENT_MODE")
    phone.did_not_execute("START_LOST_MODE")
