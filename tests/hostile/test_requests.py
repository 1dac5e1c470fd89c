"""Every hostile request is answered, in Google's form and in few words."""

from collections.abc import Iterator

import pytest

from heliograph.settings import Admission, Settings
from tests.api.live import Live
from tests.hostile.requests import HOSTILE
from tests.sign_in.conftest import guarded_server

ERROR_MOST_BYTES = 64 * 1_024


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A whole server on which every caller may do anything."""
    with guarded_server(Settings(data_dir=tmp_path_factory.mktemp("data"), admission=Admission.UNCHECKED, durable=False)) as server:
        yield server


@pytest.fixture(scope="module")
def aim(whole: Live) -> str:
    """A device that never connects."""
    return whole.device(whole.enterprise())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_request_is_answered_in_few_words(whole: Live, aim: str, name: str) -> None:
    request = HOSTILE[name].aimed_at(aim)

    headers = {header.replace("-", "_"): value for header, value in request.headers.items()}
    answer = whole.call(request.http_method, request.path, request.body, **headers)

    assert answer.status < 500, answer.body
    if answer.status != 200:
        assert len(answer.body) < ERROR_MOST_BYTES
        assert answer.json["error"]


@pytest.mark.parametrize("name", [name for name, request in HOSTILE.items() if request.takes_caller])
def test_nobody_without_a_credential_has_its_body_looked_at(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    with guarded_server(Settings(data_dir=tmp_path_factory.mktemp("data"), durable=False)) as server:
        request = HOSTILE[name].aimed_at("enterprises/e/devices/d")

        headers = {header.replace("-", "_"): value for header, value in request.headers.items()}
        answer = server.call(request.http_method, request.path, request.body, **headers)

    assert (401, "UNAUTHENTICATED") == (answer.status, answer.json["error"]["status"])
