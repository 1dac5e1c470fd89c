"""Which key file belongs to a database: a lost or exchanged one is detected at start, not when the first secret cannot be opened."""

from typing import Protocol

from heliograph.protojson.errors import FailedPrecondition
from heliograph.storage.vault import FileVault

FINGERPRINT = "fingerprint"
"""Purpose that the fingerprint is derived for: it shows whether two keys are the same, and reveals nothing about them."""


class OtherKey(FailedPrecondition):
    """This key file is not the database's."""


class DatabaseMissing(FailedPrecondition):
    """There is no database, or an empty one."""


class SealingKey(Protocol):
    """What a database remembers of its key."""

    async def fingerprint(self, mine: bytes, *, adopt: bool = False) -> bytes:
        """The fingerprint of the database's key: `mine` if it had none yet, or with `adopt`. Of several servers, one is first."""


async def require_key(database: SealingKey, vault: FileVault, *, adopt: bool = False) -> None:
    """The vault's key is the database's; one that was made just now in vain is gone again.  Raises: OtherKey."""
    mine = vault.derive(FINGERPRINT)
    if await database.fingerprint(mine, adopt=adopt) == mine:
        return
    lost = "If it is lost for good, start once with --adopt-key: secrets that still wait for their phones are then lost too."
    where = "restore it from a backup, or copy it from another server of the database"
    if vault.forget_new():
        raise OtherKey(f"There is no key file {vault.path}, and this database was used with one: {where}. {lost}")
    raise OtherKey(f"{vault.path} is not the key file that this database was used with: {where}. {lost}")
