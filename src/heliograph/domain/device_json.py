"""A device's record as callers read it.  Source: disc, schema Device."""

from typing import Any

import msgspec

from heliograph.domain.device import STATUS_DETAILS, Device, DeviceRecord, DeviceReport, DeviceStatus, User
from heliograph.protojson.messages import Timestamp
from heliograph.protojson.times import format_timestamp
from heliograph.protojson.types import proto_name

_DETAILS = tuple(map(proto_name, STATUS_DETAILS))
_FIELDS = tuple(field.name for field in msgspec.structs.fields(DeviceReport))
_NOTHING = DeviceReport()


def parts_of(report: DeviceReport) -> tuple[DeviceReport, DeviceReport | None]:
    """The report without STATUS_DETAILS, and a report of nothing but these; None: it has none of them."""
    details = {name: value for name in _DETAILS if (value := getattr(report, name)) != getattr(_NOTHING, name)}
    if not details:
        return report, None
    rest = msgspec.structs.replace(report, **{name: getattr(_NOTHING, name) for name in details})
    return rest, msgspec.structs.replace(_NOTHING, **details)


def render_device(record: DeviceRecord, status: DeviceStatus | None = None) -> Device:
    """The Device message: what an admin set, what the server knows, and what the phone reported last."""
    report = record.report
    reported: dict[str, Any] = {name: getattr(report, name) for name in _FIELDS}
    if status is not None:
        reported |= {name: getattr(status.details, name) for name in _DETAILS}
    return Device(
        name=str(record.name),
        user_name=record.user_name,
        user=User(account_identifier=record.user_name.rpartition("/")[2]) if record.user_name else None,
        state=record.state,
        enrollment_time=_time(record.enrollment_us),
        last_status_report_time=_time(record.last_status_report_us),
        last_policy_sync_time=_time(record.last_policy_sync_us),
        # A phone judges the policy that it applies with every report.
        last_policy_compliance_report_time=_time(record.last_status_report_us if report.applied_policy_name else 0),
        policy_name=record.policy_name,
        enrollment_token_data=record.enrollment_token_data,
        enrollment_token_name=record.enrollment_token_name,
        disabled_reason=record.disabled_reason,
        previous_device_names=record.previous_device_names,
        **reported,
    )


def _time(us: int) -> Timestamp:
    return Timestamp(format_timestamp(us)) if us else Timestamp("")
