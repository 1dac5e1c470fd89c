"""What a policy's `applications` make of a virtual phone, and what the phone reports about its apps.

Whatever a policy wants installed is there at once, as if Play had every app; what `app_failures` names stays as it is.

Source: disc, ApplicationPolicy, ApplicationReport, KeyedAppState, PersonalApplicationPolicy, Policy.playStoreMode.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from heliograph.domain.device import ManagementKind
from heliograph.domain.phone.virtual_device import App, KeyedState, Scope, VirtualDevice
from heliograph.protojson.times import format_timestamp

INSTALLED_TYPES = frozenset({"PREINSTALLED", "FORCE_INSTALLED", "REQUIRED_FOR_SETUP", "KIOSK"})
"""Install types by which the phone itself installs an app."""
STAY_TYPES = INSTALLED_TYPES - {"PREINSTALLED"}
"""Those whose app must be there: a preinstalled one may be removed by the user."""
EVENTS_US = 30 * 3_600_000_000
"""Disc, ApplicationReport.events: "in the last 30 hours"."""
REMOVED_KEPT = 50
"""Removed apps that a phone remembers."""


def with_applications(phone: VirtualDevice, policy: Any, *, now_us: int) -> VirtualDevice:  # noqa: ANN401 - the made message
    """The phone with the apps that its policy wants on the side that it manages, and without those that it blocks.

    An app that the policy installed goes when it is no longer listed, unless playStoreMode is BLACKLIST. With WHITELIST, so does what
    the phone came with; without either it stays, so that an empty policy leaves a phone its apps (AMAPI: WHITELIST is the default).
    """
    if policy is None or not phone.managed:
        return phone
    wanted = {application.package_name: application for application in policy.applications}
    unwanted = {package for _index, package in blocked_personally(phone, policy)}
    mine = {app.package: app for app in phone.apps if app.scope is phone.managed_scope}
    removed = tuple(app for app in phone.removed_apps if app.package not in mine)
    apps: list[App] = []
    for app in phone.apps:
        kept = app
        if app.scope is Scope.DEVICE and app.package in unwanted and not app.system and app.package not in phone.app_failures:
            continue
        if app.scope is phone.managed_scope and app.package not in phone.app_failures:
            application = wanted.get(app.package)
            if not app.system and _goes(app, application, policy.play_store_mode.value):
                removed = (*removed, msgspec.structs.replace(app, removed_us=now_us, keyed_states=()))
                continue
            kept = _configured(_updated(app, application), application, now_us)
        apps.append(kept)
    for package, application in wanted.items():
        if package not in mine and package not in phone.app_failures and application.install_type.value in INSTALLED_TYPES:
            new = App(package=package, scope=phone.managed_scope, version_code=_version(package, application), installed_us=now_us)
            apps.append(_configured(new, application, now_us))
            removed = tuple(app for app in removed if app.package != package)
    if tuple(apps) == phone.apps and removed == phone.removed_apps:
        return phone
    return msgspec.structs.replace(phone, apps=tuple(apps), removed_apps=removed[-REMOVED_KEPT:])


def blocked_personally(phone: VirtualDevice, policy: Any) -> Iterator[tuple[int, str]]:  # noqa: ANN401 - the made message
    """Index and package of each app that the policy blocks on the personal side: of a company's phone with a work profile only.

    Source: disc, PersonalApplicationPolicy.installType: "If the app was previously installed in the device, it will be uninstalled."
    """
    personal = policy.personal_usage_policies
    if personal is None or phone.management_kind is not ManagementKind.COMPANY_OWNED_WORK_PROFILE:
        return
    for index, application in enumerate(personal.personal_applications):
        if application.install_type.value == "BLOCKED":
            yield index, application.package_name


def _goes(app: App, application: Any, play_store_mode: str) -> bool:  # noqa: ANN401 - the made message
    if application is not None:
        return bool(application.install_type.value == "BLOCKED")
    return play_store_mode == "WHITELIST" or (app.installed_us > 0 and play_store_mode != "BLACKLIST")


def _updated(app: App, application: Any) -> App:  # noqa: ANN401 - the made message
    if application is None or version_code(app) >= application.minimum_version_code:
        return app
    return msgspec.structs.replace(app, version_code=application.minimum_version_code)


def _version(package: str, application: Any) -> int:  # noqa: ANN401 - the made message
    least: int = application.minimum_version_code
    return max(_first_version(package), least)


def version_code(app: App) -> int:
    """The app's versionCode."""
    return app.version_code or _first_version(app.package)


def _first_version(package: str) -> int:
    return 100 + _digest(package)[0] * 10


def _configured(app: App, application: Any, now_us: int) -> App:  # noqa: ANN401 - the made message
    """The app confirms each key of its managed configuration by a keyed state."""
    configuration: Mapping[str, Any] = (application.managed_configuration if application is not None else None) or {}
    known = {state.key: state for state in app.keyed_states}
    states = tuple(_state(known.get(key), key, value, now_us) for key, value in configuration.items())
    return app if states == app.keyed_states else msgspec.structs.replace(app, keyed_states=states)


def _state(known: KeyedState | None, key: str, value: Any, now_us: int) -> KeyedState:  # noqa: ANN401 - any JSON
    data = value if isinstance(value, str) else json.dumps(value)
    if known is not None and known.data == data:
        return known
    return KeyedState(key=key, data=data, created_us=known.created_us if known is not None else now_us, updated_us=now_us)


def application_reports(phone: VirtualDevice, *, removed_too: bool, now_us: int) -> list[Any]:
    """An ApplicationReport for each app on the side that the admin manages."""
    apps = [app for app in phone.apps if app.scope is phone.managed_scope]
    return [_report(app, now_us) for app in (*apps, *(phone.removed_apps if removed_too else ()))]


def _report(app: App, now_us: int) -> dict[str, Any]:
    code = version_code(app)
    certificate = _digest(f"certificate of {app.package}")
    return {
        "packageName": app.package,
        "displayName": app.package.rpartition(".")[2].capitalize(),
        "versionName": f"{code // 100}.{code % 100}",
        "versionCode": code,
        "state": "REMOVED" if app.removed_us else "INSTALLED",
        "applicationSource": "SYSTEM_APP_FACTORY_VERSION" if app.system else "INSTALLED_FROM_PLAY_STORE",
        "installerPackageName": "" if app.system else "com.android.vending",
        "userFacingType": "NOT_USER_FACING" if app.protected else "USER_FACING",
        "packageSha256Hash": _digest(f"{app.package} {code}").hex(),
        "signingKeyCertFingerprints": [hashlib.sha1(certificate, usedforsecurity=False).hexdigest()],
        "signingKeyCerts": [{"signingKeyCertFingerprintSha256": base64.b64encode(certificate).decode()}],
        "events": [
            {"eventType": kind, "createTime": format_timestamp(at_us)}
            for kind, at_us in (("INSTALLED", app.installed_us), ("REMOVED", app.removed_us))
            if at_us and now_us - at_us <= EVENTS_US
        ],
        "keyedAppStates": [
            {
                "key": state.key,
                "severity": "INFO",
                "message": f"{state.key} is {state.data}",
                "data": state.data,
                "createTime": format_timestamp(state.created_us),
                "lastUpdateTime": format_timestamp(state.updated_us),
            }
            for state in app.keyed_states
        ],
    }


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def application_faults(phone: VirtualDevice, policy: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - the made message
    """A NonComplianceDetail, without its settingName, for each app that is not as the policy has it."""
    installed = {app.package: app for app in phone.apps if app.scope is phone.managed_scope}
    for application in policy.applications:
        package, kind = application.package_name, application.install_type.value
        app = installed.get(package)
        about = {"packageName": package}
        failure = {"installationFailureReason": phone.app_failures.get(package, "IN_PROGRESS")}
        if app is None:
            if kind in STAY_TYPES or (package in phone.app_failures and kind in INSTALLED_TYPES):
                yield {**about, "nonComplianceReason": "APP_NOT_INSTALLED", **failure}
        elif kind == "BLOCKED":
            if not app.system:
                yield {**about, "nonComplianceReason": "APP_INSTALLED"}
        elif version_code(app) < application.minimum_version_code:
            yield {**about, "nonComplianceReason": "APP_NOT_UPDATED", **failure}
