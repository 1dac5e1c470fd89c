"""The walk that Google's clients take, in any language: the request of each step, and its expected outcome.

A program gets `Walk.steps` as a JSON file, does them one after the other with its client, and prints a JSON list with an answer, or an
error, for each. `canonical` makes that list comparable with `Walk.expected`: operation ids, times and users are different in every run.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from heliograph.domain.application import STAND_IN

Json = dict[str, Any]

ENTERPRISE = "enterprises/sandbox"
PIXEL_8 = "pixel8-a15-fully-managed"
PIXEL_7 = "pixel7-a14-cope"
GALAXY_S25 = "galaxy-s25-a15-byod"
GALAXY_A14 = "galaxy-a14-a13-byod"
GALAXY_S9 = "galaxy-s9-a10-cope"
ZEBRA = "zebra-tc52-a10-dedicated"
MOTO = "moto-g5-a8-fully-managed"
NEXUS = "legacy-a7-fully-managed"
TYPE_URL = "type.googleapis.com/google.android.devicemanagement.v1."
RESPONSE = {"@type": f"{TYPE_URL}IssueCommandResponse"}
SECRET_FIELDS = ("newPassword", "activationCode")
DEVICE_FIELDS = (
    "name", "managementMode", "ownership", "state", "disabledReason", "policyName", "apiLevel", "appliedPolicyVersion", "hardwareInfo",
)  # fmt: skip
"""What is compared of a device: texts, numbers, an int64, a message, and enums."""


@dataclass
class Walk:
    """Steps, and their expected outcomes."""

    steps: list[Json] = field(default_factory=list)
    expected: list[Any] = field(default_factory=list)
    _issued: dict[str, Json] = field(default_factory=dict)
    _last: str = ""

    def issue(self, phone: str, command: Json, *, shown: Json | None = None) -> str:
        """A command, queued; `shown`: the command as operations show it, where that is not as it was given."""
        name = self._last = f"{ENTERPRISE}/devices/{phone}/operations/#{len(self._issued) + 1}"
        shown = shown or {key: value for key, value in command.items() if key not in SECRET_FIELDS}
        metadata = {"@type": f"{TYPE_URL}Command", "createTime": "#", "duration": "600s", "userName": "#", **shown}
        self._issued[name] = {"name": name, "metadata": metadata}
        self._step(self._issued[name], verb="issue", device=f"{ENTERPRISE}/devices/{phone}", command=command)
        return name

    def batch(self, *commands: tuple[str, Json], refused: str) -> None:
        """Commands in one request, and one more for a device that there is not."""
        for phone, command in commands:
            self.issue(phone, command)
        answers = [*self.expected[-len(commands) :], {"error": {"code": 404, "message": refused}}]
        asked = [{"device": step["device"], "command": step["command"]} for step in self.steps[-len(commands) :]]
        asked.append({"device": f"{ENTERPRISE}/devices/none", "command": {"type": "LOCK"}})
        del self.steps[-len(commands) :], self.expected[-len(commands) :]
        self._step(answers, verb="batch", commands=asked)

    def refused(self, device: str, command: Json, code: int, message: str) -> None:
        """A command that makes no operation."""
        self._step({"error": {"code": code, "message": message}}, verb="issue", device=device, command=command)

    def succeeds(self, **status: object) -> None:
        """The operation of the command just issued is done, and this is its status."""
        operation = self._issued[self._last]
        self._step({**operation, "metadata": {**operation["metadata"], **status}, "done": True, "response": RESPONSE}, verb="follow")

    def fails(self, code: int, message: str, **status: object) -> None:
        """The operation of the command just issued is done, with this error."""
        operation = self._issued[self._last]
        error = {"code": code, "message": message}
        self._step({**operation, "metadata": {**operation["metadata"], **status}, "done": True, "error": error}, verb="follow")

    def is_cancelled(self) -> None:
        """The operation of the command just issued is cancelled before its phone has heard of it."""
        self._step({}, verb="cancel")
        self.fails(1, "The operation was cancelled.")

    def steer(self, path: str, method: str = "PATCH", **body: object) -> None:
        """A virtual phone behaves so from now on, or its user does something (docs/sandbox.md)."""
        self._step({}, verb="steer", method=method, path=f"/sandbox/v1/{path}", body=body)

    def operations(self, phone: str, pages: list[list[str]], filter: str = "") -> None:
        """Walked page by page, two a page."""
        self._step(pages, verb="operations", name=f"{ENTERPRISE}/devices/{phone}/operations", filter=filter, pageSize=2)

    def devices(self, enterprise: str, pages: list[list[str]]) -> None:
        """Walked page by page, four a page."""
        named = [[f"{enterprise}/devices/{phone}" for phone in page] for page in pages]
        self._step(named, verb="devices", parent=enterprise, pageSize=4)

    def devices_refused(self, enterprise: str, code: int, message: str) -> None:
        """A list that is not for this caller."""
        self._step({"error": {"code": code, "message": message}}, verb="devices", parent=enterprise, pageSize=4)

    def device(self, phone: str, **shown: object) -> None:
        """A device is read."""
        self._step({"name": f"{ENTERPRISE}/devices/{phone}", **shown}, verb="device", name=f"{ENTERPRISE}/devices/{phone}")

    def patch(self, phone: str, body: Json, **shown: object) -> None:
        """A device is changed in the fields that the body has, and shown as it is now."""
        name = f"{ENTERPRISE}/devices/{phone}"
        self._step({"name": name, **shown}, verb="patch", name=name, updateMask=",".join(body), body=body)

    def web_app(self, method: str, expected: object, **arguments: object) -> None:
        """A method of webApps; `name` is the web app just created, unless it is given."""
        self._step(expected, verb="web_app", method=method, arguments=arguments)

    def application(self, package_name: str, **shown: object) -> None:
        """An application is read."""
        name = f"{ENTERPRISE}/applications/{package_name}"
        self._step({"name": name, **shown}, verb="application", name=name)

    def _step(self, expected: object, **step: object) -> None:
        self.steps.append(step)
        self.expected.append(expected)


def canonical(results: list[Any]) -> list[Any]:
    """The results with `#1`, `#2`, … for operation ids in order of appearance, and `#` for times, users and ids of web apps.

    A time on a whole second is written without a fraction. No more of a device is left than the walk compares.
    """
    ids: dict[str, str] = {}

    def numbered(name: re.Match[str]) -> str:
        return f"{name[1]}{ids.setdefault(name[0], f'#{len(ids) + 1}')}"

    def plain(value: Any, key: str = "") -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            of_device = "managementMode" in value
            return {name: plain(found, name) for name, found in value.items() if not of_device or name in DEVICE_FIELDS}
        if isinstance(value, list):
            return [plain(found) for found in value]
        if key == "createTime":
            return re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$", "#", value)
        if key == "name":
            value = re.sub(r"/webApps/com\.google\.enterprise\.webapp\.x[0-9a-f]{16}$", "/webApps/#", value)
        if key == "userName":
            return re.sub(rf"^{ENTERPRISE}/users/\d+$", "#", value)
        return re.sub(r"^(.*/operations/)\d+$", numbered, value) if isinstance(value, str) else value

    return [plain(result) for result in results]


def through_the_sandbox() -> Walk:
    """Every command type on a phone that it fits, then a command's other outcomes, then lists and devices."""
    walk = Walk()
    _fitting(walk)
    _unfitting(walk)
    _lists_and_devices(walk)
    return walk


def _fitting(walk: Walk) -> None:
    walk.issue(PIXEL_8, {"type": "LOCK"})
    walk.succeeds()
    walk.issue(PIXEL_8, {"type": "CLEAR_APP_DATA", "clearAppsDataParams": {"packageNames": ["com.slack", "com.example.absent"]}})
    results = {"com.slack": {"clearingResult": "SUCCESS"}, "com.example.absent": {"clearingResult": "APP_NOT_FOUND"}}
    walk.succeeds(clearAppsDataStatus={"results": results})
    message = {"defaultMessage": "Please call the owner.", "localizedMessages": {"de": "Bitte zurückgeben – danke!"}}
    walk.issue(PIXEL_8, {"type": "START_LOST_MODE", "startLostModeParams": {"lostMessage": message}})
    walk.succeeds(startLostModeStatus={"status": "SUCCESS"})
    walk.issue(PIXEL_8, {"type": "STOP_LOST_MODE", "stopLostModeParams": {}})
    walk.succeeds(stopLostModeStatus={"status": "SUCCESS"})
    walk.issue(PIXEL_8, {"type": "RESET_PASSWORD", "newPassword": "271828", "resetPasswordFlags": ["LOCK_NOW"]})
    walk.succeeds()
    profile = {"activationCode": "LPA:1$smdp.example.com$FLEET-PLAN", "activationState": "ACTIVATED"}
    shown = {"type": "ADD_ESIM", "addEsimParams": {"activationState": "ACTIVATED"}}
    walk.issue(PIXEL_8, {"type": "ADD_ESIM", "addEsimParams": profile}, shown=shown)
    walk.succeeds(esimStatus={"status": "SUCCESS", "esimInfo": {"iccId": FLEET_PLAN_ICC_ID}})
    walk.steer("clock:advance", "POST", duration="61s")  # the chip is busy for a minute after a download
    walk.issue(PIXEL_8, {"type": "REMOVE_ESIM", "removeEsimParams": {"iccId": FLEET_PLAN_ICC_ID}})
    walk.succeeds(esimStatus={"status": "SUCCESS", "esimInfo": {"iccId": FLEET_PLAN_ICC_ID}})
    walk.steer(f"devices/{GALAXY_S25}", consent="APPROVE", consentDelay="0s")
    walk.issue(GALAXY_S25, {"type": "REQUEST_DEVICE_INFO", "requestDeviceInfoParams": {"deviceInfo": "EID"}})
    walk.succeeds(requestDeviceInfoStatus={"status": "SUCCEEDED", "eidInfo": {"eids": [{"eid": GALAXY_S25_EID}]}})
    walk.issue(NEXUS, {"type": "REBOOT"})
    walk.succeeds()
    walk.issue(PIXEL_7, {"type": "RELINQUISH_OWNERSHIP"})
    walk.succeeds()
    walk.issue(GALAXY_S9, {"type": "WIPE", "wipeParams": {"wipeDataFlags": ["WIPE_EXTERNAL_STORAGE"]}})
    walk.succeeds()


def _unfitting(walk: Walk) -> None:
    walk.issue(GALAXY_A14, {"type": "REBOOT"})
    walk.fails(9, "The management mode of the device does not support the command.", errorCode="MANAGEMENT_MODE")
    walk.refused(f"{ENTERPRISE}/devices/{GALAXY_A14}", {"type": "CLEAR_APP_DATA"}, 400, CLEAR_APP_DATA_WITHOUT_APPS)
    walk.refused(f"{ENTERPRISE}/devices/{PIXEL_7}", {"type": "LOCK"}, 404, "Device is no longer being managed")


def _lists_and_devices(walk: Walk) -> None:
    walk.steer(f"devices/{MOTO}", online=False)
    waiting = [walk.issue(MOTO, {"type": "LOCK"}) for _ in range(3)]
    wipe = walk.issue(MOTO, {"type": "WIPE", "wipeParams": {}})
    walk.is_cancelled()
    walk.operations(MOTO, [waiting[:2], [waiting[2], wipe]])
    walk.operations(MOTO, [[wipe]], filter="done=true")
    walk.operations(MOTO, [waiting[:2], waiting[2:]], filter='metadata.type="LOCK"')
    walk.operations(ZEBRA, [[]])
    remaining = [PIXEL_8, GALAXY_A14, ZEBRA, "pixel9-a16qpr2-cope", GALAXY_S25, MOTO, NEXUS]
    walk.devices(ENTERPRISE, [remaining[:4], remaining[4:]])
    facts = {
        "managementMode": "DEVICE_OWNER",
        "ownership": "COMPANY_OWNED",
        "state": "ACTIVE",
        "policyName": f"{ENTERPRISE}/policies/default",
        "apiLevel": 29,
        "appliedPolicyVersion": "1",
        "hardwareInfo": {
            "brand": "Zebra", "hardware": "qcom", "manufacturer": "Zebra Technologies", "model": "TC52", "serialNumber": ZEBRA_SERIAL,
        },
    }  # fmt: skip
    walk.device(ZEBRA, **facts)
    change = {"state": "DISABLED", "disabledReason": {"defaultMessage": "Ask the desk."}}
    walk.patch(ZEBRA, change, **facts | change)


CLEAR_APP_DATA_WITHOUT_APPS = (
    'command.clear_apps_data_params is required for type CLEAR_APP_DATA: add "clearAppsDataParams": {…}.\n'
    'command.clear_apps_data_params.package_names is required: name at least one app, as in "packageNames": ["com.example.app"].'
)
FLEET_PLAN_ICC_ID = "8999135525865344435"
GALAXY_S25_EID = "89990000775926201626574327736313"
ZEBRA_SERIAL = "HGZ2D4RYOAAH"
"""A sandbox's phones are the same in every run, chips and serial numbers too."""


def through_web_apps() -> Walk:
    """A web app is made, read, changed and deleted, and two that are wrong or gone."""
    walk = Walk()
    shifts = {
        "title": "Shifts",
        "startUrl": "https://shifts.example.com",
        "displayMode": "STANDALONE",
        "icons": [{"imageData": "iVBORw0K"}],
    }
    first = {**shifts, "name": f"{ENTERPRISE}/webApps/#", "versionCode": "1"}
    walk.web_app("create", first, parent=ENTERPRISE, body=shifts)
    walk.web_app("get", first)
    second = {**first, "title": "My shifts", "versionCode": "2"}
    walk.web_app("patch", second, updateMask="title", body={"title": "My shifts"})
    walk.web_app("list", {"webApps": [second]}, parent=ENTERPRISE, pageSize=1)
    walk.web_app("create", {"error": {"code": 400, "message": WEB_APP_WITHOUT_ANYTHING}}, parent=ENTERPRISE, body={})
    walk.web_app("delete", {})
    walk.web_app("get", {"error": {"code": 404, "message": "Requested entity was not found."}})
    walk.application(
        "com.example.app", title="com.example.app", description=STAND_IN, appPricing="FREE", distributionChannel="PUBLIC_GOOGLE_HOSTED"
    )
    return walk


WEB_APP_WITHOUT_ANYTHING = (
    "web_app.title is required: the name that users see.\n"
    "web_app.start_url must be an absolute http or https URL with a plain host, as in https://app.example.com/start.\n"
    "web_app.icons must have at least one element."
)


def in_a_batch() -> Walk:
    """Two wipes, which had better not reach Google, and one command that must fail without harm to them."""
    walk = Walk()
    wipe = {"type": "WIPE", "wipeParams": {"wipeDataFlags": ["WIPE_ESIMS"]}}
    walk.batch((MOTO, wipe), (NEXUS, wipe), refused="Requested entity was not found.")
    return walk


def as_a_viewer() -> Walk:
    """With a viewer's key of `enterprises/fleet`, on a server that requires one."""
    walk = Walk()
    walk.devices("enterprises/fleet", [[]])
    message = "The role viewer does not allow androidmanagement.enterprises.devices.issueCommand: `heliograph can` explains why."
    walk.refused("enterprises/fleet/devices/phone", {"type": "LOCK"}, 403, message)
    walk.devices_refused("enterprises/foreign", 403, "Caller is not authorized to manage enterprise.")
    return walk


def as_an_admin() -> Walk:
    """With an admin's key of `enterprises/fleet`, where no phone is yet."""
    walk = Walk()
    walk.devices("enterprises/fleet", [[]])
    walk.refused("enterprises/fleet/devices/phone", {"type": "LOCK"}, 404, "Requested entity was not found.")
    return walk


def as_nobody() -> Walk:
    """Without a key."""
    walk = Walk()
    message = (
        "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    walk.devices_refused("enterprises/fleet", 401, message)
    return walk
