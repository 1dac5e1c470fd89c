"""Phone and server agree on a version of the protocol, or say why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.channel.negotiation import VersionNotSpoken, agreed_version
from heliograph.protocol import VERSIONS
from tests.channel.conftest import Server
from tests.channel.phones import SocketPhone

NO_HELLO = 4408
Versions = st.lists(st.integers(1, 9), max_size=5)


@pytest.mark.parametrize("spoken", [[1], [1, 2, 3], [9, 1]])
async def test_the_answer_to_hello_names_the_version_that_holds(server: Server, spoken: list[int]) -> None:
    phone = await server.enroll()

    greeted = await server.post("hello", {"protocolVersions": spoken}, phone.credential)

    assert (200, 1) == (greeted.status, greeted.body["protocolVersion"])


async def test_a_phone_that_names_no_version_speaks_the_first(server: Server) -> None:
    phone = await server.enroll()

    greeted = await server.post("hello", {}, phone.credential)

    assert (200, None) == (greeted.status, greeted.body.get("protocolVersion"))


async def test_a_phone_that_speaks_no_version_of_this_server_learns_which_there_are(server: Server) -> None:
    phone = await server.enroll()

    async with SocketPhone(server.http, server.url, phone.credential) as socket:
        refused = await socket.send("hello", protocolVersions=[7, 8])
        closed = await socket.ended()
    over_http = await server.post("hello", {"protocolVersions": [7, 8]}, phone.credential)

    assert refused == over_http
    assert (400, NO_HELLO) == (refused.status, closed)
    error = refused.body["error"]
    assert "This phone speaks 7, 8; this server speaks 1 of the device protocol. Update the agent or the server." == error["message"]
    assert ("PROTOCOL_VERSION_NOT_SPOKEN", {"protocolVersions": "1"}) == (error["details"][0]["reason"], error["details"][0]["metadata"])


@given(phones=Versions, servers=Versions)
def test_the_highest_version_that_both_speak_holds(phones: list[int], servers: list[int]) -> None:
    both = set(phones or [1]) & set(servers)

    try:
        agreed = agreed_version(phones, servers)
    except VersionNotSpoken:
        assert not both
    else:
        assert max(both) == (agreed or 1)
        assert (agreed is None) == (not phones)


def test_every_version_is_named_once() -> None:
    assert sorted(set(VERSIONS)) == list(VERSIONS)
