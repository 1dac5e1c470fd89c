"""Secrets sealed for the database: AES-256-GCM with a key that stands in a file of its own, outside the database."""

import hmac
import os
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from heliograph.machine import BYTES, CLOSE_ON_EXEC, NOT_A_LINK, others_may_read, sync_folder
from heliograph.protojson.errors import Code, FailedPrecondition, HeliographError

KEY_BYTES = 32
NONCE_BYTES = 12
"""What AES-GCM is made for; random ones stay safe for 2**32 secrets under one key (NIST SP 800-38D §8.3)."""


class KeyFileUnsafe(FailedPrecondition):
    """The vault's key file cannot be trusted."""


class SecretUnreadable(HeliographError):
    """A stored secret cannot be opened: it was sealed with another key, for another operation, or was changed."""

    code = Code.INTERNAL


class KeyVault:
    """A Vault (service/ports.py) with this key of KEY_BYTES bytes."""

    def __init__(self, key: bytes, *, chance: Callable[[int], bytes] = os.urandom) -> None:  # noqa: TID251 - the default of chance
        self._chance = chance
        self._key = key
        self._cipher = AESGCM(key)

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one purpose, the same in every process with this key file; it reveals nothing about the key."""
        return hmac.digest(self._key, label.encode(), "sha256")

    def seal(self, plain: bytes, *, bound_to: str) -> bytes:
        nonce = self._chance(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound_to.encode())

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError):
            raise SecretUnreadable from None


class FileVault(KeyVault):
    """A Vault with the key in `key_path`, created there (mode 0600) if it does not exist.

    Raises: KeyFileUnsafe, if anyone but its owner could read it, or if it is not a key.
    """

    def __init__(self, key_path: Path, *, chance: Callable[[int], bytes] = os.urandom) -> None:  # noqa: TID251 - the default of chance
        self.path = key_path
        self._is_new = not key_path.exists()
        super().__init__(_make_key(key_path, chance(KEY_BYTES)) if self._is_new else _read_key(key_path), chance=chance)

    def forget_new(self) -> bool:
        """Whether the key was created just now; its file is removed again, so that no one takes it for a used one."""
        if self._is_new:
            self.path.unlink(missing_ok=True)
        return self._is_new


def _make_key(path: Path, key: bytes) -> bytes:
    """The key, in a new file that survives a power cut: nothing sealed with it may outlive it.

    Written beside and linked when whole, so that no crash leaves a file that is not a key. If another process was faster, its key counts.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BYTES | CLOSE_ON_EXEC | NOT_A_LINK, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(descriptor)
        os.link(beside, path)
    except FileExistsError:
        return _read_key(path)
    finally:
        beside.unlink()
    sync_folder(path.parent)
    return key


def _read_key(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        key = file.read(KEY_BYTES + 1)
    if others_may_read(mode):
        raise KeyFileUnsafe(f"Others may read the key file {path} (mode {stat.S_IMODE(mode):04o}): chmod 600 it.")
    if len(key) != KEY_BYTES:
        raise KeyFileUnsafe(f"{path} is not a key file: it must hold {KEY_BYTES} random bytes. Restore it from a backup, or remove it.")
    return key
