"""Every hostile request is answered, in Google's form and in few words."""

from collections.abc import Iterator

import pytest

from heliograph.settings import Admission, Settings
from tests.api.live import Live, Response
from tests.hostile.requests import HOSTILE, SHORT, Hostile
from tests.sign_in.conftest import guarded_server
from tests.ways_in import LANE, WAYS

ERROR_MOST_BYTES = 64 * 1_024


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, way_in: str) -> Iterator[Live]:
    """A whole server on which every caller may do anything."""
    with guarded_server(Settings(data_dir=tmp_path_factory.mktemp(way_in), admission=Admission.UNCHECKED, durable=False)) as server:
        yield server


def sent(server: Live, request: Hostile) -> Response:
    """The answer to it."""
    headers = {header.replace("-", "_"): value for header, value in request.headers.items()}
    return server.call(request.http_method, request.path, request.body, **headers)


@pytest.fixture(scope="module")
def aim(whole: Live) -> str:
    """A device that never connects."""
    return whole.device(whole.enterprise())


@pytest.mark.both_ways
@pytest.mark.parametrize("name", [*HOSTILE, *SHORT])
def test_a_hostile_request_is_answered_in_few_words(whole: Live, aim: str, name: str) -> None:
    answer = sent(whole, {**HOSTILE, **SHORT}[name].aimed_at(aim))

    assert answer.status < 500, answer.body
    if answer.status != 200:
        assert len(answer.body) < ERROR_MOST_BYTES
        assert answer.json["error"]


@pytest.mark.both_ways
@pytest.mark.parametrize("name", SHORT)
def test_a_short_one_takes_the_hot_lane_where_there_is_one(whole: Live, aim: str, way_in: str, name: str) -> None:
    before = WAYS.taken

    answer = sent(whole, SHORT[name].aimed_at(aim))

    assert 400 == answer.status
    assert (way_in == LANE) is (WAYS.taken == before + 1)


@pytest.mark.parametrize("name", [name for name, request in HOSTILE.items() if request.takes_caller])
def test_nobody_without_a_credential_has_its_body_looked_at(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    with guarded_server(Settings(data_dir=tmp_path_factory.mktemp("data"), durable=False)) as server:
        answer = sent(server, HOSTILE[name].aimed_at("enterprises/e/devices/d"))

    assert (401, "UNAUTHENTICATED") == (answer.status, answer.json["error"]["status"])
