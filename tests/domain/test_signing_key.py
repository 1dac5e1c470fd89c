"""Which key signs, however long a server is silent between two tokens."""

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from heliograph.domain.signing_key import (
    AFTER_US,
    AHEAD_US,
    DAY_US,
    LIFE_US,
    SIGNS_US,
    SigningKey,
    SigningKeyName,
    key_that_signs,
    needs_a_new_one,
)

PAUSES = st.lists(st.integers(0, LIFE_US + DAY_US), min_size=1, max_size=30)


def made(number: int, at_us: int) -> SigningKey:
    """A key that is made now."""
    name = SigningKeyName(f"{number:040x}")
    return SigningKey(name=name, created_us=at_us, expires_us=at_us + LIFE_US, certificate="", sealed=b"")


@given(PAUSES)
@example([LIFE_US - 1])
@example([LIFE_US - AFTER_US])
@example([SIGNS_US, AHEAD_US - 1, 1])
def test_a_key_is_published_for_a_day_after_it_signs_and_a_day_before_unless_no_other_can_sign(pauses: list[int]) -> None:
    numbers, now_us = itertools.count(1), 1_790_000_000_000_000
    keys = [made(next(numbers), now_us)]
    for pause_us in pauses:
        now_us += pause_us
        keys = [key for key in keys if key.expires_us > now_us]
        if needs_a_new_one(keys, now_us=now_us):
            keys.append(made(next(numbers), now_us))

        signs = key_that_signs(keys, now_us=now_us)

        known = [key for key in keys if key.created_us + AHEAD_US <= now_us <= key.expires_us - AFTER_US]
        assert signs == (known or keys)[-1]
        assert now_us + AFTER_US <= signs.expires_us
