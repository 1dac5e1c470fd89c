"""Debian 13's adbd and what it needs: fetched once from the archive that apt uses, checked by hash, unpacked outside the repository.

`adbd.lock` pins the packages. Debian drops a package's file when a point release brings another: then its own index names the one to take.
"""

import functools
import hashlib
import lzma
import platform
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from scripts.android_tools import cache
from tests.not_tried import not_tried
from tests.one_at_a_time import made_once
from tests.socket_watch import beyond_loopback

LOCK = Path(__file__).parent / "adbd.lock"
INDEX = "dists/trixie/main/binary-amd64/Packages.xz"
WITHIN_S = 120


def adbd_root() -> Path:
    """The folder with Debian's files; the test is skipped if they cannot be had, but not in CI."""
    rows = [line.split() for line in LOCK.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]

    def make(folder: Path) -> None:
        if platform.machine() != "x86_64" or shutil.which("dpkg-deb") is None or shutil.which("apt-get") is None:
            not_tried("adbd is pinned for Debian's amd64, and fetched and unpacked with Debian's own programs")
        for path, sha256 in rows:
            _unpack(path, sha256, folder)

    return made_once(cache() / f"adbd-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}", make) / "root"


def _unpack(path: str, sha256: str, folder: Path) -> None:
    package = folder / "package.deb"
    try:
        content = _fetched(path)
    except urllib.error.HTTPError:
        path, sha256 = _successor(path)
        content = _fetched(path)
    found = hashlib.sha256(content).hexdigest()
    assert sha256 == found, f"{path} is not the pinned file"
    package.write_bytes(content)
    subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True, timeout=WITHIN_S)


def _successor(path: str) -> tuple[str, str]:
    """Path and SHA-256 of the package of this name that Debian 13 has now."""
    wanted = Path(path).name.split("_")[0]
    for paragraph in lzma.decompress(_fetched(INDEX)).decode().split("\n\n"):
        if paragraph.startswith(f"Package: {wanted}\n"):
            fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line)
            return fields["Filename"], fields["SHA256"]
    pytest.fail(f"Debian 13 has no {wanted} any more")


@functools.cache
def _archive() -> str:
    """The address of the Debian archive that apt uses here, with a slash at its end."""
    found = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Component: main"],
        capture_output=True, text=True, check=True, timeout=WITHIN_S,
    ).stdout.split()  # fmt: skip
    return next((address for address in found if address.startswith("http") and address.endswith("/debian/")), "") or not_tried(
        "apt uses no Debian archive here"
    )


def _fetched(path: str) -> bytes:
    """A file of the archive.  Raises: urllib.error.HTTPError: it is not there."""
    try:
        with beyond_loopback(), urllib.request.urlopen(_archive() + path, timeout=WITHIN_S) as answer:  # noqa: S310 - http or https
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError:
        raise
    except OSError as error:
        not_tried(f"Debian's archive does not give {path}: {error}")


def adbd_command(root: Path) -> list[str]:
    """Debian's adbd by its own linker and libraries: whatever this machine has does not matter."""
    libraries = root / "usr" / "lib" / "x86_64-linux-gnu"
    return [
        str(libraries / "ld-linux-x86-64.so.2"),
        "--library-path",
        f"{libraries}:{libraries / 'android'}",
        str(root / "usr" / "lib" / "android-sdk" / "platform-tools" / "adbd"),
    ]
