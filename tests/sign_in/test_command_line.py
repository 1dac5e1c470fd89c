"""`heliograph keys` and `heliograph --key` as people use them: real processes, a real data directory."""

import contextlib
import json
import os
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.program import running_server
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH_")} | {"NO_COLOR": "1"}


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Shell:
    """Runs commands in a folder where `heliograph serve` runs."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def run(self, *arguments: str, **variables: str) -> Ran:
        """One command, ended."""
        environment = ENVIRONMENT | variables
        done = subprocess.run(
            [*HELIOGRAPH, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
        return Ran(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def serving(folder: Path, *options: str) -> Iterator[Shell]:
    """`heliograph serve` in the folder, with its default data directory."""
    with running_server(*options, cwd=folder, env=ENVIRONMENT) as (url, _):
        yield Shell(folder, url)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A folder where a server runs that asks for a key; it has the enterprise acme."""
    with serving(tmp_path_factory.mktemp("here")) as found:
        made = found.run("keys", "create", "--enterprise", "acme", "--role", "admin", "--out", "first.json")
        assert 0 == made.code, made.err
        yield found


def test_a_key_is_made_used_listed_and_deleted(shell: Shell) -> None:
    made = shell.run(
        "keys", "create", "--enterprise", "acme", "--role", "admin", "--out", "key.json", "--name", "ci", "--person", "ann@acme.example"
    )
    key = json.loads((shell.folder / "key.json").read_text())
    devices = ("devices", "list", "--server", shell.url, "--enterprise", "acme")

    assert (0, True) == (made.code, key["client_email"] in made.out)
    assert 0o600 == stat.S_IMODE((shell.folder / "key.json").stat().st_mode)
    assert {
        "type": "service_account",
        "project_id": "acme",
        "client_email": "ci@acme.iam.heliograph.internal",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": f"{shell.url}/token",
        "universe_domain": "googleapis.com",
        "heliograph": {"server": shell.url, "enterprise": "acme"},
    } == {name: key[name] for name in key if name not in {"private_key_id", "private_key", "client_id"}}
    assert 4 == shell.run(*devices).code
    assert (0, "No device has enrolled yet.\n") == shell.run("--key", "key.json", *devices)[:2]
    listed = shell.run("keys", "list").out
    assert (True, True) == (key["private_key_id"] in listed, "ann@acme.example" in listed)
    assert 0 == shell.run("keys", "delete", key["private_key_id"]).code
    assert 4 == shell.run("--key", "key.json", *devices).code


def test_a_key_file_knows_its_server_and_its_enterprise(shell: Shell) -> None:
    shell.run("keys", "create", "--enterprise", "acme", "--role", "admin", "--out", "knows.json")

    listed = shell.run("--key", "knows.json", "devices", "list")
    shown = shell.run("policies", "list", HELIOGRAPH_KEY="knows.json")
    elsewhere = shell.run("--key", "knows.json", "devices", "list", HELIOGRAPH_SERVER="http://127.0.0.1:9")

    assert (0, "No device has enrolled yet.\n") == listed[:2], listed.err
    assert 0 == shown.code, shown.err
    assert 5 == elsewhere.code  # what is said beats what the file knows


def test_keys_of_a_server_on_this_machine_are_made_by_it_whatever_the_environment_says(shell: Shell) -> None:
    made = shell.run(
        "keys", "create", "--enterprise", "acme", "--role", "viewer", "--out", "here.json", HELIOGRAPH_SERVER="http://127.0.0.1:9"
    )

    assert 0 == made.code, made.err
    assert f"{shell.url}/token" == json.loads((shell.folder / "here.json").read_text())["token_uri"]


def test_a_refusal_for_want_of_a_key_says_what_to_do(shell: Shell) -> None:
    assert "heliograph --key" in shell.run("devices", "list", "--server", shell.url).err


def test_the_address_that_clients_use_goes_into_the_file(shell: Shell) -> None:
    address = ("--data-dir", "heliograph-data", "--server", "https://mdm.example.com/")

    made = shell.run("keys", "create", "--enterprise", "*", "--role", "admin", "--out", "all.json", *address)

    key = json.loads((shell.folder / "all.json").read_text())
    assert (0, "https://mdm.example.com/token", "heliograph") == (made.code, key["token_uri"], key["project_id"])


def test_a_key_file_is_never_overwritten_and_never_left_empty(shell: Shell) -> None:
    (shell.folder / "there.json").write_text("mine")

    refused = shell.run("keys", "create", "--enterprise", "acme", "--role", "admin", "--out", "there.json")
    failed = shell.run("keys", "create", "--enterprise", "nobodys", "--role", "viewer", "--out", "none.json")

    assert (2, "mine") == (refused.code, (shell.folder / "there.json").read_text())
    assert (2, False, True) == (failed.code, (shell.folder / "none.json").exists(), "no enterprises/nobodys" in failed.err)


def test_a_file_that_is_no_key_is_named(shell: Shell) -> None:
    (shell.folder / "no-key.json").write_text("{}")

    for file in ("no-key.json", "absent.json"):
        ran = shell.run("--key", file, "devices", "list", "--server", shell.url)
        assert (2, True) == (ran.code, file in ran.err)


def test_a_key_file_is_not_made_for_what_is_no_address(shell: Shell) -> None:
    for wrong in (r"https://ok.example\@evil.example", "https://", "ftp://mdm.example.com"):
        made = shell.run(
            *("keys", "create", "--enterprise", "acme", "--role", "admin", "--out", "wrong.json"),
            *("--data-dir", "heliograph-data", "--server", wrong),
        )

        assert (2, True) == (made.code, "is not the address of a server" in " ".join(made.err.split()))
    assert not (shell.folder / "wrong.json").exists()


def test_where_no_server_runs_that_is_said(tmp_path: Path) -> None:
    ran = Shell(tmp_path, "").run("keys", "list", "--data-dir", str(tmp_path))

    assert (2, True) == (ran.code, "No server runs on" in ran.err)


def test_what_lets_in_the_operator_is_for_the_operators_eyes(shell: Shell) -> None:
    assert 0o600 == stat.S_IMODE((shell.folder / "heliograph-data" / "operator.json").stat().st_mode)


def test_no_auth_asks_nobody_and_stays_on_this_machine(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-auth") as shell:
        created = shell.run("keys", "create", "--enterprise", "acme", "--role", "admin", "--out", "key.json")
        assert (0, 0) == (created.code, shell.run("devices", "list", "--server", shell.url, "--enterprise", "acme").code)
    assert not (tmp_path / "heliograph-data" / "operator.json").exists()

    refused = Shell(tmp_path, "").run("serve", "--no-auth", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - refused

    assert (2, True) == (refused.code, "--no-auth" in refused.err)


def test_a_printed_token_signs_a_caller_in(shell: Shell) -> None:
    shell.run("keys", "create", "--enterprise", "acme", "--role", "admin", "--out", "token.json")
    url = f"{shell.url}/v1/enterprises/acme/devices"

    token = shell.run("token", "--key", "token.json").out.strip()
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own address

    with urllib.request.urlopen(request, timeout=90) as answer:  # noqa: S310
        assert 200 == answer.status


def test_roles_are_set_bound_explained_and_deleted(shell: Shell) -> None:
    created = shell.run("keys", "create", "--enterprise", "acme", "--role", "viewer", "--out", "viewer.json", "--name", "desk")
    assert 0 == created.code, created.err
    who = "account:desk@acme.iam.heliograph.internal"
    lines = [{"methods": ["androidmanagement.enterprises.devices.issueCommand"], "commandTypes": ["LOCK"], "perHour": 100}]
    (shell.folder / "role.json").write_text(json.dumps({"description": "Locks phones.", "allow": lines}))

    assert (0, "locker has 1 line.\n") == shell.run("roles", "set", "locker", "--body", "@role.json")[:2]
    assert lines == json.loads(shell.run("roles", "show", "locker", "--json").out)["allow"]
    denied = shell.run("can", who, "LOCK", "--enterprise", "acme")
    assert (4, True, True) == (denied.code, "allowed    no" in denied.out, "viewer, line 1: it names other methods" in denied.out)
    assert 0 == shell.run("roles", "bind", who, "locker").code
    allowed = shell.run("can", who, "LOCK", "--enterprise", "acme", "--json")
    assert (0, True, ["viewer", "locker"]) == (allowed.code, json.loads(allowed.out)["allowed"], json.loads(allowed.out)["roles"])
    assert who in shell.run("roles", "list").out
    assert (2, True) == (shell.run("roles", "delete", "locker").code, who in shell.run("roles", "delete", "locker").err)
    assert 0 == shell.run("roles", "unbind", who, "locker").code
    assert 0 == shell.run("roles", "delete", "locker").code
    assert "locker" not in shell.run("roles", "list").out
    assert "devices.delete\tyes" in shell.run("roles", "methods").out


def test_of_a_person_without_a_role_their_keys_are_named(shell: Shell) -> None:
    key = ("--enterprise", "acme", "--role", "viewer", "--out", "of-eve.json", "--name", "eve", "--person", "eve@acme.example")
    shell.run("keys", "create", *key)

    by_key = shell.run("can", "person:eve@acme.example", "LOCK", "--enterprise", "acme")
    nobody = shell.run("can", "person:nobody@acme.example", "LOCK", "--enterprise", "acme")

    assert "eve@acme.iam.heliograph.internal" in by_key.err
    assert "no key" in nobody.err


def test_a_role_that_cannot_be_says_what_is_wrong(shell: Shell) -> None:
    ran = shell.run("roles", "set", "odd", "--body", '{"allow": [{"methods": ["devices.get"]}]}')

    assert (2, True, True) == (ran.code, "'devices.get'" in ran.err, "heliograph roles methods" in ran.err)


def test_a_key_is_rotated_and_changed(shell: Shell) -> None:
    shell.run("keys", "create", "--enterprise", "acme", "--role", "admin", "--out", "one.json", "--name", "turning", "--expires", "90d")
    one = json.loads((shell.folder / "one.json").read_text())

    rotated = shell.run("keys", "rotate", one["private_key_id"], "--out", "two.json", "--overlap", "0s", "--expires", "30d")
    two = json.loads((shell.folder / "two.json").read_text())
    changed = shell.run("keys", "update", two["private_key_id"], "--role", "operator", "--blast-radius", "3", "--no-expiry")

    assert (0, one["client_email"], True) == (rotated.code, two["client_email"], two["private_key"] != one["private_key"])
    assert (0, True) == (changed.code, "has the role operator, does not end, blast radius 3" in changed.out)
    devices = ("devices", "list", "--server", shell.url, "--enterprise", "acme")
    assert [4, 0] == [shell.run("--key", file, *devices).code for file in ("one.json", "two.json")]
    assert 2 == shell.run("keys", "update", two["private_key_id"], "--blast-radius", "many").code
