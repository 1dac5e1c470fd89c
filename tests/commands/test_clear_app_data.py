"""CLEAR_APP_DATA: a result for each app, and an effect on those that succeeded."""

import pytest

from heliograph.commands import COMMANDS
from heliograph.commands.clear_app_data import ClearAppsDataParams, ClearAppsDataStatus, ClearingResult
from heliograph.domain.device import ManagementKind
from heliograph.domain.phone.virtual_device import App, Scope
from tests.commands.phones import phone_of
from tests.commands.walking import Walked, walk

APPS = (
    App(package="com.example.chat", data_bytes=10),
    App(package="com.example.chat", scope=Scope.WORK_PROFILE, data_bytes=20),
    App(package="com.example.game", data_bytes=30),
    App(package="com.example.guard", data_bytes=40, protected=True),
)


def clear(management_kind: ManagementKind, *names: str, api_level: int = 34) -> Walked:
    """CLEAR_APP_DATA for these apps."""
    return walk(COMMANDS["CLEAR_APP_DATA"], phone_of(management_kind, api_level, apps=APPS), ClearAppsDataParams(package_names=names))


def results(walked: Walked) -> dict[str, str]:
    """The result by package name."""
    assert isinstance(walked.outcome.status, ClearAppsDataStatus)
    return {name: result.clearing_result.value for name, result in walked.outcome.status.results.items()}


def test_each_app_has_its_result() -> None:
    names = ("com.example.chat", "com.example.absent", "com.example.guard", "com.android.vending", "no name", "")

    walked = clear(ManagementKind.FULLY_MANAGED, *names)

    assert walked.outcome.error_code is None
    assert results(walked) == {
        "com.example.chat": "SUCCESS",
        "com.example.absent": "APP_NOT_FOUND",
        "com.example.guard": "APP_PROTECTED",
        "com.android.vending": "APP_PROTECTED",
        "no name": "APP_NOT_FOUND",
        "": "APP_NOT_FOUND",
    }
    assert [app.data_bytes for app in walked.phone.apps] == [0, 20, 30, 40]


def test_a_name_given_twice_has_one_result() -> None:
    assert results(clear(ManagementKind.FULLY_MANAGED, "com.example.game", "com.example.game")) == {"com.example.game": "SUCCESS"}


@pytest.mark.parametrize("management_kind", [ManagementKind.COMPANY_OWNED_WORK_PROFILE, ManagementKind.PERSONALLY_OWNED_WORK_PROFILE])
def test_on_a_work_profile_only_the_profiles_apps_are_cleared(management_kind: ManagementKind) -> None:
    walked = clear(management_kind, "com.example.chat", "com.example.game")

    assert results(walked) == {"com.example.chat": "SUCCESS", "com.example.game": "APP_NOT_FOUND"}
    assert [app.data_bytes for app in walked.phone.apps] == [10, 0, 30, 40]


def test_below_android_9_each_app_tells_the_level_and_the_command_succeeds() -> None:
    walked = clear(ManagementKind.FULLY_MANAGED, "com.example.chat", "com.example.absent", api_level=27)

    assert results(walked) == dict.fromkeys(("com.example.chat", "com.example.absent"), ClearingResult.API_LEVEL.value)
    assert walked.outcome.error_code is None
    assert walked.outcome.status is not None
    assert COMMANDS["CLEAR_APP_DATA"].succeeded(walked.outcome.status)
    assert walked.phone.apps == APPS
