"""Anything at all to approvals, the audit trail and the operator's desk, by the API and by the console's forms.

Never 5xx; Google's error form or a whole page; and what was refused has changed nothing.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.api.console.app import PAGES, ConsoleRow
from heliograph.api.desk_methods import DESK_METHODS
from heliograph.api.method import Method
from heliograph.api.own_methods import OWN_METHODS
from heliograph.api.resources.operator_desk import DeskMethod
from heliograph.commands import COMMANDS
from tests.api.live import Response
from tests.console.houses import House, asked, house_in, shown
from tests.people.visitor import signed_in
from tests.sign_in.conftest import OPERATOR

fuzz = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))

FINAL = next(row for row in COMMANDS.values() if row.final_at_ack and row.requires.fully_managed)
OF_API = [method for method in OWN_METHODS if method.id.split(".")[1] in {"approvals", "approvalRules", "auditEntries"}]
COLLECTIONS = ("approvals", "approvalRules", "auditEntries", "keys", "roles", "people", "access")
ROWS = [row for row in PAGES if any(row.path.split("enterprises/*/")[-1].startswith(name) for name in COLLECTIONS)]
TEXT = st.text(max_size=30)
WORDS = st.sampled_from(
    ["", "admin", "viewer", "WIPE", "evil@example.com", "group:x", "acme", "*", "10", "-1", "1h", "99999999999999999999", "yes", "never",
     "a" * 5_000, "\u202e", "'\"<&{{", "%00", "\ud800".encode("utf-8", "replace").decode(), 'actor="', "createTime>1", "{}", "null"]
)  # fmt: skip
VALUES = WORDS | TEXT
NAMES = st.sampled_from(
    ["digest", "reason", "body", "0.what", "0.kinds", "0.devices", "0.approvals", "0.grace", "19.what", "role", "enterprises", "person",
     "account", "ttl", "radius", "ends", "overlap", "sure", "name", "description", "0.methods", "0.types", "0.per_hour", "0.enterprises",
     "0.destructive", "who", "what", "where", "resource", "outcome", "from", "until", "filter", "page"]
)  # fmt: skip
FIELDS = st.lists(st.tuples(NAMES | st.text(max_size=6), VALUES), max_size=8)
PARAMETERS = st.lists(
    st.tuples(st.sampled_from(["filter", "pageSize", "pageToken", "who", "what", "where", "fields", "alt"]), VALUES), max_size=4
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | VALUES
KEYS = st.sampled_from(
    ["digest", "reason", "rules", "commandTypes", "methods", "managementKinds", "devices", "approvals", "gracePeriod", "publicKey", "role",
     "enterprises", "ttl", "blastRadius", "allow", "person", "overlap"]
)  # fmt: skip
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | TEXT, inner, max_size=4), max_leaves=12)
IDS = st.lists(VALUES.filter(bool), max_size=2)
BODIES = st.builds(lambda value: json.dumps(value).encode(), JSON) | st.binary(max_size=60)


class Sent(NamedTuple):
    """What comes with a call."""

    body: bytes
    query: list[tuple[str, str]]


SENT = st.builds(Sent, BODIES, PARAMETERS)


class Stage:
    """A house and an administrator of it, and what is found in it."""

    def __init__(self, house: House) -> None:
        self.house, self.server = house, house.server
        self.admin = signed_in(house.server)
        self.form_token = self.admin.form_token()
        self.approval = ""

    def ask(self, path: str) -> dict[str, list[object]]:
        """What the API answers."""
        found: dict[str, list[object]] = json.loads(self.admin.call("GET", f"/heliograph/v1/{path}").page)
        return found

    def send(self, method: str, path: str, body: bytes) -> Response:
        """The answer to the administrator's browser, as a script of our own page would send it."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.admin.cookies.items())
        headers = {"sec_fetch_site": "same-origin", "x_heliograph_form_token": self.form_token, "cookie": cookie}
        return self.server.call(method, path, body if method != "GET" else None, **headers)

    def state(self) -> dict[str, object]:
        """Everything that these routes change."""
        people = self.server.desk("GET", "/people").json
        return {
            **{name: self.server.desk("GET", f"/{name}").json for name in ("roles", "roleBindings")},
            "keys": [{**key, "lastUseTime": ""} for key in self.server.desk("GET", "/keys").json["keys"]],
            "people": [(one["person"], one["role"], one["passkeys"]) for one in people["people"]],
            "invitations": [one["person"] for one in people["invitations"]],
            "rules": self.ask("enterprises/acme/approvalRules"),
            "approvals": self.ask("enterprises/acme/approvals").get("approvals", []),
        }

    def unchanged_since(self, before: dict[str, object], *, asks: bool) -> bool:
        """Whether all is as before; if the route `asks` for approvals, there may be more of them."""
        after, known = self.state(), before["approvals"]
        assert isinstance(known, list)
        if asks:
            after["approvals"] = [one for one in self.ask("enterprises/acme/approvals").get("approvals", []) if one in known]
        return before == after


@pytest.fixture(scope="module")
def ruled(house: House) -> Stage:
    """Where a wipe waits for another person: fuzzed ids are sometimes its approval's."""
    stage = Stage(house)
    asked(stage.admin, "PATCH", "/heliograph/v1/enterprises/acme/approvalRules", {"rules": [{"commandTypes": [FINAL.name]}]})
    device = house.device.removeprefix("/console/")
    asked(stage.admin, "POST", f"/v1/{device}:issueCommand", {"type": FINAL.name, "duration": "36000s"})
    [waiting] = asked(stage.admin, "GET", "/heliograph/v1/enterprises/acme/approvals")["approvals"]
    stage.approval = waiting["name"].rpartition("/")[2]
    return stage


@pytest.fixture(scope="module")
def open_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Where no enterprise asks for a second person, so that rights are given in the console."""
    with house_in(tmp_path_factory.mktemp("open")) as house:
        yield Stage(house)


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Stage:
    """The one that the test's route is tried at."""
    found: Stage = request.getfixturevalue(request.param)
    return found


def path_of(pattern: str, known: str, ids: list[str]) -> str:
    """The path with an id for each `*`: acme, what is known of its collection, or any."""
    parts = iter(ids)
    first, *rest = pattern.split("*")
    found = first
    for index, piece in enumerate(rest):
        after = found.rstrip("/").rpartition("/")[2]
        one = "acme" if index == 0 and after == "enterprises" else known if after == "approvals" and known else next(parts, "x")
        found += quote(one, safe="") + piece
    return found


def at(path: str) -> str:
    return "ruled" if path.startswith("enterprises/") else "open_desk"


@pytest.mark.parametrize("stage, row", [pytest.param(at(row.path), row, id=f"{row.http} {row.path}") for row in ROWS], indirect=["stage"])
@fuzz
@given(fields=FIELDS, ids=IDS, real=st.booleans())
def test_a_page_answers_whatever_is_filled_in(
    stage: Stage, row: ConsoleRow, fields: list[tuple[str, str]], ids: list[str], *, real: bool
) -> None:
    path = f"/console/{path_of(row.path, stage.approval if real else '', ids)}"
    before = stage.state() if row.http == "POST" else {}

    if row.http == "GET":
        seen = stage.admin.get(f"{path}?{urlencode(fields)}")
    else:
        seen = stage.admin.post(path, {**dict(fields), "form_token": stage.form_token})

    assert seen.status < 500, seen.page
    assert "unsafe" not in seen.headers["content-security-policy"]
    assert "no-store" == seen.headers["cache-control"]
    if seen.headers.get("content-type", "").startswith("text/html"):
        shown(seen)  # it is whole
    assert row.http == "GET" or seen.status < 400 or stage.unchanged_since(before, asks=row.path.endswith("approvalRules"))


@pytest.mark.parametrize("stage, method", [pytest.param("ruled", method, id=method.id) for method in OF_API], indirect=["stage"])
@fuzz
@given(sent=SENT, ids=IDS, real=st.booleans())
def test_the_api_answers_whatever_is_sent(stage: Stage, method: Method, sent: Sent, ids: list[str], *, real: bool) -> None:
    path = f"/heliograph/v1/{path_of(method.path, stage.approval if real else '', ids)}?{urlencode(sent.query)}"
    before = stage.state() if method.http != "GET" else {}

    answer = stage.send(method.http, path, sent.body)

    judged(answer)
    assert method.http == "GET" or answer.status < 400 or stage.unchanged_since(before, asks=method.path.endswith("approvalRules"))


@pytest.mark.parametrize("stage, method", [pytest.param("open_desk", method, id=method.id) for method in DESK_METHODS], indirect=["stage"])
@fuzz
@given(sent=SENT, ids=IDS)
def test_the_desk_answers_whatever_its_operator_sends(stage: Stage, method: DeskMethod, sent: Sent, ids: list[str]) -> None:
    path = f"/heliograph/v1/{path_of(method.path, '', ids)}?{urlencode(sent.query)}"
    before = stage.state() if method.http != "GET" else {}

    body = sent.body if method.http != "GET" else None
    answer = stage.server.call(method.http, path, body, authorization=f"Bearer {OPERATOR}")

    judged(answer)
    assert method.http == "GET" or answer.status < 400 or stage.unchanged_since(before, asks=False)


def judged(answer: Response) -> None:
    """It is JSON, and a refusal is in Google's form."""
    assert answer.status < 500, answer.body
    found = json.loads(answer.body)
    if answer.status >= 400:
        assert {"code", "message", "status"} <= found["error"].keys()
        assert answer.status == found["error"]["code"]
