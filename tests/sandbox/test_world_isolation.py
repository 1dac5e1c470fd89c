"""No route of one world reaches another: the tables of methods and of steering routes are walked, by eight workers at once."""

import concurrent.futures
import json
import random
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from starlette.routing import Route

from heliograph.api.methods import AMAPI_METHODS
from heliograph.api.own_methods import OWN_METHODS
from heliograph.sandbox.routes import sandbox_app
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client, Json
from tests.sandbox.making import Maker
from tests.sandbox.test_worlds import COPE, NOW, PIXEL

WORKERS = 8
OK = 200
SCENE_CALLS = "/sandbox/v1/requests", "/sandbox/v1/quota"
"""These show the caller's own calls: what they must not show is others'."""


class Asked(NamedTuple):
    """A request to a route."""

    http: str
    path: str
    body: Json | None = None

    @property
    def shape(self) -> str:
        """The route, the same in every world: without the ids that differ."""
        return re.sub(r"[0-9a-f]{32}|[A-Za-z0-9]{22}|\d{6,}", "*", f"{self.http} {self.path}")


class Scene(NamedTuple):
    """A world with one of everything, and the names that stand for the variable parts of paths."""

    world: Client
    names: dict[str, str]


SCANNER = "zebra-tc52-a10-dedicated"
WEB_APP = {"title": "Shifts", "startUrl": "https://shifts.example.com", "icons": [{"imageData": "iVBORw0KGgo"}]}
BODIES: dict[str, Json] = {
    "devices/*:issueCommand": {"type": "LOCK"},
    "policies/*:modifyPolicyApplications": {"changes": [{"application": {"packageName": "com.example.a", "installType": "AVAILABLE"}}]},
    "policies/*:removePolicyApplications": {"packageNames": ["com.example.a"]},
    "/sandbox/v1/clock:advance": {"duration": "3s"},
    "/sandbox/v1/clock:set": {"time": "2030-01-01T01:00:00Z"},
    "/sandbox/v1/devices": {"deviceId": "another", "profile": PIXEL},
    "/sandbox/v1/enterprises/{enterprise}/devices": {"deviceId": "one-more", "profile": PIXEL},
    "/sandbox/v1/pushEndpoints": {"url": "http://127.0.0.1:9/nobody"},
    "/sandbox/v1/faults": {"method": "enterprises.get", "share": 0.5, "error": {"code": 503}},
    "/retry_test": {"instructions": {"enterprises.get": ["return-503"]}},
    "{phone}:script": {"steps": [{"offline": "5s"}]},
    "{phone}:unlock": {},
    "{phone}:logUsage": {"eventType": "ENROLLMENT_COMPLETE"},
    "/sandbox/v1/provisioningInfo": {"profile": PIXEL},
    "enterprises/*/webApps": WEB_APP,
    "webApps/*": WEB_APP,
    "enterprises/*/pushEndpoints": {"url": "http://127.0.0.1:9/nobody", "notificationTypes": ["USAGE_LOGS"]},
    "PATCH enterprises/*/pushEndpoints/*": {"displayName": "Ours"},
    "enterprises/*/reservations": {"device": f"enterprises/sandbox/devices/{PIXEL}"},
    "reservations/*:heartbeat": {"fencingToken": "1"},
    "reservations/*:release": {"force": True, "reason": "another needs it"},
    "PATCH {phone}": {"online": True, "latency": "0.1s"},
}  # fmt: skip
"""By the end of the route, its HTTP method before it where that matters."""
QUERIES = {
    "androidmanagement.signupUrls.create": "?projectId=p&callbackUrl=https://emm.example.com",
    "androidmanagement.enterprises.create": "?projectId=p&agreementAccepted=true",
}
NEEDS_A_STATE = re.compile(
    r"(:enroll|:approve|:decline|:heartbeat|:leaveLostMode|:cancel|:enterWrongCode|:(activate|deactivate|remove)Esim)$"
)
"""What only some states allow: refused here, and a call all the same."""


NOT_IN_A_WORLD = re.compile(r"/deadLetters[/:]|/approvals/|/auditEntries(/|$)")
"""What no world has: notifications are given up after days, nobody signs in who could approve, and no trail is kept."""


def scene(world: Client) -> Scene:
    """One of everything is in it: an operation, a token, a notification, a fault, a Retry Test."""
    enterprise = {"enabledNotificationTypes": ["COMMAND", "STATUS_REPORT"], "signinDetails": [{"signinUrl": "https://emm.example.com/in"}]}
    world.patch("/v1/enterprises/sandbox", enterprise)
    world.patch("/v1/enterprises/sandbox/policies/strict", {"cameraDisabled": True})
    operation = world.run(PIXEL, {"type": "LOCK"})["name"].rpartition("/")[2]
    token = world.post("/v1/enterprises/sandbox/enrollmentTokens", {})["name"].rpartition("/")[2]
    world.post("/sandbox/v1/faults", {"method": "enterprises.get", "caller": "nobody", "error": {"code": 503}})
    retry_test = world.post("/retry_test", {"instructions": {"enterprises.create": ["return-503"]}})["id"]
    web_app = world.post("/v1/enterprises/sandbox/webApps", WEB_APP)["name"].rpartition("/")[2]
    code = world.post("/sandbox/v1/provisioningInfo", {"profile": PIXEL})["name"].rpartition("/")[2]
    signed = {"url": "http://127.0.0.1:9/nobody", "notificationTypes": ["USAGE_LOGS"], "signing": {"standardWebhooks": {}}}
    world.post("/heliograph/v1/enterprises/sandbox/pushEndpoints?pushEndpointId=mine", signed)
    reserved = world.post("/heliograph/v1/enterprises/sandbox/reservations", {"device": f"enterprises/sandbox/devices/{SCANNER}"})
    names = {
        "enterprises": "sandbox", "devices": PIXEL, "operations": operation, "enrollmentTokens": token, "policies": "strict",
        "webApps": web_app, "applications": "com.example.app", "provisioningInfo": code,
        "pushEndpoints": "mine", "reservations": reserved["name"].rpartition("/")[2],
    }  # fmt: skip
    return Scene(world, names | {"enterprise": "sandbox", "phone": PIXEL, "fault": "1", "number": "1", "endpoint": "1", "id": retry_test})


def every_request(scene: Scene) -> Iterator[Asked]:
    """One to each route of both tables."""
    own = [("/heliograph/v1/", method) for method in OWN_METHODS]
    for prefix, method in [*(("/v1/", method) for method in AMAPI_METHODS), *own]:
        if not method.offered or NOT_IN_A_WORLD.search(method.path):
            continue
        path = re.sub(r"(\w+)/\*", lambda found: f"{found[1]}/{scene.names[found[1]]}", method.path)
        body = body_of(method.http, method.path) if method.takes_body or method.http != "GET" else None
        yield Asked(method.http, f"{prefix}{path}{QUERIES.get(method.id, '')}", body)
    for route in sandbox_app().routes:
        assert isinstance(route, Route)
        path = re.sub(r"{(\w+)(:path)?}", lambda found: scene.names.get(found[1], scene.names["id"]), route.path)
        for http in sorted((route.methods or set()) - {"HEAD"}):
            yield Asked(http, path, body_of(http, route.path) if http != "GET" else None)


def body_of(http: str, route: str) -> Json:
    """A body that the route takes."""
    ends = [end for end in BODIES if f"{http} {route}".endswith(end)]
    return BODIES[max(ends, key=len)] if ends else {}


def answer(world: Client, asked: Asked) -> tuple[int, bytes]:
    """Status and body, to the byte."""
    data = None if asked.body is None else json.dumps(asked.body).encode()
    request = urllib.request.Request(world.url + asked.path, data, method=asked.http)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:  # noqa: S310 - our own
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def looked_at(scene: Scene) -> dict[str, tuple[int, bytes]]:
    """What every GET route of the world answers, but for those that show the caller's own calls."""
    gets = [asked for asked in every_request(scene) if asked.http == "GET" and not asked.path.startswith(SCENE_CALLS)]
    return {asked.path: answer(scene.world, asked) for asked in gets}


def disturb(scene: Scene, worker: int) -> Counter[str]:
    """Every route is asked, in an order by chance. The routes that were answered 200."""
    requests = sorted(every_request(scene), key=lambda asked: asked.path)
    random.Random(worker).shuffle(requests)
    # What deletes comes last, children before parents, and then the reset.
    requests.sort(key=lambda asked: (asked.path.endswith("v1:reset"), asked.http == "DELETE", -len(asked.path) * (asked.http == "DELETE")))
    return Counter(asked.shape for asked in requests if answer(scene.world, asked)[0] == OK)


def test_no_route_of_a_world_changes_a_byte_of_what_another_answers(make: Maker) -> None:
    quiet, others = scene(make(seed=1, now=NOW)), [scene(make(seed=1, now=NOW)) for _ in range(WORKERS)]
    before = looked_at(quiet)
    assert {200} == {status for status, _body in before.values()}
    assert PIXEL.encode() in before["/sandbox/v1/notifications"][1]
    quiet.world.post("/sandbox/v1/requests:clear")
    looks = 1

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        disturbing = [pool.submit(disturb, other, worker) for worker, other in enumerate(others)]
        while not all(one.done() for one in disturbing):
            assert before == looked_at(quiet)
            looks += 1
    assert before == looked_at(quiet)

    answered = sum((one.result() for one in disturbing), Counter())
    routes = {asked.shape for asked in every_request(quiet)}
    assert [] == sorted(route for route in routes - answered.keys() if not NEEDS_A_STATE.search(route))
    own = sum(1 for path in before if not path.startswith(("/sandbox/", "/retry_test")))
    calls = json.loads(answer(quiet.world, Asked("GET", "/sandbox/v1/requests"))[1])["requests"]
    assert looks * own == sum(1 for call in calls if call["httpMethod"] == "GET" and call["path"] in before)
    assert {COPE} & {call.get("phone") for call in calls} == set()
