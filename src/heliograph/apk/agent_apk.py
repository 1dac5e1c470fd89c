"""The agent's APK, read and checked."""

import hashlib
import io
import re
import zipfile

from heliograph.apk.manifest import read_manifest
from heliograph.apk.signing_block import InvalidApk, signer_certificate
from heliograph.domain.agent_app import DESTRUCTIVE_CALLS, AgentApp

APK_MAX_BYTES = 256 << 20
"""It is held in memory; Heliograph's own has 60 KB, large agents tens of MB."""
_CODE = re.compile(r"classes\d*\.dex")


def read_agent(apk: bytes) -> AgentApp:
    """The agent.

    Raises: InvalidApk: it is not an APK, is damaged or unsigned, or cannot own a device; the message begins with "It".
    """
    certificate = signer_certificate(apk)
    try:
        archive = zipfile.ZipFile(io.BytesIO(apk))
        code = [archive.read(name) for name in archive.namelist() if _CODE.fullmatch(name)]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise InvalidApk("It is not an APK: its entries cannot be read.") from None
    manifest = read_manifest(archive)
    if not manifest.admin_receiver:
        raise InvalidApk(f"{manifest.package_name} has no device admin receiver, so it cannot own a device. Take the agent's APK.")
    return AgentApp(
        package_name=manifest.package_name,
        version_code=manifest.version_code,
        version_name=manifest.version_name,
        admin_receiver=manifest.admin_receiver,
        signer_sha256=hashlib.sha256(certificate).digest(),
        sha256=hashlib.sha256(apk).hexdigest(),
        safe=not any(call in dex for dex in code for call in DESTRUCTIVE_CALLS),
        content=apk,
    )
