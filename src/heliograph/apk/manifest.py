"""An APK's manifest: which package it is, and by which receiver it owns a device."""

import io
import struct
import zipfile
from typing import NamedTuple
from xml.etree import ElementTree as ET

from apkInspector.axml import get_manifest

from heliograph.apk.signing_block import InvalidApk

MANIFEST = "AndroidManifest.xml"
_ANDROID = "{http://schemas.android.com/apk/res/android}"
_ADMIN_PERMISSION = "android.permission.BIND_DEVICE_ADMIN"
_ADMIN_ACTION = "android.app.action.DEVICE_ADMIN_ENABLED"


class Manifest(NamedTuple):
    """What it says."""

    package_name: str
    version_code: int
    version_name: str
    """Empty: none, or kept in the resources."""
    admin_receiver: str
    """The class as the manifest writes it, as in `.AdminReceiver`; empty: it cannot own a device."""


def read_manifest(apk: zipfile.ZipFile) -> Manifest:
    """The APK's manifest.  Raises: InvalidApk: it has none that can be read."""
    try:
        text = get_manifest(io.BytesIO(apk.read(MANIFEST)))
        root = ET.fromstring(text)  # noqa: S314 - what the decoder wrote: no entities, no document type
        found = Manifest(
            package_name=root.attrib["package"],
            version_code=int(root.get(f"{_ANDROID}versionCode", "0")),
            version_name=_plain(root.get(f"{_ANDROID}versionName", "")),
            admin_receiver=_admin_receiver(root),
        )
    except (KeyError, ValueError, IndexError, TypeError, AttributeError, OverflowError, struct.error, zipfile.BadZipFile, SyntaxError):
        raise InvalidApk(f"Its {MANIFEST} cannot be read: build it again.") from None
    return found


def _plain(text: str) -> str:
    return "" if text.startswith("@") else text  # @: a resource's number


def _admin_receiver(root: ET.Element) -> str:
    """The first receiver that Android lets own a device.  Source: DeviceAdminReceiver."""
    for receiver in root.iter("receiver"):
        actions = {action.get(f"{_ANDROID}name") for action in receiver.iter("action")}
        if receiver.get(f"{_ANDROID}permission") == _ADMIN_PERMISSION and _ADMIN_ACTION in actions:
            return receiver.get(f"{_ANDROID}name", "")
    return ""
