"""Which phone speaks."""

import hashlib

from heliograph.domain.device import Tombstone
from heliograph.domain.errors import DeviceNoLongerManaged, Unauthenticated
from heliograph.domain.names import DeviceName
from heliograph.service.ports import Ports


class DeviceGone(DeviceNoLongerManaged):
    """Device is no longer being managed"""  # noqa: D415 - Google's text, without a full stop

    def __init__(self, tombstone: Tombstone) -> None:
        super().__init__()
        self.tombstone = tombstone
        """Holds the last order, which the phone is told with this error."""


class UnknownCredential(Unauthenticated):
    """No device has this credential. Enrol again."""

    reason = "UNKNOWN_DEVICE_CREDENTIAL"


def hash_credential(credential: str) -> bytes:
    """SHA-256 over the credential's text as the phone sends it."""
    return hashlib.sha256(credential.encode(errors="surrogatepass")).digest()


async def authenticate_device(ports: Ports, credential_hash: bytes) -> DeviceName:
    """The device whose credential this is the hash of.  Raises: DeviceGone: it had one, and is told its last order; UnknownCredential."""
    found = await ports.store.by_credential(credential_hash)
    if found is None:
        raise UnknownCredential
    if isinstance(found, Tombstone):
        raise DeviceGone(found)
    return found.name
