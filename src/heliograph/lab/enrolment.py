"""What a phone needs done before it enrols: the agent installed and made its owner, server and token handed over.

Source: android-agent.md §6; AOSP Dpm.java, DevicePolicyManagerService (its messages), PackageManagerShellCommand.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from heliograph.domain.agent_app import AgentApp
from heliograph.lab.adb import Phone
from heliograph.lab.errors import (
    AccountsPresent,
    NotHandedOver,
    NotInstalled,
    NotMadeOwner,
    NotRemoved,
    OwnedByAnother,
    TooOld,
    UsersPresent,
)
from heliograph.protojson.errors import HeliographError

LOWEST_API_LEVEL = 24
SETUP_RECEIVER = ".SetupReceiver"
"""The agent's entry for adb, guarded by DUMP: docs/android.md."""
_SAID_MOST = 300
ALREADY_OWNED = "is already set."

_WHY_NOT_INSTALLED: Mapping[str, str] = MappingProxyType({
    "INSTALL_FAILED_UPDATE_INCOMPATIBLE": "it has an agent that another key signed; uninstall that one, or reset the phone.",
    "INSTALL_FAILED_VERSION_DOWNGRADE": "it has a newer agent; take that one's APK.",
    "INSTALL_FAILED_USER_RESTRICTED": "its user must allow installing over USB: see the developer options, and its screen.",
    "INSTALL_FAILED_INSUFFICIENT_STORAGE": "its storage is full.",
    "INSTALL_FAILED_OLDER_SDK": "it is older than Android 7, which the agent needs.",
    "INSTALL_FAILED_VERIFICATION_FAILURE": "its app verification said no: switch off “Verify apps over USB” in the developer options.",
})  # fmt: skip
NOT_OWNED: tuple[tuple[str, type[HeliographError], str], ...] = (
    ("some accounts on the device", AccountsPresent, "has accounts: remove all of them in its settings, or reset it and add none."),
    ("several users on the device", UsersPresent, "has several users or a work profile: remove them in its settings."),
    ("already has a profile owner", UsersPresent, "has an app that owns its first user: remove that app's administration, or reset it."),
    ("already paired", NotMadeOwner, "was paired with a watch: reset it."),
)
"""Words of Android's refusals, and ours.  Source: DevicePolicyManagerService.computeProvisioningErrorString, 7 to 16."""


def set_up(phone: Phone, agent: AgentApp) -> None:
    """The agent is installed and owns the device.  Raises: TooOld, NotInstalled; as `make_owner`."""
    require_level(phone)
    install(phone, agent)
    make_owner(phone, agent)


def clean_up(phone: Phone, agent: AgentApp) -> None:
    """The agent owns the device, and nothing else that users installed is left.  Raises: NotRemoved; as `make_owner`."""
    make_owner(phone, agent)
    remove_apps(phone, agent)


def require_level(phone: Phone) -> None:
    """Raises: TooOld."""
    level = phone.property("ro.build.version.sdk")
    if level.isdecimal() and int(level) < LOWEST_API_LEVEL:
        raise TooOld(f"{phone.serial} has API level {level}; the agent needs {LOWEST_API_LEVEL}, Android 7.")


def install(phone: Phone, agent: AgentApp) -> None:
    """The agent is installed, over an older one of the same signer.  Raises: NotInstalled."""
    said = phone.feed(f"cmd package install -r -S {len(agent.content)}", agent.content)
    if "Success" in said:
        return
    reason = re.search(r"\[([A-Z_]+)", said)
    why = _WHY_NOT_INSTALLED.get(reason[1] if reason else "") or f"{said[:_SAID_MOST] or 'it gave no reason'}."
    raise NotInstalled(f"{phone.serial} refused to install the agent: {why}")


def make_owner(phone: Phone, agent: AgentApp) -> None:
    """The agent owns the device, as it may have before.  Raises: AccountsPresent, UsersPresent, OwnedByAnother, NotMadeOwner."""
    said = phone.run("dpm", "set-device-owner", agent.admin_component)
    if said.code == 0 and "Success" in said.text:
        return
    if ALREADY_OWNED in said.text:
        owner = owner_of(phone)
        if owner == agent.package_name:
            return
        message = f"{phone.serial} is owned by {owner or 'another app'}: have its server release the phone, or reset the phone."
        raise OwnedByAnother(message)
    for words, error, sentence in NOT_OWNED:
        if words in said.text:
            raise error(f"{phone.serial} {sentence}")
    raise NotMadeOwner(f"{phone.serial} did not make the agent its owner: {said.text[:_SAID_MOST]}")


def owner_of(phone: Phone) -> str:
    """The package that owns the device; empty: none.  Source: AOSP Owners.dump."""
    found = re.search(r"Device Owner:.*?\bpackage=(\S+)", phone.run("dumpsys", "device_policy").text, re.DOTALL)
    return found[1] if found else ""


def hand_over(phone: Phone, agent: AgentApp, *, server_url: str, enrollment_token: str) -> None:
    """The agent knows its server and enrols with the token, again if it was enrolled.  Raises: NotHandedOver."""
    said = phone.run(
        "am", "broadcast", "--include-stopped-packages", "-n", f"{agent.package_name}/{SETUP_RECEIVER}",
        "--es", "server_url", server_url, "--es", "enrollment_token", enrollment_token,
    )  # fmt: skip
    if said.code != 0 or "Broadcast completed" not in said.text:
        raise NotHandedOver(f"The agent on {phone.serial} did not take server and token: {said.text[:_SAID_MOST]}")


def remove_apps(phone: Phone, agent: AgentApp) -> None:
    """What users had installed is gone, all but the agent.  Raises: NotRemoved: the others are gone."""
    listed = phone.run("pm", "list", "packages", "-3").text.split()
    packages = [line.removeprefix("package:") for line in listed if line.startswith("package:")]
    said = {package: phone.run("pm", "uninstall", package).text for package in packages if package != agent.package_name}
    left = [f"{package} ({text[:_SAID_MOST] or 'it gave no reason'})" for package, text in said.items() if "Success" not in text]
    if left:
        raise NotRemoved(f"{phone.serial} keeps what a user installed: {', '.join(left)}. Remove it in its settings, or reset the phone.")
