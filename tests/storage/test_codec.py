"""Records come back from their columns as they went in."""

from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.device import DeviceRecord, DeviceReport, EnrollmentTokenRecord, EnterpriseRecord, MemoryInfo
from heliograph.domain.longrunning import render_operation
from heliograph.domain.operation import Operation, TimelineEntry
from heliograph.domain.outcome import RpcStatus
from heliograph.protojson.messages import Int64
from heliograph.storage.codec import (
    device_from,
    encode_record,
    json_of,
    operation_columns,
    operation_from,
    shown_operation_from,
    tombstone_from,
)
from tests.storage.records import device_name, tombstone

INT64 = st.integers(-(2**63), 2**63 - 1)
ENTRIES = st.builds(TimelineEntry, at_us=INT64, detail=..., count=INT64, until_us=INT64)
OPERATIONS = st.builds(
    Operation, create_ms=INT64, user_name=..., expires_us=INT64, state=..., deadline_us=st.none() | INT64, ack_id=...,
    acked_us=INT64, released=..., asking=..., begun=..., report_seq=INT64,
    status=..., error_code=..., evidence=..., judgement=..., secret=..., ended_us=st.none() | INT64,
    error=st.none() | st.builds(RpcStatus, code=INT64), timeline=st.lists(ENTRIES, max_size=3).map(tuple),
)  # fmt: skip
REPORTS = st.builds(
    DeviceReport, management_mode=..., ownership=..., api_level=st.integers(0, 99), applied_state=..., applied_policy_name=...,
    applied_policy_version=INT64.map(Int64), memory_info=st.none() | st.builds(MemoryInfo, total_ram=INT64.map(Int64)),
)  # fmt: skip
DEVICES = st.builds(
    DeviceRecord, enrollment_us=INT64, enrollment_token_data=..., wanted_state=..., previous_device_names=...,
    last_status_report_us=INT64, report=REPORTS,
)  # fmt: skip
TOKENS = st.builds(EnrollmentTokenRecord, expires_us=INT64, created_us=INT64, used_by=...)
ENTERPRISES = st.builds(EnterpriseRecord, created_us=INT64)


@given(OPERATIONS)
def test_operations(operation: Operation) -> None:
    assert operation == operation_from(operation.device, operation.create_ms, operation_columns(operation))


@given(OPERATIONS)
def test_what_callers_are_shown_of_an_operation(operation: Operation) -> None:
    shown = shown_operation_from(operation.device, operation.create_ms, operation_columns(operation))

    assert render_operation(operation) == render_operation(shown)


def test_tombstones() -> None:
    whole = tombstone(device_name())

    assert whole == tombstone_from(encode_record(whole))


@given(DEVICES)
def test_devices(record: DeviceRecord) -> None:
    assert record == device_from(encode_record(record))


@given(TOKENS)
def test_tokens(record: EnrollmentTokenRecord) -> None:
    assert record == json_of(EnrollmentTokenRecord).decode(encode_record(record))


@given(ENTERPRISES)
def test_enterprises(record: EnterpriseRecord) -> None:
    assert record == json_of(EnterpriseRecord).decode(encode_record(record))
