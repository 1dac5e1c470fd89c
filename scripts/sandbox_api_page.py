"""docs/sandbox-api.md: every route of `/sandbox/v1` with what a real sandbox answered, from the rows of the routes."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from heliograph.sandbox.esim_verbs import ESIM_VERBS
from heliograph.sandbox.json_schema import name_of, schemas_of
from heliograph.sandbox.openapi import SUBJECTS
from heliograph.sandbox.routes import OPENAPI_PATH
from heliograph.sandbox.steering_route import PATH_PARAMETERS, SteeringRoute
from heliograph.sandbox.worlds_routes import ALL_ROUTES, WORLDS_ROUTES
from scripts.markdown import table
from scripts.real_session import SHOWN_URL, Conversation, Session

Call = tuple[str, str, object]

PHONE: Final = PATH_PARAMETERS["phone"].example
ASKED: Final = "galaxy-s25-a15-byod"
_DEVICE = f"/v1/enterprises/sandbox/devices/{PHONE}"
_LOCK: Call = ("POST", f"{_DEVICE}:issueCommand", {"type": "LOCK"})
_FAULT: Call = (
    "POST", "/sandbox/v1/faults", {"method": "enterprises.devices.issueCommand", "times": 2, "error": {"code": 503, "retryAfter": "1s"}},
)  # fmt: skip
_ENDPOINT: Call = ("POST", "/sandbox/v1/pushEndpoints", {"url": "http://127.0.0.1:9000/pushed"})
_LOST: Call = (
    "POST", f"{_DEVICE}:issueCommand",
    {"type": "START_LOST_MODE", "startLostModeParams": {"lostMessage": {"defaultMessage": "Please call the owner."}}},
)  # fmt: skip
_OFFLINE: Call = ("PATCH", f"/sandbox/v1/devices/{PHONE}", {"online": False})
_PIN: Call = ("POST", f"{_DEVICE}:issueCommand", {"type": "RESET_PASSWORD", "newPassword": "271828", "resetPasswordFlags": ["LOCK_NOW"]})
_ASK: Call = (
    "POST", f"/v1/enterprises/sandbox/devices/{ASKED}:issueCommand",
    {"type": "REQUEST_DEVICE_INFO", "requestDeviceInfoParams": {"deviceInfo": "EID"}},
)  # fmt: skip
_QUIET: Call = ("PATCH", f"/sandbox/v1/devices/{ASKED}", {"consent": "IGNORE"})
_LISTEN: Call = ("PATCH", "/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["COMMAND"]})
_CODE: Call = (
    "POST", f"{_DEVICE}:issueCommand",
    {"type": "ADD_ESIM", "addEsimParams": {"activationCode": "LPA:1$smdp.example.com$CODE-1234$$1", "activationState": "ACTIVATED"}},
)  # fmt: skip
_UNHURRIED: Call = ("PATCH", f"/sandbox/v1/devices/{PHONE}", {"consent": "IGNORE"})
_DOWNLOADED: Call = ("POST", "/sandbox/v1/clock:advance", {"duration": "1s"})
_OWN: Call = ("POST", f"/sandbox/v1/devices/{PHONE}:addEsim", ESIM_VERBS["addEsim"].example)
_OWN_OFF: Call = ("POST", f"/sandbox/v1/devices/{PHONE}:addEsim", {**ESIM_VERBS["addEsim"].example, "active": False})
_SIGN_IN_PAGE: Call = (
    "PATCH", "/v1/enterprises/sandbox?updateMask=signinDetails", {"signinDetails": [{"signinUrl": "https://emm.example.com/sign-in"}]},
)  # fmt: skip
_WIPE: Call = ("POST", f"{_DEVICE}:issueCommand", {"type": "WIPE", "wipeParams": {}})

BEFORE: Mapping[str, tuple[Call, ...]] = {
    "devices.unlock": (_PIN,), "devices.approve": (_QUIET, _ASK), "devices.decline": (_QUIET, _ASK), "devices.leaveLostMode": (_LOST,),
    "provisioningInfo.create": (_SIGN_IN_PAGE,),
    "devices.reset": (_WIPE,), "devices.enroll": (_WIPE,), "clock.next": (_OFFLINE, _LOCK), "notifications.list": (_LISTEN, _LOCK),
    "pushEndpoints.list": (_ENDPOINT,), "pushEndpoints.delete": (_ENDPOINT,), "faults.list": (_FAULT, _LOCK), "faults.get": (_FAULT, _LOCK),
    "faults.delete": (_FAULT,), "faults.deleteAll": (_FAULT,), "requests.list": (_LOCK,), "requests.get": (_LOCK,),
    "requests.trace": (_LOCK,), "requests.exportHar": (_LOCK,), "requests.clear": (_LOCK,), "quota.get": (_LOCK,),
    "operations.list": (_LOCK,), "devices.enterWrongCode": (_UNHURRIED, _CODE, _DOWNLOADED), "devices.activateEsim": (_OWN_OFF,),
    "devices.deactivateEsim": (_OWN,), "devices.removeEsim": (_OWN,),
}  # fmt: skip
"""What happened in the world before, by the route's id; of the second address of phones, as of the first."""
CONCERNS: Mapping[str, str] = {"devices.approve": ASKED, "devices.decline": ASKED}
"""Another phone than PHONE."""

AS_NEW = frozenset({"devices.reset", "devices.enroll"})
"""Very much is different after them."""

INTRODUCTION = f"""\
# The sandbox's interface

For those who steer a sandbox from a program: every route below `/sandbox/v1`, with what it answers. [sandbox.md](sandbox.md) says what
one does with them, [faults-on-demand.md](faults-on-demand.md) what can go wrong on demand.

The same as OpenAPI 3.1, for generators of clients: `GET {OPENAPI_PATH}`, at the sandbox's address and at that of each world.

Each example is what a real sandbox answered, in a world of its own with the seed 7 and one or two phones, whose clock stands at
2030-01-01T00:00:00Z; `make docs` asks it. Only the address, ids of worlds and real durations are put in. A phone is shown
whole once, at `GET /sandbox/v1/devices/{{phone}}`, else what the call changed, or what sets it apart; `…` stands for the rest.

## Errors

Every error has Google's form. What a request has that the route does not take is named, and so is what it lacks; nothing is done then.
"""


def sandbox_api_page(session: Session) -> str:
    """The whole page."""
    sections = [INTRODUCTION.rstrip("\n"), _an_error(session)]
    for subject, about in SUBJECTS.items():
        rows = [row for row in {row.id: row for row in ALL_ROUTES}.values() if row.subject == subject]
        sections += [f"## {subject}", about, *(part for row in rows for part in _route(row, session))]
    sections.append("Written by `make docs` from the routes' rows in `src/heliograph/sandbox/`. [All pages](README.md)")
    return "\n\n".join(sections) + "\n"


def _an_error(session: Session) -> str:
    body = {"online": "perhaps", "colour": "red"}
    with session.world(PHONE) as world:
        answer = world.ask("PATCH", f"/sandbox/v1/devices/{PHONE}", body)
    return _console("PATCH", f"/sandbox/v1/devices/{PHONE}", body, answer)


def _route(row: SteeringRoute[Any], session: Session) -> Iterator[str]:
    yield f"### `{row.http_method} {row.path}`"
    yield row.summary
    if fields := _fields(row):
        yield fields
    if row.query:
        yield table(("parameter", "meaning"), [(f"`{parameter.name}`", parameter.description) for parameter in row.query]).rstrip("\n")
    if row.errors:
        yield f"Besides 400 it answers {', '.join(map(str, sorted(row.errors)))}."
    yield _example(row, session)


def _fields(row: SteeringRoute[Any]) -> str:
    """The fields of the body, where there is something to say of one."""
    if row.body is None:
        return ""
    found = schemas_of([row.body])[name_of(row.body)]
    rows = [
        (f"`{name}`", "yes" if name in row.required else "", _kind(schema), schema.get("description", ""))
        for name, schema in found["properties"].items()
    ]
    return table(("field", "required", "value", "meaning"), rows).rstrip("\n")


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return _kind(schema["anyOf"][0])
    if "$ref" in schema:
        return f"object: {schema['$ref'].rpartition('/')[2]}"
    if "enum" in schema:
        return " or ".join(f"`{choice}`" for choice in schema["enum"])
    if "items" in schema:
        return f"list of {_kind(schema['items'])}" if "anyOf" not in schema["items"] else "list"
    kinds = schema.get("type", "anything")
    if "pattern" in schema:
        return 'seconds, as in `"600s"`'
    return " or ".join(kinds) if isinstance(kinds, list) else f"{schema.get('format', kinds)}"


def _example(row: SteeringRoute[Any], session: Session) -> str:
    if row in WORLDS_ROUTES:
        return _example_of_worlds(row, session)
    key = row.id.removeprefix("enterprises.")
    phone = CONCERNS.get(key, PHONE)
    with session.world(PHONE, ASKED) as world:
        for call in BEFORE.get(key, ()):
            world.ask(*call)
        values = {name: parameter.example for name, parameter in PATH_PARAMETERS.items()} | {"phone": phone}
        if row.subject == "retryTests" and row.id != "retryTests.create":
            create = next(other for other in ALL_ROUTES if other.id == "retryTests.create")
            values["id"] = world.ask("POST", create.path, create.example)["id"]
        path = row.path.format_map(values)
        query = "&".join(f"{parameter.name}={parameter.example}" for parameter in row.query if parameter.example)
        path = f"{path}?{query}" if query else path
        body = (row.example or None) if row.has_body else None
        before = _phone(world, phone) if row.has_body and "{phone}" in row.path else None
        answer = world.ask(row.http_method, path, {} if body is None and row.has_body else body)
    if before is not None and "phone" in answer and key not in AS_NEW:
        answer = {"id": answer["id"], **_changed(before, answer), "…": "…"}
    elif row.id == "world.export":
        answer = {name: value if isinstance(value, int | str) else "…" for name, value in answer.items()}
    elif row.id != "devices.get":
        answer = _briefly(answer)
    return _console(row.http_method, path, body, answer)


def _phone(world: Conversation, phone: str) -> Any:  # noqa: ANN401 - JSON
    return world.ask("GET", f"/sandbox/v1/devices/{phone}")


def _example_of_worlds(row: SteeringRoute[Any], session: Session) -> str:
    shown = row.path.format_map({name: parameter.example for name, parameter in PATH_PARAMETERS.items()})
    if row.path == OPENAPI_PATH:
        document = session.own.ask("GET", row.path)
        return _console("GET", shown, None, document | {name: {"…": "…"} for name in ("paths", "components")} | {"tags": []})
    if row.http_method == "POST":
        answer = session.own.ask("POST", row.path, row.example)
        # The id is not known here, as it is shown: the session ends soon, and the world with it.
        return _console("POST", shown, row.example, answer)
    with session.made({"phones": []}) as (_url, world_id):
        answer = session.own.ask(row.http_method, row.path.format_map({"world": world_id}))
    if row.id == "worlds.list":
        answer = {"worlds": answer["worlds"][-1:]}
    return _console(row.http_method, shown, None, answer)


def _briefly(answer: Any) -> Any:  # noqa: ANN401 - JSON
    """A phone by what sets it apart."""
    if isinstance(answer, dict) and "devices" in answer:
        return {"devices": [_briefly(phone) for phone in answer["devices"]]}
    if isinstance(answer, dict) and "condition" in answer:
        return {name: answer[name] for name in ("id", "enterprise", "name", "condition", "online", "connected")} | {"…": "…"}
    return answer


def _changed(before: Any, after: Any) -> Any:  # noqa: ANN401 - JSON
    """What is different in `after`; objects down to the field."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return after
    return {name: _changed(before.get(name), value) for name, value in after.items() if before.get(name) != value}


def _console(method: str, path: str, body: object, answer: object) -> str:
    words = ["curl", "-s", *(["-X", method] if method != "GET" else []), f"{SHOWN_URL}{path}"]
    line = " ".join(map(shlex.quote, words))
    if body is not None:
        line += f" \\\n    -d {shlex.quote(json.dumps(body, ensure_ascii=False))}"
    shown = answer if isinstance(answer, str) else json.dumps(answer, indent=2, ensure_ascii=False)
    return f"```console\n$ {line}\n{shown}\n```"
