"""CLEAR_APP_DATA: apps of the managed user start afresh."""

import enum
from collections.abc import Iterator
from typing import Annotated

import msgspec

from heliograph.domain.command import Circumstances, CommandType, Done, Effect
from heliograph.domain.evidence import APPS_MOST, EMPTY_APP_BYTES, Claim, Judgement, ObservedBy, all_of
from heliograph.domain.messages import Message, proto
from heliograph.domain.outcome import Outcome
from heliograph.domain.phone.virtual_device import PROTECTED_PACKAGES, VirtualDevice
from heliograph.protojson.errors import Violation

LOWEST_LEVEL = 28
"""Android 9; below, each app's result is API_LEVEL, and the command itself succeeds: the page gives the code per app."""


@proto("ClearAppsDataParams", habits={"packages": "package_names", "apps": "package_names", "package": "package_names"})
class ClearAppsDataParams(Message):
    """Source: disc, ClearAppsDataParams."""

    package_names: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="The package names of the apps whose data will be cleared when the command is executed."),
    ] = ()


@proto("PerAppResult.ClearingResult")
class ClearingResult(enum.Enum):
    """Source: disc, PerAppResult.clearingResult."""

    CLEARING_RESULT_UNSPECIFIED = "CLEARING_RESULT_UNSPECIFIED"
    SUCCESS = "SUCCESS"
    APP_NOT_FOUND = "APP_NOT_FOUND"
    APP_PROTECTED = "APP_PROTECTED"
    API_LEVEL = "API_LEVEL"


class PerAppResult(Message):
    """Source: disc, PerAppResult."""

    clearing_result: ClearingResult = ClearingResult.CLEARING_RESULT_UNSPECIFIED


class ClearAppsDataStatus(Message):
    """Source: disc, ClearAppsDataStatus."""

    results: dict[str, PerAppResult] = msgspec.field(default_factory=dict)
    """By package name; a name given twice has one result."""


def check(params: ClearAppsDataParams, path: str) -> Iterator[Violation]:
    """At least one app must be named."""
    if not params.package_names:
        field = f"{path}.package_names"
        yield Violation(field, f'{field} is required: name at least one app, as in "packageNames": ["com.example.app"].')


def execute(phone: VirtualDevice, params: ClearAppsDataParams, _circumstances: Circumstances) -> Effect:
    """Each app on the managed side of the phone is cleared, or its result says why not.

    Source: AOSP DevicePolicyManager.clearApplicationUserData.
    """
    results = {name: _result(phone, name) for name in params.package_names}
    apps = tuple(
        msgspec.structs.replace(app, data_bytes=0)
        if app.scope is phone.managed_scope and results.get(app.package) is ClearingResult.SUCCESS
        else app
        for app in phone.apps
    )
    status = ClearAppsDataStatus(results={name: PerAppResult(clearing_result=result) for name, result in results.items()})
    return Done(phone=msgspec.structs.replace(phone, apps=apps), outcome=Outcome(status=status))


def _result(phone: VirtualDevice, name: str) -> ClearingResult:
    """An ill-formed name is installed nowhere, so it needs no rule of its own."""
    if phone.api_level < LOWEST_LEVEL:
        return ClearingResult.API_LEVEL
    if name in PROTECTED_PACKAGES:
        return ClearingResult.APP_PROTECTED
    found = [app for app in phone.apps if app.package == name and app.scope is phone.managed_scope]
    if not found:
        return ClearingResult.APP_NOT_FOUND
    return ClearingResult.APP_PROTECTED if any(app.protected for app in found) else ClearingResult.SUCCESS


def judge(claim: Claim) -> Judgement:
    """Each app that was cleared holds less than before, if it held anything."""
    before, after = claim.before.app_data_bytes or {}, claim.after.app_data_bytes or {}
    cleared = [name for name, result in claim.status.results.items() if result.clearing_result is ClearingResult.SUCCESS]
    held = [name for name in cleared if name in after and before.get(name, 0) > EMPTY_APP_BYTES]
    return all_of(*(Judgement.OBSERVED if after[name] < before[name] else Judgement.CONTRADICTED for name in held))


def packages(params: ClearAppsDataParams) -> tuple[str, ...]:
    """The apps whose data are measured."""
    return tuple(dict.fromkeys(params.package_names))[:APPS_MOST]


COMMAND = CommandType(
    name="CLEAR_APP_DATA",
    also_called=dict.fromkeys(("CLEAR_APP_CACHE", "CLEAR_DATA", "RESET_APP", "WIPE_APP_DATA"), ""),
    number=5,
    summary=(
        "Clears the application data of specified apps. This is supported on Android 9 and above. Note that an application can store data "
        "outside of its application data, for example in external storage or in a user dictionary."
    ),
    params=ClearAppsDataParams,
    params_field="clearAppsDataParams",
    params_required=True,
    example={"clearAppsDataParams": {"packageNames": ["com.slack", "com.microsoft.teams"]}},
    status=ClearAppsDataStatus,
    status_field="clearAppsDataStatus",
    check=check,
    execute=execute,
    observed_by=ObservedBy(
        facts=("app_data_bytes",),
        packages=packages,
        judge=judge,
        observed="each measured app whose result is `SUCCESS` holds less data than before",
        contradicted="one of them holds as much, or more",
    ),
)
