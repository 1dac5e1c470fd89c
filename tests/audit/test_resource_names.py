"""Every record kind has its name in the audit trail, or says that its changes are not recorded there."""

import re

import pytest

from heliograph.storage.kind import Kind
from heliograph.storage.kinds import KINDS

WRITTEN = [kind for kind in KINDS if not kind.by_hand]
NOT_RECORDED = {
    "requests": "the command that a request id stands for is recorded",
    "key_addresses": "the first use of a key from an address has an entry of its own",
    "key_uses": "the key's calls are recorded, as far as they change anything",
    "access_states": "the change that it counts is recorded",
    "tallies": "the deed that it counts is recorded",
    "spent_attempts": "the session that began by the attempt is recorded",
    "openid_sources": "the sessions that begin with it or end with it are recorded",
}
NAME = re.compile(r"([A-Za-z]+/[\w.@-]+)(/[A-Za-z]+/[\w.@-]+)*(/[A-Za-z]+)?")
"""At the end there may be a singleton (AIP-156)."""


@pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: kind.table)
def test_a_record_is_called_by_its_resource_name(kind: Kind[tuple[str, ...], object]) -> None:
    key = kind.key(*(f"x{column.name}" for column in kind.key_columns))

    if kind.resource is None:
        assert kind.table in NOT_RECORDED
    else:
        assert NAME.fullmatch(kind.resource(key)), kind.resource(key)


def test_what_is_not_recorded_is_there() -> None:
    assert NOT_RECORDED.keys() == {kind.table for kind in KINDS if kind.resource is None}
