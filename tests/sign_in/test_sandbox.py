"""A sandbox requires no key, and signing in works there all the same."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from google.auth.transport.requests import AuthorizedSession

from heliograph.sandbox.settings import SandboxSettings
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client
from tests.sandbox.conftest import running
from tests.sign_in.google_credentials import credentials_of
from tests.sign_in.key_pairs import key_pair

DEVICES = "/v1/enterprises/sandbox/devices"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Client]:
    """One sandbox for the module."""
    with running(SandboxSettings(port=0)) as client:
        yield client


@contextlib.contextmanager
def session_of(key_file: dict[str, Any]) -> Iterator[AuthorizedSession]:
    """Google's session, signed in with the key file."""
    with contextlib.closing(AuthorizedSession(credentials_of(key_file))) as session:  # type: ignore[no-untyped-call]
        yield session


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer anything"}, {"Authorization": "Bearer ya29.c.b0A"}])
def test_any_token_and_none_will_do(sandbox: Client, headers: dict[str, str]) -> None:
    with requests.Session() as session:
        answer = session.get(sandbox.url + DEVICES, headers=headers, timeout=90)

    assert 200 == answer.status_code


def test_a_key_file_of_googles_works_but_for_its_address(sandbox: Client) -> None:
    key = {
        "type": "service_account",
        "private_key_id": "0123456789abcdef",
        "private_key": key_pair(3).private,
        "client_email": "me@my-project.iam.gserviceaccount.com",
        "token_uri": f"{sandbox.url}/token",
    }
    phone = "pixel8-a15-fully-managed"

    with session_of(key) as session:
        issued = session.post(f"{sandbox.url}{DEVICES}/{phone}:issueCommand", json={"type": "LOCK"}).json()

    timeline = sandbox.get(f"/heliograph/v1/{issued['name']}/timeline")
    assert "me@my-project.iam.gserviceaccount.com" in json.dumps(timeline)


def test_a_viewers_key_made_here_is_a_viewers_here(sandbox: Client, tmp_path: Path) -> None:
    out = tmp_path / "viewer.json"
    create = ("keys", "create", "--enterprise", "sandbox", "--role", "viewer", "--out", str(out), "--server", sandbox.url)
    subprocess.run(
        [sys.executable, "-m", "heliograph", *create],
        cwd=tmp_path,
        env=dict(os.environ),
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
    )

    with session_of(json.loads(out.read_text())) as session:
        statuses = [
            session.get(sandbox.url + DEVICES).status_code,
            session.delete(f"{sandbox.url}{DEVICES}/pixel8-a15-fully-managed").status_code,
            session.get(f"{sandbox.url}/v1/enterprises/other").status_code,
        ]

    assert [200, 403, 403] == statuses
