"""The agent's APK and its classes, built once for a test session; a test is skipped, and says why, if a tool cannot be had."""

import base64
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.android_tools import ToolMissing, program, run
from scripts.build_apk import Built, build, development_key
from tests.one_at_a_time import one_at_a_time
from tests.socket_watch import beyond_loopback


@contextmanager
def skipped_without_tools() -> Iterator[None]:
    """What is done inside needs tools from outside."""
    try:
        with beyond_loopback():
            yield
    except ToolMissing as missing:
        pytest.skip(f"the Android agent was not tried: {missing}")


def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for all workers of one session."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "android"


def built_once(folder: Path, *, safe: bool = False) -> Built:
    """The APK of this session; made by who comes first."""
    where = folder / ("safe" if safe else "full")
    with one_at_a_time(folder), skipped_without_tools():
        made = Built(where / "heliograph-agent.apk", where / "classes", where / "resources.ap_")
        return made if made.apk.exists() else build(where, safe=safe, key=development_key())


def checksum_by_apksigner(apk: Path) -> str:
    """As Android's ManagedProvisioning computes it: SHA-256 of the signer's certificate, URL-safe Base64, no padding."""
    with skipped_without_tools():
        said = run([program("apksigner"), "verify", "--print-certs", "--min-sdk-version", "24", apk])
    digest = re.search("Signer #1 certificate SHA-256 digest: ([0-9a-f]{64})", said)
    assert digest is not None
    return base64.urlsafe_b64encode(bytes.fromhex(digest[1])).decode().rstrip("=")
