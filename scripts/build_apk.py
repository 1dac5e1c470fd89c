"""Builds the agent's APK without Gradle and without an Android SDK: javac, D8, aapt2, zipalign, apksigner (docs/android.md).

The same sources and the same key give the same bytes.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from scripts.android_tools import ANDROID, ToolMissing, cache, class_path, compiled, data, fetched, pinned, program, run

BUILD = ANDROID.parent / "build" / "android"
LOWEST_LEVEL = 24
TARGET_LEVEL = 35
ALWAYS = (1980, 1, 1, 0, 0, 0)
"""The time of every entry: the oldest that a zip file can say."""
NEWER_API = ANDROID / "newer_api.txt"
DEVELOPMENT_PASSWORD = "development"  # noqa: S105 - of a key that is worth nothing


@dataclass(frozen=True)
class Key:
    """A signer's key in a PKCS12 file."""

    file: Path
    password: str
    """As apksigner takes it: `pass:…` or `file:…`."""


@dataclass(frozen=True)
class Built:
    """What a build leaves: the APK, and what its tests need."""

    apk: Path
    classes: Path
    resources: Path
    """aapt2's package: the manifest and the resources."""


def build(folder: Path, *, safe: bool, key: Key) -> Built:
    """The signed APK in this folder; what was there before is gone.

    Raises: ToolMissing; RuntimeError: a tool refused; ValueError: something newer than the lowest level is used in a new place.
    """
    fetched("build")
    android = pinned("android-all")
    shutil.rmtree(folder, ignore_errors=True)
    variant = ANDROID / ("safe" if safe else "full")
    for name in ("generated", "dex"):
        (folder / name).mkdir(parents=True)
    resources = _resources(folder, variant, android)
    sources = _sorted(root / "src" for root in (ANDROID, variant)) + sorted((folder / "generated").rglob("*.java"))
    classes = compiled(sources, folder / "classes", [android], "--release", "8", "-g")
    check_api(classes, allowed_uses())
    _dex(folder, android)
    apk = folder / "heliograph-agent.apk"
    _pack(resources, folder / "dex" / "classes.dex", folder / "unaligned.apk")
    run([program("zipalign"), "-f", "-p", "4", folder / "unaligned.apk", folder / "aligned.apk"])
    run([program("apksigner"), "sign", "--ks", key.file, "--ks-pass", key.password, "--min-sdk-version", str(LOWEST_LEVEL),
         "--v1-signing-enabled", "false", "--v2-signing-enabled", "true", "--v3-signing-enabled", "true", "--v4-signing-enabled", "false",
         "--out", apk, folder / "aligned.apk"])  # fmt: skip
    return Built(apk, classes, resources)


def development_key() -> Key:
    """A key of this machine, made on first use."""
    file = data() / "development-key.p12"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent) as beside:
            made = Path(beside) / "key.p12"
            run([program("keytool"), "-genkeypair", "-keystore", made, "-storetype", "PKCS12", "-storepass", DEVELOPMENT_PASSWORD,
                 "-alias", "agent", "-keyalg", "RSA", "-keysize", "3072", "-validity", "10000",
                 "-dname", "CN=Heliograph agent development"])  # fmt: skip
            made.chmod(0o600)
            # Another build may have made one meanwhile: the first one stays.
            with contextlib.suppress(FileExistsError):
                os.link(made, file)
    return Key(file, f"pass:{DEVELOPMENT_PASSWORD}")


def _sorted(roots: Iterable[Path]) -> list[Path]:
    return [path for root in roots for path in sorted(root.rglob("*.java"))]


def _resources(folder: Path, variant: Path, android: Path) -> Path:
    aapt2 = _aapt2()
    packed = []
    for root in (ANDROID, variant):
        packed.append(folder / f"{root.name}-resources.zip")
        run([aapt2, "compile", "--dir", root / "res", "-o", packed[-1]])
    package = folder / "resources.ap_"
    run([aapt2, "link", "-I", android, "--manifest", ANDROID / "AndroidManifest.xml", "--java", folder / "generated", "-o", package,
         "--min-sdk-version", str(LOWEST_LEVEL), "--target-sdk-version", str(TARGET_LEVEL), *packed])  # fmt: skip
    return package


def _aapt2() -> Path:
    """Out of apktool's library, which carries it for the usual systems."""
    system = {"linux": "linux", "darwin": "macosx"}.get(sys.platform)
    if system is None:
        raise ToolMissing(f"aapt2 for {sys.platform} is not in apktool's library")
    library = pinned("apktool-lib")
    tool = cache() / f"{library.stem}-aapt2"
    if not tool.exists():
        with zipfile.ZipFile(library) as jar, tempfile.TemporaryDirectory(dir=cache()) as beside:
            made = Path(beside) / "aapt2"
            made.write_bytes(jar.read(f"prebuilt/{system}/aapt2"))
            made.chmod(0o755)
            made.replace(tool)
    return tool


def check_api(classes: Path, allowed: set[str]) -> None:
    """What is newer than the lowest level is used in the allowed places only; each of them looks at the phone's level first.

    Raises: ValueError: it names the other places.
    """
    if new := sorted(newer_uses(classes) - allowed):
        raise ValueError(f"newer than API {LOWEST_LEVEL}, and not in {NEWER_API.name}:\n" + "\n".join(new))


def newer_uses(classes: Path) -> set[str]:
    """Each use of what the lowest level does not have: `Class: what`."""
    jars = class_path(pinned(name) for name in ("animal-sniffer", "asm"))
    signature = pinned("android-api-level-24")
    said = run([program("java"), "-cp", jars, ANDROID / "tools" / "ApiCheck.java", signature, ANDROID / "src", classes])
    return {f"{place}: {use}" for place, use in re.findall(r"/(\w+)(?:\$\w+)?\.(?:java|class):\d+: Undefined reference: (.*)", said)}


def allowed_uses() -> set[str]:
    """The listed ones."""
    return {line for line in NEWER_API.read_text().splitlines() if line and not line.startswith("#")}


def _dex(folder: Path, android: Path) -> None:
    home = Path(program("javac")).resolve().parent.parent
    classes = sorted((folder / "classes").rglob("*.class"))
    run([program("java"), "-cp", pinned("r8"), "com.android.tools.r8.D8", "--release", "--min-api", str(LOWEST_LEVEL),
         "--lib", home, "--lib", android, "--output", folder / "dex", *classes])  # fmt: skip


def _pack(resources: Path, dex: Path, apk: Path) -> None:
    """The resources as aapt2 packed them, and the code; in one order, of one time."""
    with zipfile.ZipFile(resources) as packed, zipfile.ZipFile(apk, "w") as out:
        for entry in sorted(packed.infolist(), key=lambda entry: entry.filename):
            out.writestr(_entry(entry.filename, entry.compress_type), packed.read(entry))
        out.writestr(_entry(dex.name, zipfile.ZIP_DEFLATED), dex.read_bytes())


def _entry(name: str, compress_type: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, ALWAYS)
    entry.compress_type = compress_type
    entry.external_attr = 0o644 << 16
    return entry


@click.command()
@click.option("--safe", is_flag=True, help="Leave WIPE, RELINQUISH_OWNERSHIP and RESET_PASSWORD out.")
@click.option("--key", "key_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PKCS12 file of the release key.")
@click.option("--password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Holds the release key's password.")
def main(*, safe: bool, key_file: Path | None, password_file: Path | None) -> None:
    """Build the agent's APK and say its size and hash."""
    if (key_file is None) != (password_file is None):
        raise click.UsageError("--key and --password-file belong together.")
    try:
        key = development_key() if key_file is None else Key(key_file, f"file:{password_file}")
        built = build(BUILD / ("safe" if safe else "full"), safe=safe, key=key)
    except ToolMissing as missing:
        click.echo(f"SKIPPED, no APK was built: {missing}", err=True)
        sys.exit(0)
    except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
        raise click.ClickException(str(error)) from error
    content = built.apk.read_bytes()
    click.echo(f"{built.apk.relative_to(ANDROID.parent)}: {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
