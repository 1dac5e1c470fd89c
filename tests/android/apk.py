"""The agent's APK and its classes, built once for all tests; a test is skipped, and says why, if a tool cannot be had."""

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts import android_tools, build_apk
from scripts.android_tools import ANDROID, ToolMissing, cache, compiled, pinned, program, run
from scripts.build_apk import Built, build, development_key
from tests.one_at_a_time import made_once
from tests.socket_watch import beyond_loopback

HOST = ANDROID / "test" / "host"
HOW = (Path(android_tools.__file__), Path(build_apk.__file__))


@contextmanager
def skipped_without_tools() -> Iterator[None]:
    """What is done inside needs tools from outside."""
    try:
        with beyond_loopback():
            yield
    except ToolMissing as missing:
        pytest.skip(f"the Android agent was not tried: {missing}")


def built_once(*, safe: bool = False) -> Built:
    """The APK of these sources; made by who comes first, and kept beside the tools for the next run."""
    with skipped_without_tools():
        kept = cache() / "built" / f"{_fingerprint()}-{'safe' if safe else 'full'}"
        where = made_once(kept, lambda folder: build(folder / "apk", safe=safe, key=development_key())) / "apk"
    return Built(where / "heliograph-agent.apk", where / "classes", where / "resources.ap_")


def host_classes(full: Built) -> Path:
    """The folder with the classes of the phone that is a folder; compiled by who comes first, and kept beside the APK."""
    sources = sorted(HOST.rglob("*.java"))
    digest = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in sources)).hexdigest()[:16]
    kept = full.apk.parent.parent / f"host-{digest}"
    return made_once(kept, lambda folder: compiled(sources, folder / "classes", [full.classes, pinned("android-all")])) / "classes"


def _fingerprint() -> str:
    """Changes with all that a build is made of: sources, pinned tools, those of this machine, the key and how they are used."""
    sources = [path for path in ANDROID.rglob("*") if path.is_file() and ANDROID / "test" not in path.parents]
    made_of = hashlib.sha256()
    for path in (*sorted(sources), *HOW, development_key().file):
        made_of.update(f"{path.name} {path.stat().st_size} ".encode() + path.read_bytes())
    for name in ("javac", "java", "zipalign", "apksigner"):
        tool = Path(program(name)).resolve()
        made_of.update(f"{tool} {tool.stat().st_mtime_ns}".encode())
    return made_of.hexdigest()[:16]


def checksum_by_apksigner(apk: Path) -> str:
    """As Android's ManagedProvisioning computes it: SHA-256 of the signer's certificate, URL-safe Base64, no padding."""
    with skipped_without_tools():
        said = run([program("apksigner"), "verify", "--print-certs", "--min-sdk-version", "24", apk])
    digest = re.search("Signer #1 certificate SHA-256 digest: ([0-9a-f]{64})", said)
    assert digest is not None
    return base64.urlsafe_b64encode(bytes.fromhex(digest[1])).decode().rstrip("=")
