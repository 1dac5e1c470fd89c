"""Sealed secrets tell nothing, and open only where they belong."""

import os
import stat
from pathlib import Path

import pytest

from heliograph.storage.vault import FileVault, KeyFileUnsafe, SecretUnreadable

SECRET = b'{"newPassword":"correct horse"}'
NAME = "enterprises/a/devices/b/operations/1"


def test_a_sealed_secret_opens_for_the_operation_it_is_bound_to(tmp_path: Path) -> None:
    vault = FileVault(tmp_path / "key")

    sealed = vault.seal(SECRET, bound_to=NAME)

    assert SECRET == FileVault(tmp_path / "key").open(sealed, bound_to=NAME)


def test_sealed_bytes_tell_nothing_not_even_that_two_secrets_are_equal(tmp_path: Path) -> None:
    vault = FileVault(tmp_path / "key")

    first, second = vault.seal(SECRET, bound_to=NAME), vault.seal(SECRET, bound_to=NAME)

    assert first != second
    assert b"horse" not in first + second


@pytest.mark.parametrize("change", ["another name", "another key", "a flipped bit", "cut short", "empty"])
def test_what_was_not_sealed_so_does_not_open(tmp_path: Path, change: str) -> None:
    vault = FileVault(tmp_path / "key")
    sealed = vault.seal(SECRET, bound_to=NAME)
    flipped = bytes([sealed[0] ^ 1]) + sealed[1:]
    given = {"a flipped bit": flipped, "cut short": sealed[:20], "empty": b""}.get(change, sealed)
    opener = FileVault(tmp_path / "other") if change == "another key" else vault

    with pytest.raises(SecretUnreadable) as raised:
        opener.open(given, bound_to=NAME + "0" if change == "another name" else NAME)

    assert b"horse" not in str(raised.value).encode()


def test_the_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        FileVault(tmp_path / "key")
    finally:
        os.umask(umask)

    assert 0o600 == stat.S_IMODE((tmp_path / "key").stat().st_mode)
    assert 32 == (tmp_path / "key").stat().st_size


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    FileVault(tmp_path / "key")
    (tmp_path / "key").chmod(mode)

    with pytest.raises(KeyFileUnsafe, match="chmod 600"):
        FileVault(tmp_path / "key")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, size: int) -> None:
    (tmp_path / "key").write_bytes(bytes(size))
    (tmp_path / "key").chmod(0o600)

    with pytest.raises(KeyFileUnsafe, match="not a key file"):
        FileVault(tmp_path / "key")
