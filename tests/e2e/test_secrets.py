"""A password goes to its phone and nowhere else: not one file, log line, answer or list holds it, at any time."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from heliograph.domain.names import DeviceName
from heliograph.storage.codec import operation_from
from heliograph.storage.vault import FileVault, SecretUnreadable
from tests.e2e.program import Sandbox, running_sandbox
from tests.files import contents

PHONE = "pixel8-a15-fully-managed"
NAME = f"enterprises/sandbox/devices/{PHONE}"
PASSWORD = "hg7Xq2-needle-91Kz"
LATER_PASSWORD = "hg7Xq2-needle-later-44Tm"
NEEDLES = tuple(text.encode() for text in (PASSWORD, LATER_PASSWORD))


def holders(folder: Path) -> list[str]:
    """Every file below the folder that holds a password: database, write-ahead log, key, journals, output."""
    return [str(path) for path, content in contents(folder).items() if _held(content)]


def stored(folder: Path) -> bytes:
    """All bytes of all files: the search looks where things are indeed kept."""
    return b"".join(contents(folder).values())


def _held(content: bytes) -> bool:
    return any(needle in content for needle in NEEDLES)


def answers(sandbox: Sandbox, operation: str) -> str:
    """Everything that the server shows about the operation and its phone."""
    paths = [
        f"/v1/{operation}",
        f"/v1/{NAME}/operations",
        f"/heliograph/v1/{operation}/timeline",
        f"/v1/{NAME}",
        f"/sandbox/v1/devices/{PHONE}",
    ]
    told = [json.dumps(sandbox.call("GET", path)) for path in paths]
    return "\n".join([*told, sandbox.run("operations", "get", operation).stdout, sandbox.run("operations", "timeline", operation).stdout])


def reset_password(sandbox: Sandbox, password: str, *arguments: str) -> str:
    """The operation's name, once the command was issued; the password comes from a pipe, as in a script."""
    done = sandbox.run("issue", PHONE, "RESET_PASSWORD", "--new-password", "-", "--json", *arguments, input=f"{password}\n")
    assert 0 == done.returncode, done.stderr
    assert not _held((done.stdout + done.stderr).encode())
    return str(json.loads(done.stdout)["name"])


def test_a_new_password_is_nowhere_but_on_its_phone(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as sandbox:
        sandbox.steer("PATCH", f"/devices/{PHONE}", online=False)
        waiting = reset_password(sandbox, PASSWORD)
        assert [] == holders(tmp_path), "while the phone is offline"
        assert b"RESET_PASSWORD" in stored(tmp_path)
        assert not _held(answers(sandbox, waiting).encode())

        sandbox.steer("PATCH", f"/devices/{PHONE}", online=True, dropNext=["ACKNOWLEDGE_ANSWER", "REPORT"])
        assert 0 == sandbox.run("operations", "wait", waiting, "--timeout", "30").returncode
        assert [] == holders(tmp_path), "once it has ended"
        assert not _held(answers(sandbox, waiting).encode())

        done = reset_password(sandbox, LATER_PASSWORD, "--wait")
        assert [] == holders(tmp_path), "of a phone that was online"
        assert not _held(answers(sandbox, done).encode())

        phone = sandbox.steer("GET", f"/devices/{PHONE}")["phone"]
        assert len(LATER_PASSWORD) == phone["credential"]["length"], "and yet it has arrived"

    assert [] == holders(tmp_path), "after the server has ended"


def test_a_backup_and_the_key_file_together_do_not_open_the_password_of_a_phone_with_a_key(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as sandbox:
        sandbox.steer("PATCH", f"/devices/{PHONE}", online=False)
        reset_password(sandbox, PASSWORD)
        copy = tmp_path / "copy.db"
        assert 0 == sandbox.run("db", "backup", str(copy), "--data-dir", str(sandbox.data_dir)).returncode
        vault = FileVault(sandbox.data_dir / "heliograph.key")

    with contextlib.closing(sqlite3.connect(copy)) as database:
        rows = database.execute("SELECT create_ms, state, deadline_us, ended_us, record FROM operations").fetchall()
    device = DeviceName.parse(NAME)
    sealed = [operation for row in rows if (operation := operation_from(device, row[0], row[1:])).secret is not None]
    assert 1 == len(sealed)
    for operation in sealed:
        with pytest.raises(SecretUnreadable):
            vault.open(operation.secret or b"", bound_to=str(operation.name))


def test_a_refused_body_is_not_logged_with_its_password(tmp_path: Path) -> None:
    """Bodies that are wrong somewhere else, or have the password in the wrong place."""
    bodies = (
        {"type": "RESET_PASSWORD", "newPassword": PASSWORD, "wipeParams": {}},
        {"type": "LOCK", "newPassword": PASSWORD},
        {"type": "RESET_PASSWORD", "newPassword": [PASSWORD]},
        {"type": "RESET_PASSWORD", "newPasword": PASSWORD},
    )
    with running_sandbox(tmp_path) as sandbox:
        for body in bodies:
            assert 2 == sandbox.run("issue", PHONE, "--body", json.dumps(body)).returncode

    assert [] == holders(tmp_path)
