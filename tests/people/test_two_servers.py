"""Several servers of one database: who signs out at one is out at all; and what a database gives away to its readers."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from heliograph.service.sessions import find_session
from heliograph.settings import Settings
from tests.files import contents
from tests.people.authenticator import options_in
from tests.people.visitor import Visitor, invited, signed_in
from tests.postgres import Cluster
from tests.sign_in.conftest import Guarded, guarded_server
from tests.sign_in.key_pairs import key_pair

HTTPS = "https://mdm.example.com"


@pytest.fixture
def two_servers(tmp_path: Path, postgres: Cluster) -> Iterator[tuple[Guarded, Guarded]]:
    """Behind one name, with one key file."""
    database_url = postgres.fresh_database()
    with contextlib.ExitStack() as end:
        yield tuple(  # type: ignore[misc]
            end.enter_context(
                guarded_server(
                    Settings(data_dir=tmp_path / number, database_url=database_url, key_file=tmp_path / "key", public_urls=(HTTPS,))
                )
            )
            for number in ("one", "two")
        )


def test_a_sign_in_that_begins_at_one_server_ends_at_another_and_its_session_holds_at_both(two_servers: tuple[Guarded, Guarded]) -> None:
    one, two = two_servers
    visitor = Visitor(one, HTTPS)
    link = invited(two, "both@example.com")

    assert 303 == visitor.accept(link).status

    visitor.server = two
    assert 200 == visitor.get("/account").status
    assert 200 == visitor.call("GET", "/v1/enterprises?projectId=p").status


def test_who_signs_out_everywhere_at_one_server_is_out_at_the_other_at_once(two_servers: tuple[Guarded, Guarded]) -> None:
    one, two = two_servers
    here, there = Visitor(one, HTTPS), Visitor(two, HTTPS)
    here.accept(invited(one, "out@example.com"))
    there.authenticator = here.authenticator
    there.sign_in()
    assert 200 == there.call("GET", "/v1/enterprises?projectId=p").status

    here.post("/account/sign-out-everywhere", {"form_token": here.form_token()})

    assert 401 == there.call("GET", "/v1/enterprises?projectId=p").status
    assert "/sign-in" in there.get("/account").place


def test_a_sign_in_counts_at_one_server_only(two_servers: tuple[Guarded, Guarded]) -> None:
    """The challenge that one server saw answered is answered at the other, too."""
    one, two = two_servers
    visitor = Visitor(one, HTTPS)
    visitor.accept(invited(one, "replay@example.com"))
    visitor.cookies.clear()
    answer = visitor.authenticator.get(options_in(visitor.get("/sign-in").page), HTTPS)
    thief = Visitor(two, HTTPS)
    thief.cookies = dict(visitor.cookies)

    statuses = [one.post("/sign-in/passkey", {"credential": answer}).status for one in (visitor, thief)]

    assert [303, 403] == statuses


def test_a_session_that_calls_the_api_is_no_key_with_an_address(tmp_path: Path) -> None:
    """The audit trail remembers where keys were used from; a session is not one, and its sign-in has the address."""
    with guarded_server(Settings(data_dir=tmp_path, durable=False)) as server:
        visitor = signed_in(server)
        assert 200 == visitor.call("GET", "/v1/enterprises?projectId=p").status

    with contextlib.closing(sqlite3.connect(tmp_path / "heliograph.db")) as database:
        assert (0,) == database.execute("SELECT count(*) FROM key_addresses").fetchone()


def test_the_database_knows_no_secret_of_a_session_or_an_invitation(tmp_path: Path) -> None:
    with guarded_server(Settings(data_dir=tmp_path, durable=False)) as server:
        link = invited(server, "secrets@example.com")
        visitor = signed_in(server, "kept@example.com")

        stored = b"".join(contents(tmp_path, "heliograph.db*").values())

    assert b"kept@example.com" in stored
    assert visitor.session.encode() not in stored
    assert link.rpartition(".")[2].encode() not in stored


def test_one_person_is_one_however_their_address_is_written(tmp_path: Path) -> None:
    """Keys and sessions of one person count as one (approvals, blast radius): capital letters make no second one."""
    with guarded_server(Settings(data_dir=tmp_path, durable=False)) as server:
        visitor = signed_in(server, "Anna@Example.com")
        wanted = {"publicKey": key_pair(0).public, "enterprises": ["*"], "role": "admin", "person": "ANNA@example.COM"}
        made = server.operate("POST", "", json.dumps(wanted)).json
        person = server.run(find_session(server.ports, visitor.session))

    assert person is not None
    assert person.person.name.person == made["person"] == "anna@example.com"
