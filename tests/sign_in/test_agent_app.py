"""The agent that a server gives to phones: downloaded without signing in, whole, in parts and again; and described."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.api.http.byte_ranges import File, file_response
from heliograph.settings import Settings
from tests.agents import AGENT, CONTENT
from tests.sign_in.conftest import Guarded, guarded_server

TAG = f'"{AGENT.sha256}"'
SIZE = len(CONTENT)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A server at which callers must sign in."""
    with guarded_server(Settings(data_dir=tmp_path_factory.mktemp("data"), durable=False, agent=AGENT)) as server:
        yield server


def test_a_phone_downloads_it_without_a_credential(server: Guarded) -> None:
    answer = server.call("GET", "/agent.apk")

    assert (200, CONTENT) == (answer.status, answer.body)
    assert "application/vnd.android.package-archive" == answer.headers["content-type"]
    assert (TAG, str(SIZE), "bytes") == tuple(answer.headers[name] for name in ("etag", "content-length", "accept-ranges"))
    assert 'attachment; filename="org.heliograph.agent-7.apk"' == answer.headers["content-disposition"]


def test_its_size_is_known_without_a_download(server: Guarded) -> None:
    answer = server.call("HEAD", "/agent.apk")

    assert (200, b"", str(SIZE)) == (answer.status, answer.body, answer.headers["content-length"])


def test_a_broken_download_goes_on_where_it_broke(server: Guarded) -> None:
    """As Android's DownloadManager does it: Range with If-Match."""
    rest = server.call("GET", "/agent.apk", range="bytes=1000-", if_match=TAG)
    another = server.call("GET", "/agent.apk", range="bytes=1000-", if_match='"another"')
    at_its_end = server.call("GET", "/agent.apk", range=f"bytes={SIZE}-")

    assert (206, CONTENT[1000:], f"bytes 1000-{SIZE - 1}/{SIZE}") == (rest.status, rest.body, rest.headers["content-range"])
    assert 412 == another.status
    assert (416, f"bytes */{SIZE}") == (at_its_end.status, at_its_end.headers["content-range"])


def test_who_has_it_gets_no_bytes(server: Guarded) -> None:
    answer = server.call("GET", "/agent.apk", if_none_match=f'"other", W/{TAG}')

    assert (304, b"", TAG) == (answer.status, answer.body, answer.headers["etag"])


def test_a_part_of_another_file_is_never_mixed_in(server: Guarded) -> None:
    answer = server.call("GET", "/agent.apk", range="bytes=10-", if_range='"another"')

    assert (200, CONTENT) == (answer.status, answer.body)


def test_it_is_described_for_programs(server: Guarded) -> None:
    assert {
        "packageName": "org.heliograph.agent",
        "versionCode": 7,
        "versionName": "0.7",
        "adminComponent": "org.heliograph.agent/.AdminReceiver",
        "signatureChecksum": "yMnKy8zNzs_Q0dLT1NXW19jZ2tvc3d7f4OHi4-Tl5uc",
        "sha256": AGENT.sha256,
        "sizeBytes": SIZE,
        "safe": True,
    } == server.call("GET", "/heliograph/v1/agent").json


def test_nothing_else_can_be_done_with_it(server: Guarded) -> None:
    assert [405, 405, 404] == [
        server.call(*request).status
        for request in (("POST", "/agent.apk"), ("DELETE", "/heliograph/v1/agent"), ("GET", "/agent.apk/other"))
    ]


@pytest.mark.parametrize("path", ["/agent.apk", "/heliograph/v1/agent"])
def test_a_server_without_an_agent_says_how_to_have_one(guarded: Guarded, path: str) -> None:
    answer = guarded.call("GET", path)

    assert (404, "NO_AGENT") == (answer.status, answer.json["error"]["details"][0]["reason"])
    assert "--agent-apk" in answer.message


@given(text=st.from_regex(r"\A(bytes|BYTES|items) ?= ?(\d{0,4}-\d{0,4}(, ?\d{0,4}-\d{0,4})?|.{0,8})\Z"))
def test_a_part_is_what_its_header_says_and_everything_else_is_the_whole(text: str) -> None:
    answer = file_response(File(content=CONTENT, media_type="x/y", entity_tag=TAG, name="x"), {"range": text})

    if answer.status_code == 206:
        first, last = map(int, answer.headers["content-range"].removeprefix("bytes ").partition("/")[0].split("-"))
        assert CONTENT[first : last + 1] == answer.body
        assert 0 <= first <= last < SIZE
    else:
        assert (answer.status_code, answer.body) in {(200, CONTENT), (416, b"")}
