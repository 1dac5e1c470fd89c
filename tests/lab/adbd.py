"""Debian 13's adbd and what it needs: fetched once from Debian's archive, checked by hash, unpacked outside the repository.

`adbd.lock` pins the packages. Debian drops a package's file when a point release brings another: then the lock needs the new one.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from scripts.android_tools import cache

LOCK = Path(__file__).parent / "adbd.lock"
ARCHIVE = "https://deb.debian.org/debian/"
WITHIN_S = 120


def adbd_root() -> Path:
    """The folder with Debian's files; the test is skipped if they cannot be had, but not in CI."""
    rows = [line.split() for line in LOCK.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    root = cache() / f"adbd-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if not root.exists():
        if platform.machine() != "x86_64" or shutil.which("dpkg-deb") is None:
            _skip("adbd is pinned for Debian's amd64, and unpacked by dpkg-deb")
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent) as beside:
            for path, sha256 in rows:
                _unpack(path, sha256, Path(beside))
            made = Path(beside) / "root"
            if not root.exists():
                made.replace(root)
    return root


def _unpack(path: str, sha256: str, folder: Path) -> None:
    package = folder / "package.deb"
    try:
        with urllib.request.urlopen(ARCHIVE + path, timeout=WITHIN_S) as answer:  # noqa: S310 - https
            package.write_bytes(answer.read())
    except (urllib.error.URLError, OSError) as error:
        _skip(f"Debian's archive does not give {path}: {error}")
    found = hashlib.sha256(package.read_bytes()).hexdigest()
    assert sha256 == found, f"{path} is not the pinned file"
    subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True, timeout=WITHIN_S)


def _skip(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"the lab was not tried, and in CI it must be: {why}")
    pytest.skip(f"the lab was not tried over adb: {why}")


def adbd_command(root: Path) -> list[str]:
    """Debian's adbd by its own linker and libraries: whatever this machine has does not matter."""
    libraries = root / "usr" / "lib" / "x86_64-linux-gnu"
    return [
        str(libraries / "ld-linux-x86-64.so.2"),
        "--library-path",
        f"{libraries}:{libraries / 'android'}",
        str(root / "usr" / "lib" / "android-sdk" / "platform-tools" / "adbd"),
    ]
