"""The APK: the same bytes twice, signed, and without any destructive code in the safe build."""

import sys
import zipfile
from pathlib import Path

import pytest

from scripts import build_apk
from scripts.android_tools import SHORT_LIVED_JVM, program, run
from scripts.build_apk import Built, build, development_key
from tests.android.apk import skipped_without_tools

DESTRUCTIVE = (b"wipeData", b"wipeDevice", b"resetPassword", b"resetPasswordWithToken", b"setResetPasswordToken")


def dex(built: Built) -> bytes:
    with zipfile.ZipFile(built.apk) as apk:
        return apk.read("classes.dex")


def test_javas_tools_keep_the_options_that_this_machine_gives_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Dhttps.proxyHost=proxy.example.com")

    said = run([sys.executable, "-c", "import os; print(os.environ['JAVA_TOOL_OPTIONS'])"])

    assert f"{SHORT_LIVED_JVM} -Dhttps.proxyHost=proxy.example.com\n" == said


def test_two_builds_are_the_same_bytes(full: Built, tmp_path: Path) -> None:
    again = build(tmp_path / "again", safe=False, key=development_key())

    assert full.apk.read_bytes() == again.apk.read_bytes()


def test_android_would_accept_the_signature_and_the_alignment(full: Built) -> None:
    with skipped_without_tools():
        said = run([program("apksigner"), "verify", "-v", "--min-sdk-version", "24", full.apk])
        run([program("zipalign"), "-c", "-p", "4", full.apk])

    assert "Verified using v2 scheme (APK Signature Scheme v2): true" in said
    assert "Verified using v3 scheme (APK Signature Scheme v3): true" in said


def test_the_safe_build_holds_no_destructive_call(full: Built, safe: Built) -> None:
    assert [] == [name for name in DESTRUCTIVE if name not in dex(full)]
    assert [] == [name for name in DESTRUCTIVE if name in dex(safe)]


def test_a_use_of_a_newer_android_in_a_new_place_stops_the_build(full: Built) -> None:
    allowed = {use for use in build_apk.allowed_uses() if not use.startswith("Owner:")}

    with pytest.raises(ValueError, match=r"Owner: boolean .*isOrganizationOwnedDeviceWithManagedProfile"):
        build_apk.check_api(full.classes, allowed)


def test_every_allowed_place_exists(full: Built) -> None:
    assert build_apk.allowed_uses() == build_apk.newer_uses(full.classes)
