"""What was stored before a field was there is read still: a new field of a record has a default."""

import msgspec
import pytest

from heliograph.domain.device import DeviceRecord, EnrollmentTokenRecord, EnterpriseRecord, Tombstone
from heliograph.domain.policy import PolicyRecord

ALWAYS_STORED: dict[type[msgspec.Struct], set[str]] = {
    DeviceRecord: {"name", "credential_hash", "installation_id", "enrollment_us", "enrollment_token_name", "report"},
    EnrollmentTokenRecord: {
        "enterprise", "token_id", "value", "expires_us", "one_time_only", "allow_personal_usage", "policy_name", "additional_data",
        "created_us", "resource",
    },
    EnterpriseRecord: {"name", "created_us", "resource"},
    PolicyRecord: {"name", "version", "created_us", "resource"},
    Tombstone: {"name", "credential_hash", "last_order", "created_us", "expires_us"},
}  # fmt: skip
"""The fields that every stored record has, since the first release. Nothing is ever added here."""


@pytest.mark.parametrize("record", ALWAYS_STORED, ids=lambda record: record.__name__)
def test_a_field_that_came_later_has_a_default(record: type[msgspec.Struct]) -> None:
    required = {field.name for field in msgspec.structs.fields(record) if field.required}

    new = sorted(required - ALWAYS_STORED[record])
    assert not new, f"Give {', '.join(new)} of {record.__name__} a default: records that are stored already do not have it."
    assert ALWAYS_STORED[record] == required
