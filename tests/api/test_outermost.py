"""Whatever a request meets, its answer is in Google's form: no plain text, no traceback, no secret."""

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from heliograph.api.http.errors import URL_MAX_BYTES
from heliograph.api.http.failures import AnswerCutOff, outermost
from heliograph.protojson.errors import FailedPrecondition
from heliograph.settings import Admission, Settings
from tests.api.live import Live, Response
from tests.sign_in.conftest import guarded_server

SECRET = "hunter2"
PATHS = ["/v1/enterprises", "/healthz", "/batch", "/token", "/device/v1/enroll", "/heliograph/v1/keys", "/signup/x", "/none"]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A whole server that requires no key."""
    with guarded_server(Settings(data_dir=tmp_path_factory.mktemp("data"), admission=Admission.UNCHECKED, durable=False)) as server:
        yield server


async def answered(failure: Exception, *, begun: bool = False, **scope: Any) -> Response:  # noqa: ANN401 - ASGI
    """What is answered where an app raises this."""
    sent: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise failure

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI
        if message["type"] == "http.response.start" and sent:
            raise RuntimeError("Unexpected ASGI message")
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    await outermost(app)({"type": "http", "path": "/x", "query_string": b"", "headers": [], **scope}, receive, send)
    return Response(sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, sent[1]["body"])


async def test_an_exception_nobody_caught_is_googles_internal_error_and_its_message_stays_here() -> None:
    with capture_logs() as lines:
        answer = await answered(ValueError(SECRET))

    assert (500, "INTERNAL", "Internal error encountered.") == (answer.status, answer.json["error"]["status"], answer.message)
    assert "application/json; charset=UTF-8" == answer.headers["content-type"]
    assert ("api.failed", "ValueError") == (lines[0]["event"], lines[0]["error"])
    assert SECRET not in str(lines)
    assert SECRET not in str(answer)


async def test_an_error_nobody_caught_is_answered_as_what_it_is() -> None:
    answer = await answered(FailedPrecondition("Not now.", retry_after_s=1))

    assert (400, "Not now.", "1") == (answer.status, answer.message, answer.headers["retry-after"])


async def test_an_answer_that_has_begun_is_cut_off_without_its_secret() -> None:
    with pytest.raises(AnswerCutOff) as raised:
        await answered(ValueError(SECRET), begun=True)

    assert raised.value.__suppress_context__


@pytest.mark.parametrize("path", ["/v1/enterprises", "/healthz", "/nothing"])
def test_a_url_may_have_16_kibibytes(parts: Live, path: str) -> None:
    longest = f"{path}?projectId=" + "a" * (URL_MAX_BYTES - len(f"{path}projectId="))

    assert 414 != parts.call("GET", longest).status
    answer = parts.call("GET", longest + "a")
    assert (414, "INVALID_ARGUMENT") == (answer.status, answer.json["error"]["status"])
    assert answer.message.startswith("The URL is too long")


def test_a_query_in_the_body_of_a_tunnelled_get_may_not_be_longer(parts: Live) -> None:
    headers = {"x_http_method_override": "GET", "content_type": "application/x-www-form-urlencoded"}

    assert 200 == parts.call("POST", "/v1/enterprises", "projectId=" + "a" * (URL_MAX_BYTES - 10), **headers).status
    assert 414 == parts.call("POST", "/v1/enterprises", "projectId=" + "a" * (URL_MAX_BYTES - 9), **headers).status


@pytest.mark.parametrize("count, status", [(64, 200), (65, 200), (256, 200), (257, 400)])
def test_the_discovery_page_takes_as_many_parameters_as_any_method(live: Live, count: int, status: int) -> None:
    answer = live.call("GET", "/$discovery/rest?" + "&".join(["a=1"] * count))

    assert status == answer.status
    assert "application/json; charset=UTF-8" == answer.headers["content-type"]


@pytest.mark.parametrize("http_method", ["PUT", "DELETE", "TRACE"])
@pytest.mark.parametrize(
    "path", ["/v1/enterprises", "/healthz", "/batch", "/token", "/device/v1/enroll", "/heliograph/v1/keys", "/signup/x", "/none"]
)
def test_another_http_method_is_refused_in_googles_form(parts: Live, http_method: str, path: str) -> None:
    answer = parts.call(http_method, path)

    assert 400 <= answer.status < 500
    assert answer.message
    assert answer.json["error"]["code"] == answer.status


@pytest.mark.parametrize("path", ["/heliograph/v1/keys", "/heliograph/v1/keys/x"])
def test_a_path_beside_the_api_says_which_http_methods_it_takes(parts: Live, path: str) -> None:
    answer = parts.call("PUT", path)

    assert 405 == answer.status
    assert answer.headers["allow"] in {"GET, HEAD, POST", "DELETE, PATCH"}
    assert answer.message.endswith(f"it accepts {answer.headers['allow']}.")
