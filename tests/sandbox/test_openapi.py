"""The OpenAPI document of `/sandbox/v1`: it is one, it has every route and nothing else, and what it says of wrong bodies is so."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route

from heliograph.api.http.address import Addresses
from heliograph.sandbox.routes import STEERING_ROUTES, sandbox_app
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.steering_route import PATH_PARAMETERS, SteeringRoute
from heliograph.sandbox.worlds import Worlds
from heliograph.sandbox.worlds_routes import ALL_ROUTES, WORLDS_ROUTES, worlds_app
from heliograph.server.in_memory import memory_template
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.documented import document

BY_ID = {route.id: route for route in ALL_ROUTES}
WITH_A_BODY = [route for route in ALL_ROUTES if route.has_body]
OPENAPI = "/sandbox/v1/openapi.json"


def there(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The HTTP methods and paths of a document."""
    return {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}


def path_of(route: SteeringRoute[Any]) -> str:
    """The route's path about the things of its examples."""
    return route.path.format_map({name: parameter.example for name, parameter in PATH_PARAMETERS.items()})


def test_the_document_is_openapi_3_1(sandbox: Client) -> None:
    served = sandbox.get(OPENAPI)

    OpenAPIV31SpecValidator(served).validate()

    assert "3.1.1" == served["openapi"]


def test_the_document_has_every_route_of_the_routers_and_nothing_else(sandbox: Client) -> None:
    settings = SandboxSettings(port=0)
    worlds = worlds_app(Worlds(settings, steering=sandbox_app(), template=lambda: memory_template(0)), Addresses())
    routes = [route for router in (sandbox_app(), worlds) for route in router.routes if isinstance(route, Route)]

    expected = {(method, route.path) for route in routes for method in route.methods or () if method != "HEAD"}

    assert len(expected) > 50
    assert expected == there(sandbox.get(OPENAPI))


def test_each_world_describes_what_it_answers(sandbox: Client) -> None:
    world = sandbox.post("/sandbox/v1/worlds", {"seed": 1, "phones": []})

    served = Client(world["url"]).get(OPENAPI)

    assert there(served) == {(route.http_method, route.path) for route in STEERING_ROUTES}
    assert [{"url": world["url"]}] == served["servers"]
    assert [{"url": sandbox.url}] == sandbox.get(OPENAPI)["servers"]


def test_no_two_routes_have_one_id() -> None:
    ids = [operation["operationId"] for operations in document()["paths"].values() for operation in operations.values()]

    assert sorted(set(ids)) == sorted(ids)


def test_every_message_and_every_route_says_what_it_is() -> None:
    schemas = document()["components"]["schemas"]

    assert [] == [name for name, schema in schemas.items() if not schema["description"].endswith(".")]
    assert [] == [route.id for route in ALL_ROUTES if not route.summary.endswith(".")]


def test_the_texts_below_fields_are_in_the_document() -> None:
    latency = document()["components"]["schemas"]["Steering"]["properties"]["latency"]

    assert "Every message of the phone waits so long." == latency["description"]


def refused(client: Client, route: SteeringRoute[Any], body: Json, query: str = "") -> Json:
    """The error, which is Google's INVALID_ARGUMENT."""
    with pytest.raises(Refused) as caught:
        client.ask(route.http_method, path_of(route) + query, body if route.has_body else None)
    assert (400, "INVALID_ARGUMENT") == (caught.value.error["code"], caught.value.error["status"]), caught.value.error
    return caught.value.error


def violations(error: Json) -> list[tuple[str, str]]:
    """Field and description of each violation; a name that is not known is in the description, as Google has it, and the field is where."""
    return [
        (violation.get("field", ""), violation["description"])
        for detail in error["details"]
        if detail["@type"].endswith("BadRequest")
        for violation in detail["fieldViolations"]
    ]


@pytest.mark.parametrize("id", [route.id for route in WITH_A_BODY])
def test_a_field_that_is_not_known_is_named(sandbox_process: Client, id: str) -> None:
    route = BY_ID[id]

    error = refused(sandbox_process, route, {**route.example, "colour": "red"})

    assert any("colour" in field or '"colour"' in description for field, description in violations(error)), error


@pytest.mark.parametrize("depth", [98, 700, 950, 5_000])
@pytest.mark.parametrize("id", [route.id for route in WITH_A_BODY])
def test_a_body_that_nests_deeply_is_refused(sandbox_process: Client, id: str, depth: int) -> None:
    route = BY_ID[id]
    deep = "[" * depth + "]" * depth

    for name in [*fields(route), "colour"]:
        body = f'{{"{name}":{deep}}}'.encode()
        request = urllib.request.Request(sandbox_process.url + path_of(route), body, method=route.http_method)  # noqa: S310 - our own
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=PATIENCE_S)  # noqa: S310 - our own
        with caught.value as answer:
            assert 400 == answer.code, (name, answer.read())


@pytest.mark.parametrize("id", sorted(BY_ID))
def test_a_parameter_that_is_not_known_is_named(sandbox_process: Client, id: str) -> None:
    route = BY_ID[id]

    error = refused(sandbox_process, route, dict(route.example), "?colour=red")

    assert ["colour"] == [field for field, _ in violations(error)]


def fields(route: SteeringRoute[Any]) -> list[str]:
    """The fields of the route's body, as JSON has them."""
    if route.body is None:
        return []
    return [*document()["components"]["schemas"][_schema_name(route)]["properties"]]


def _schema_name(route: SteeringRoute[Any]) -> str:
    schema = document()["paths"][route.path][route.http_method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    ref: str = schema["$ref"] if "$ref" in schema else schema["allOf"][0]["$ref"]
    return ref.rpartition("/")[2]


def proto_path(name: str) -> str:
    """As violations name a field."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def test_there_are_fields_to_get_wrong() -> None:
    assert len([name for route in WITH_A_BODY for name in fields(route)]) > 50


@pytest.mark.parametrize("id, name", [(route.id, name) for route in WITH_A_BODY for name in fields(route)])
def test_a_field_of_a_wrong_type_is_named(sandbox_process: Client, id: str, name: str) -> None:
    route = BY_ID[id]

    others = {key: value for key, value in route.example.items() if key in route.required}
    error = refused(sandbox_process, route, {**others, name: [{"wrong": [1.5]}]})

    assert any(
        field.startswith((proto_path(name), name)) or f'"{name}"' in description for field, description in violations(error)
    ), error  # fmt: skip


@pytest.mark.parametrize("id, name", [(route.id, name) for route in WITH_A_BODY for name in route.required])
def test_a_field_that_must_be_there_is_named_when_it_is_not(sandbox_process: Client, id: str, name: str) -> None:
    route = BY_ID[id]

    error = refused(sandbox_process, route, {key: value for key, value in route.example.items() if key != name})

    assert proto_path(name) in [field for field, _ in violations(error)]
    assert any(len(description) > len(name) + 20 for _, description in violations(error)), "what to do"


def test_what_was_refused_changed_nothing(sandbox: Client) -> None:
    before = sandbox.get("/sandbox/v1/devices")

    for route in WITH_A_BODY:
        refused(sandbox, route, {**route.example, "colour": "red"})

    assert before == sandbox.get("/sandbox/v1/devices")
    assert [] == sandbox.get("/sandbox/v1/faults")["faults"]
    assert [] == sandbox.get("/sandbox/v1/pushEndpoints")["pushEndpoints"]


def test_the_routes_of_worlds_are_only_at_the_sandboxs_own_address(sandbox: Client) -> None:
    world = sandbox.post("/sandbox/v1/worlds", {"seed": 1, "phones": []})

    for route in WORLDS_ROUTES:
        if route.path != OPENAPI:
            request = urllib.request.Request(world["url"] + path_of(route), method=route.http_method)  # noqa: S310 - our own loopback URL
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(request, timeout=PATIENCE_S)  # noqa: S310 - our own loopback URL
            with caught.value as answer:
                assert 404 == answer.code
