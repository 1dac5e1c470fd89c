"""Sessions by the clock: how long they last, and what two who act at once leave behind."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.access import Role
from heliograph.domain.people import Person, PersonName, Rights
from heliograph.domain.session import SESSIONS_MOST, Session, SessionName, SpentAttempt, SpentAttemptName, is_current, touched, wants_touch
from heliograph.service.record_rules import RecordDecision, Records
from heliograph.service.rules import Put
from heliograph.service.sessions import (
    AttemptSpent,
    SessionTimes,
    SignedIn,
    Start,
    begun,
    bounded,
    end_all_sessions,
    find_session,
    sessions_of,
    use_session,
)
from tests.service.world import World

MINUTE_US = 60 * 1_000_000
TIMES = SessionTimes(idle_us=60 * MINUTE_US, absolute_us=12 * 60 * MINUTE_US)
ANNA = PersonName("anna@example.com")
RIGHTS = Rights(Role.ADMIN, ("*",))


async def sign_in(lab: World, secret: str, *, attempt: str = "") -> SignedIn:
    """Anna, with a session of this secret."""
    spends = SpentAttempt(name=SpentAttemptName(attempt or f"attempt {secret}"), expires_us=lab.clock.now_us() + MINUTE_US)
    start = await bounded(lab.ports, ANNA, Start(secret=secret, session_id=f"id-{secret}", how="passkey", spends=spends))

    def rule(records: Records) -> RecordDecision[SignedIn]:
        new = Person(name=ANNA, created_us=records.now_us, user_handle=b"h", rights=RIGHTS)
        person = records.one(Person, ANNA) or new
        session, writes = begun(records, person, start, TIMES)
        return RecordDecision(SignedIn(person, session, RIGHTS), (Put(person), *writes))

    return await lab.ports.store.decide_records((spends.name, ANNA), rule)


async def test_a_session_ends_when_no_one_uses_it_for_long_enough(lab: World) -> None:
    await sign_in(lab, "s")

    lab.clock.advance(59 * 60)
    assert await find_session(lab.ports, "s") is not None  # looked at, not used
    lab.clock.advance(61)

    assert await find_session(lab.ports, "s") is None
    assert await use_session(lab.ports, TIMES, "s") is None


async def test_a_session_that_is_used_lasts_until_its_absolute_end_and_no_longer(lab: World) -> None:
    await sign_in(lab, "s")

    for _ in range(23):
        lab.clock.advance(30 * 60)
        assert await use_session(lab.ports, TIMES, "s") is not None
    lab.clock.advance(30 * 60)

    assert await use_session(lab.ports, TIMES, "s") is None
    assert [] == await sessions_of(lab.ports, ANNA)


async def test_a_page_full_of_requests_writes_a_use_down_once(lab: World) -> None:
    await sign_in(lab, "s")
    lab.clock.advance(10 * 60)
    first = await use_session(lab.ports, TIMES, "s")

    lab.clock.advance(60)
    second = await use_session(lab.ports, TIMES, "s")
    lab.clock.advance(4 * 60)
    third = await use_session(lab.ports, TIMES, "s")

    assert first is not None
    assert second is not None
    assert third is not None
    assert first.session == second.session
    assert second.session.used_us + 5 * MINUTE_US == third.session.used_us


async def test_an_attempt_leads_to_one_session_even_if_its_answer_comes_many_times_at_once(lab: World) -> None:
    answers = await asyncio.gather(*(sign_in(lab, f"s{number}", attempt="one") for number in range(8)), return_exceptions=True)

    assert 1 == sum(isinstance(answer, SignedIn) for answer in answers)
    assert 7 == sum(isinstance(answer, AttemptSpent) for answer in answers)
    assert 1 == len(await sessions_of(lab.ports, ANNA))


async def test_signing_out_everywhere_ends_also_what_begins_at_that_moment(lab: World) -> None:
    await sign_in(lab, "before")

    await asyncio.gather(*(sign_in(lab, f"s{number}") for number in range(4)), end_all_sessions(lab.ports, ANNA))
    person = await lab.ports.store.record(Person, ANNA)

    assert person is not None
    assert {person.sessions_ended} >= {session.round for session in await sessions_of(lab.ports, ANNA)}
    assert await find_session(lab.ports, "before") is None


async def test_of_too_many_sessions_the_oldest_ends(lab: World) -> None:
    for number in range(SESSIONS_MOST + 2):
        lab.clock.advance(1)
        await sign_in(lab, f"s{number}")

    left = await sessions_of(lab.ports, ANNA)

    assert [f"id-s{number}" for number in range(2, SESSIONS_MOST + 2)] == [session.name.session for session in left]
    assert await find_session(lab.ports, "s1") is None


async def test_no_secret_is_no_session(lab: World) -> None:
    await sign_in(lab, "s")

    assert await find_session(lab.ports, "") is None
    assert await find_session(lab.ports, "S") is None


times_us = st.integers(0, 100 * 60 * MINUTE_US)


@given(st.lists(times_us, max_size=12), st.integers(MINUTE_US, 600 * MINUTE_US), st.integers(MINUTE_US, 6_000 * MINUTE_US))
def test_no_use_makes_a_session_outlive_its_limits(uses: list[int], idle_us: int, absolute_us: int) -> None:
    """Whenever it is used, in whatever order the clock says so: it is current only within both limits."""
    person = Person(name=ANNA, created_us=0, user_handle=b"h", rights=RIGHTS)
    session = Session(
        name=SessionName(*ANNA, "s"), secret_hash="", how="passkey", created_us=0, used_us=0, expires_us=min(idle_us, absolute_us),
        ends_us=absolute_us, round=0,
    )  # fmt: skip
    last_us = 0

    for now_us in uses:
        if is_current(session, person, now_us=now_us):
            assert now_us < absolute_us
            assert now_us < last_us + idle_us
            if wants_touch(session, now_us=now_us, idle_us=idle_us):
                session = touched(session, now_us=now_us, idle_us=idle_us)
                last_us = max(last_us, now_us)

    assert session.expires_us <= session.ends_us == absolute_us


@pytest.mark.parametrize("changed", [{"sessions_ended": 1}, {"rights": None}])
def test_a_session_is_over_with_its_round_and_with_the_persons_rights(changed: dict[str, object]) -> None:
    person = Person(name=ANNA, created_us=0, user_handle=b"h", rights=RIGHTS)
    session = Session(
        name=SessionName(*ANNA, "s"), secret_hash="", how="passkey", created_us=0, used_us=0, expires_us=9, ends_us=9, round=0
    )  # fmt: skip

    assert is_current(session, person, now_us=1)
    assert not is_current(session, msgspec.structs.replace(person, **changed), now_us=1)
