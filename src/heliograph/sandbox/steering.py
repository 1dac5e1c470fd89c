"""What `PATCH …/devices/{phone}` says of a phone, done to it; a fault that is planned does the same at its time."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec

from heliograph.agent.misbehaviour import Mischief
from heliograph.agent.virtual_phone import ANSWERS, User
from heliograph.domain.device import Device, DeviceReport
from heliograph.domain.official_messages import MESSAGES
from heliograph.domain.phone.report_fields import FILLED_BY_SERVER
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.messages import decode_message
from heliograph.protojson.times import NS_PER_S, parse_duration_ns
from heliograph.protojson.types import decode_hook
from heliograph.sandbox.messages import Consent, Loss, Steering
from heliograph.sandbox.phones import SandboxPhone


class Steered:
    """One message, checked: `of` does it to a phone, and cannot fail any more."""

    def __init__(self, wanted: Steering) -> None:
        """Raises: InvalidArgument."""
        self._wanted = wanted
        self._latency_ms = round(_seconds(wanted.latency) * 1_000) if wanted.latency else None
        self._duplicates = wanted.duplicates
        self._reported_instead = _reported_instead(wanted.report)
        self._app_failures = _app_failures(wanted.app_failures)
        self._after_s = _seconds(wanted.consent_delay) if wanted.consent_delay else None
        given = {"reboot_s": wanted.reboot_duration, "download_s": wanted.download_duration}
        self._times = {name: _seconds(duration) for name, duration in given.items() if duration}

    def fits(self, phone: SandboxPhone) -> None:
        """Raises: InvalidArgument: the phone lacks what this is about."""
        if self._wanted.work_profile_paused is not None and phone.runner.phone.device.work_profile is None:
            raise InvalidArgument(violations=[Violation("work_profile_paused", "The phone has no work profile.")])

    async def of(self, phone: SandboxPhone) -> None:
        """The phone is and behaves so from now on; what is absent, or not for this phone, stays as it is."""
        if self._wanted.lies is not None:
            phone.runner.phone.lies = self._wanted.lies
        phone.runner.phone.become(self._changed(phone.runner.phone.device))
        if self._wanted.consent is not Consent.CONSENT_UNSPECIFIED or self._after_s is not None:
            phone.runner.phone.be(self._minded(phone.runner.phone.user))
        phone.runner.phone.pace = dataclasses.replace(phone.runner.phone.pace, **self._times)
        await self._misbehave(phone.runner.mischief)

    def _changed(self, device: VirtualDevice) -> VirtualDevice:
        names = ("ongoing_call", "location_on", "setup_in_progress", "confirm_esim_removal")
        wanted = {name: getattr(self._wanted, name) for name in names}
        changes: dict[str, object] = {name: value for name, value in wanted.items() if value not in {None, getattr(device, name)}}
        if self._reported_instead is not None:
            changes["reported_instead"] = self._reported_instead
        if self._app_failures is not None:
            changes["app_failures"] = self._app_failures
        profile, paused = device.work_profile, self._wanted.work_profile_paused
        if profile is not None and paused is not None and paused is not profile.paused:
            changes["work_profile"] = msgspec.structs.replace(profile, paused=paused)
        return msgspec.structs.replace(device, **changes) if changes else device

    async def _misbehave(self, mischief: Mischief) -> None:
        if self._latency_ms is not None:
            mischief.delay_ms = self._latency_ms
        for loss in self._wanted.drop_next:
            heard = loss in {Loss.ACKNOWLEDGE_ANSWER, Loss.REPORT_ANSWER}
            drop = mischief.drop_next_ack if loss in {Loss.ACKNOWLEDGE, Loss.ACKNOWLEDGE_ANSWER} else mischief.drop_next_report
            drop(heard=heard)
        for _ in range(self._duplicates):
            mischief.duplicate_next()
        if self._wanted.online is True:
            mischief.go_online()
        elif self._wanted.online is False:
            await mischief.go_offline()

    def _minded(self, user: User) -> User:
        after_s = user.after_s if self._after_s is None else self._after_s
        answer = user.answer if self._wanted.consent is Consent.CONSENT_UNSPECIFIED else ANSWERS[self._wanted.consent.answering]
        return User(answer=answer, after_s=after_s)


def _reported_instead(report: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The fields as a phone keeps them.  Raises: InvalidArgument: not fields of Device, or not such that a phone fills."""
    if report is None:
        return None
    decode_message(Device, dict(report), root="report")
    others = [name for name in report if name in FILLED_BY_SERVER]
    if others:
        raise InvalidArgument(violations=[Violation(f"report.{name}", f"{name} is the server's to fill.") for name in others])
    try:
        msgspec.convert(report, DeviceReport, dec_hook=decode_hook)
    except msgspec.ValidationError:
        raise InvalidArgument(
            violations=[Violation("report", "report must be in canonical JSON: fields in lowerCamelCase, int64 as text.")]
        ) from None
    return dict(report)


def _app_failures(failures: Mapping[str, Any] | None) -> dict[str, str] | None:
    """The reasons by name.  Raises: InvalidArgument: a reason that is not one of AMAPI's."""
    return None if failures is None else {package: _failure_reason(package, reason) for package, reason in failures.items()}


def _failure_reason(package: str, reason: object) -> str:
    detail: Any = decode_message(
        MESSAGES["NonComplianceDetail"], {"installationFailureReason": reason}, root=f"app_failures[{package[:128]}]"
    )
    return str(detail.installation_failure_reason.value)


def _seconds(duration: str) -> float:
    seconds = parse_duration_ns(duration) / NS_PER_S
    if seconds < 0:
        raise InvalidArgument("A duration here must not be negative.")
    return seconds
