"""Every route that a server has, from its own tables, admits whom it was decided to admit, and no one else."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import pytest
from starlette.routing import Route

from heliograph.api.app import METHODS, PREFIXES
from heliograph.api.console.app import PAGES
from heliograph.api.console.door import PREFIX as CONSOLE
from heliograph.api.desk_methods import DESK_METHODS
from heliograph.api.health_pages import HealthPages
from heliograph.api.http.address import Addresses
from heliograph.api.http.authorization import Admits
from heliograph.api.http.request_body import BATCH_PATHS
from heliograph.api.latest_stats import LatestStats
from heliograph.api.resources.agent_app import agent_app
from heliograph.api.resources.operator_desk import PREFIX as DESK
from heliograph.api.resources.signing_keys import signing_keys_app
from heliograph.api.resources.token import PATHS as TOKEN_PATHS
from heliograph.api.sign_in.app import HANDLERS
from heliograph.api.sign_in.back_channel import PATH as BACK_CHANNEL
from heliograph.api.web.rendering import STATIC
from heliograph.channel.app import OF_DEVICE, OF_OPERATION, ROOT
from heliograph.sandbox.routes import STEERING_ROUTES
from heliograph.server.assembly import API, DECIDED
from heliograph.service.approval_links import LINK_PATH
from heliograph.service.enterprise_upgrade import PATH as UPGRADE
from heliograph.service.sign_up import PATH as SIGN_UP
from tests.api.live import Response
from tests.api.test_batch import answers, call, send
from tests.sign_in.conftest import OPERATOR, Guarded, bearer_of
from tests.sign_in.key_pairs import key_pair

DEVICE = "enterprises/acme/devices/none"
_IN_BRACES = re.compile(r"\{[^}]*\}")


class Call(NamedTuple):
    """One way to call a route."""

    admits: Admits
    http: str
    path: str

    def __str__(self) -> str:
        return f"{self.http} {self.path}"


def methods() -> Iterator[Call]:
    """The API's methods, each by its row."""
    for prefix, table in PREFIXES:
        for method in METHODS:
            path = "/".join("none" if part == "*" else part.replace("*", "none") for part in method.path.split("/"))
            path = path.replace("enterprises/none", "enterprises/acme")
            if method in table.methods:
                yield Call(Admits.ROLE, method.http, f"{prefix.decode()}{path}")


def desk() -> Iterator[Call]:
    """What is for the operator."""
    for method in DESK_METHODS:
        yield Call(Admits.OPERATOR, method.http, f"{DESK}/{method.path.replace('*', 'none')}")


def phones() -> Iterator[Call]:
    """The device protocol; who enrols shows a token in the body."""
    yield from (Call(Admits.PHONE, "POST", f"{ROOT}{kind}") for kind in sorted(OF_DEVICE))
    yield from (Call(Admits.PHONE, "POST", f"{ROOT}{DEVICE}/operations/1:{kind}") for kind in sorted(OF_OPERATION))
    yield Call(Admits.PHONE, "GET", f"{ROOT}commands")


def of_router(app: Any) -> Iterator[Call]:  # noqa: ANN401 - a Router, typed as an ASGI app
    """What anybody may read, of a router of its own."""
    for route in app.routes:
        assert isinstance(route, Route)
        for http in sorted((route.methods or set()) - {"HEAD"}):
            yield Call(Admits.ANYBODY, http, route.path)


def browsers() -> Iterator[Call]:
    """The pages of signing in, and the console's."""
    for path, handlers in HANDLERS.items():
        yield from (Call(Admits.BROWSER, http, path) for http in handlers)
    for row in PAGES:
        yield Call(Admits.BROWSER, row.http, f"{CONSOLE}/{row.path.replace('*', 'none')}".rstrip("/"))


CALLS: Collection[Call] = [
    *methods(),
    *desk(),
    *phones(),
    *browsers(),
    *of_router(agent_app(None)),
    *(Call(Admits.ASSERTION, "POST", path) for path in sorted((*TOKEN_PATHS, BACK_CHANNEL))),
    *(Call(Admits.LINK, http, f"{path}none") for path in (SIGN_UP, UPGRADE, LINK_PATH) for http in ("GET", "POST")),
]


def of(admits: Admits) -> list[Call]:
    """Those that are decided so."""
    return [one for one in CALLS if one.admits is admits]


def reason_of(answer: Response) -> str:
    """The ErrorInfo's reason."""
    return next((str(detail["reason"]) for detail in answer.json["error"].get("details", ()) if "reason" in detail), "")


def send_to(server: Guarded, one: Call, **headers: str) -> Response:
    """The answer to the call with an empty body, if it takes one."""
    return server.call(one.http, one.path, "{}" if one.http in {"POST", "PUT", "PATCH"} else None, **headers)


@pytest.fixture(scope="module")
def nobody(guarded: Guarded) -> dict[str, Any]:
    """A key of all enterprises, with a role that allows one method."""
    guarded.desk("PUT", "/roles/nobody", {"allow": [{"methods": ["androidmanagement.signupUrls.create"]}]})
    guarded.key_file(["acme"], pair=key_pair(1))
    return guarded.key_file(["*"], "nobody", pair=key_pair(0))


def test_every_prefix_is_decided_and_every_decision_is_walked() -> None:
    walked = {prefix for prefix in DECIDED for one in CALLS if one.path.startswith(prefix) and one.admits is DECIDED[prefix]}

    not_walked = DECIDED.keys() - walked - {STATIC, *(route.path for route in signing_keys_routes()), "/.well-known/"}
    assert not not_walked, f"Say in this file how these are called: {', '.join(not_walked)}"
    assert API in walked


def signing_keys_routes() -> list[Route]:
    """The public halves of keys that sign for this server."""
    app: Any = signing_keys_app(None, addresses=Addresses())  # type: ignore[arg-type]  # nothing is asked of it
    return [*app.routes]


def test_each_method_has_one_row_and_one_way_to_be_called() -> None:
    assert len(METHODS) == len(of(Admits.ROLE)) == len({method.id for method in METHODS})


@pytest.mark.parametrize("one", of(Admits.ROLE), ids=str)
def test_a_method_needs_a_caller_and_a_role_that_allows_it(guarded: Guarded, nobody: dict[str, Any], one: Call) -> None:
    assert (401, "CREDENTIALS_MISSING") == ((answer := send_to(guarded, one)).status, reason_of(answer))
    answer = guarded.call_as(nobody, one.http, one.path, "{}" if one.http in {"POST", "PUT", "PATCH"} else None)

    if one.path == "/v1/signupUrls":
        assert answer.status in {200, 400}
    else:
        assert (403, "ROLE_INSUFFICIENT") == (answer.status, reason_of(answer))


@pytest.mark.parametrize("path", sorted(BATCH_PATHS))
def test_a_batch_needs_a_caller_and_each_of_its_calls_a_role(guarded: Guarded, nobody: dict[str, Any], path: str) -> None:
    parts = [call(f"{one.http} {one.path} HTTP/1.1") for one in of(Admits.ROLE) if one.path != "/v1/signupUrls"][:40]

    assert 401 == send(guarded, parts, path=path).status
    assert {403} == {part.status for part in answers(send(guarded, parts, path=path, authorization=bearer_of(nobody)))}


@pytest.mark.parametrize("one", of(Admits.OPERATOR), ids=str)
def test_the_desk_is_for_the_operator_alone(guarded: Guarded, nobody: dict[str, Any], one: Call) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {OPERATOR}", "x_forwarded_for": "1.2.3.4"}):
        answer = send_to(guarded, one, **headers)
        assert (403, "OPERATOR_ONLY") == (answer.status, reason_of(answer))
    answer = guarded.call_as(nobody, one.http, one.path, "{}" if one.http in {"POST", "PUT", "PATCH"} else None)
    assert (403, "OPERATOR_ONLY") == (answer.status, reason_of(answer))


@pytest.mark.parametrize("one", of(Admits.PHONE), ids=str)
def test_the_device_protocol_is_for_phones(guarded: Guarded, nobody: dict[str, Any], one: Call) -> None:
    assert 401 == send_to(guarded, one).status
    assert 401 == guarded.call_as(nobody, one.http, one.path, "{}" if one.http == "POST" else None).status


def test_a_phone_enrols_with_a_token_only(guarded: Guarded) -> None:
    body = '{"enrollmentToken": "none", "installationId": "i", "credentialHash": "' + "0" * 64 + '", "report": {}}'

    assert guarded.call("POST", f"{ROOT}enroll", body, content_type="application/json").status in {400, 401, 403, 404}


@pytest.mark.parametrize("one", of(Admits.ASSERTION), ids=str)
def test_a_token_is_for_who_signs(guarded: Guarded, one: Call) -> None:
    assert 400 == guarded.call(one.http, one.path, "", content_type="application/x-www-form-urlencoded").status


@pytest.mark.parametrize("one", of(Admits.LINK), ids=str)
def test_a_page_with_a_sealed_address_has_no_other(guarded: Guarded, one: Call) -> None:
    assert guarded.call(one.http, one.path, "" if one.http == "POST" else None).status in {400, 404}


@pytest.mark.parametrize("one", of(Admits.BROWSER), ids=str)
def test_a_page_does_nothing_for_a_browser_that_no_one_signed_in_with(guarded: Guarded, one: Call) -> None:
    answer = send_to(guarded, one)

    if one.http == "POST":
        assert answer.status in {303, 400, 403, 404}
    cookies = answer.headers.get("set-cookie", "")
    assert "session=" not in cookies or "Max-Age=0" in cookies


def test_what_anybody_may_read_names_no_enterprise(guarded: Guarded, nobody: dict[str, Any]) -> None:
    assert nobody
    pages = HealthPages(guarded.ports, lately=LatestStats(guarded.ports), counts=Counter(), addresses=Addresses())
    for path in (*pages.paths, *(route.path for route in signing_keys_routes()), *(one.path for one in of(Admits.ANYBODY))):
        answer = guarded.call("GET", path)

        assert answer.status in {200, 404}, path
        assert b"acme" not in answer.body, path


@pytest.mark.parametrize("row", STEERING_ROUTES, ids=lambda row: f"{row.http_method} {row.path}")
def test_nothing_of_a_sandbox_is_at_a_server(guarded: Guarded, row: Any) -> None:  # noqa: ANN401 - a SteeringRoute
    path = _IN_BRACES.sub("none", row.path)

    assert 404 == guarded.call(row.http_method, path, "{}" if row.http_method in {"POST", "PATCH"} else None).status
