"""Resource names: read once, at the edge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.names import DeviceName, OperationName
from heliograph.protojson.errors import InvalidArgument

DEVICE = DeviceName("LC1", "d1")
IDS = st.one_of(
    st.integers(-2, 10**16).map(str),
    st.text("0123456789/ \u0661\u00b2", max_size=4),
    st.sampled_from(["", "01", "1\n", "1/x", "operations"]),
)
PARENTS = st.sampled_from([str(DEVICE), f"{DEVICE}0", "enterprises/LC1/devices/d2", "enterprises/LC2/devices/d1", "", "enterprises/LC1"])


@given(PARENTS, st.sampled_from(["/operations/", "/operation/", "//operations/", ""]), IDS)
def test_a_devices_operation_is_read_in_short_exactly_if_it_could_be_one(parent: str, between: str, operation: str) -> None:
    name = parent + between + operation
    try:
        parsed = OperationName.parse(name)
    except InvalidArgument:
        parsed = None

    own = OperationName.of(DEVICE, name)

    assert own == (parsed if parsed is not None and parsed.device == DEVICE and parsed.create_ms else None)


@given(st.integers(1, 10**15 - 1))
def test_every_operation_that_a_server_makes_is_read_in_short(create_ms: int) -> None:
    name = OperationName(DEVICE, create_ms)

    assert name == OperationName.of(DEVICE, str(name)) == OperationName.parse(str(name))


def test_a_device_has_no_operation_of_another_kind_of_name() -> None:
    with pytest.raises(InvalidArgument):
        OperationName.parse("enterprises/LC1/operations/1")
