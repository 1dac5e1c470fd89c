"""A device's record as callers read it.  Source: disc, schema Device."""

from heliograph.domain.device import Device, DeviceRecord
from heliograph.protojson.messages import Timestamp
from heliograph.protojson.times import format_timestamp


def render_device(record: DeviceRecord) -> Device:
    """The Device message: what an admin set, what the server knows, and what the phone reported last."""
    report = record.report
    return Device(
        name=str(record.name),
        user_name=record.user_name,
        management_mode=report.management_mode,
        state=record.state,
        applied_state=report.applied_state,
        enrollment_time=_time(record.enrollment_us),
        last_status_report_time=_time(record.last_status_report_us),
        last_policy_sync_time=_time(record.last_policy_sync_us),
        policy_name=record.policy_name,
        applied_policy_name=report.applied_policy_name,
        applied_policy_version=report.applied_policy_version,
        api_level=report.api_level,
        enrollment_token_data=record.enrollment_token_data,
        enrollment_token_name=record.enrollment_token_name,
        disabled_reason=record.disabled_reason,
        software_info=report.software_info,
        hardware_info=report.hardware_info,
        network_info=report.network_info,
        memory_info=report.memory_info,
        previous_device_names=record.previous_device_names,
        ownership=report.ownership,
    )


def _time(us: int) -> Timestamp:
    return Timestamp(format_timestamp(us)) if us else Timestamp("")
