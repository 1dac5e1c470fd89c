"""Many worlds in one process: each is a whole sandbox at an address of its own, and knows nothing of the others."""

import base64
import concurrent.futures
import contextlib
import http.client
import http.server
import json
import random
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heliograph.sandbox.settings import SandboxSettings, WorldUrls
from heliograph.sandbox.worlds import ENDED_ANSWER_MOST
from tests.patience import PATIENCE_S
from tests.running import Running
from tests.sandbox.client import Client, Json, Refused
from tests.sandbox.conftest import running
from tests.sandbox.google import google
from tests.sandbox.making import Maker

PIXEL = "pixel8-a15-fully-managed"
BYOD = "galaxy-s25-a15-byod"
COPE = "pixel7-a14-cope"
NOW = "2030-01-01T00:00:00Z"


class Endpoint:
    """A push endpoint that takes everything."""

    def __init__(self) -> None:
        self.bodies: list[Json] = []
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is logged."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/pushed"


@contextlib.contextmanager
def listening() -> Iterator[Endpoint]:
    """An endpoint of a user's own."""
    endpoint = Endpoint()
    thread = threading.Thread(target=endpoint.server.serve_forever)
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.server.shutdown()
        thread.join(PATIENCE_S)
        endpoint.server.server_close()


@pytest.fixture(params=["url", "pathUrl"])
def make_at(request: pytest.FixtureRequest, sandbox_process: Client) -> Iterator[Maker]:
    """The same, at each of a world's addresses."""
    maker = Maker(sandbox_process, request.param)
    yield maker
    maker.end_all()


def test_googles_client_finds_a_whole_sandbox_at_a_worlds_address(make_at: Maker) -> None:
    found: list[Json] = []
    with google(make_at(enterprises=["mine"])) as amapi:
        devices = amapi.enterprises().devices().list(parent="enterprises/mine").execute()["devices"]
        operation = amapi.enterprises().devices().issueCommand(name=devices[0]["name"], body={"type": "LOCK"}).execute()
        batch = amapi.new_batch_http_request(callback=lambda _id, answer, error: found.append(answer if error is None else error))
        batch.add(amapi.enterprises().devices().operations().get(name=operation["name"]))
        batch.add(amapi.enterprises().get(name="enterprises/mine"))
        batch.execute()

    assert f"enterprises/mine/devices/{PIXEL}" == devices[0]["name"]
    assert [operation["name"], "enterprises/mine"] == [answer["name"] for answer in found]


def test_pages_of_lists_go_on_below_the_worlds_address(make_at: Maker) -> None:
    names: list[str] = []

    with google(make_at()) as amapi:
        devices = amapi.enterprises().devices()
        request = devices.list(parent="enterprises/sandbox", pageSize=4)
        while request is not None:
            page = request.execute()
            names += [device["name"] for device in page["devices"]]
            request = devices.list_next(request, page)

    assert 9 == len(set(names))


def test_a_batch_inside_a_batch_is_refused_below_a_worlds_address_too(make_at: Maker) -> None:
    world = make_at()
    root = urllib.parse.urlsplit(world.url).path
    inner = f"--b\r\nContent-Type: application/http\r\n\r\nPOST {root}/batch HTTP/1.1\r\n\r\n\r\n--b--\r\n".encode()
    request = urllib.request.Request(f"{world.url}/batch", inner, {"Content-Type": "multipart/mixed; boundary=b"})  # noqa: S310 - our own

    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 - our own
        text = answer.read().decode()

    assert "A batch cannot contain a batch" in text


def test_an_enterprise_signs_up_in_a_world_and_its_phones_enrol_there(make_at: Maker) -> None:
    world = make_at(enterprises=["first"])
    with google(world) as amapi:
        sign_up = amapi.signupUrls().create(projectId="p", callbackUrl="https://emm.example.com/back").execute()
        assert sign_up["url"].startswith(f"{world.url}/signup/")
        form = urllib.parse.urlencode({"display_name": "Mine", "accepted": "on"}).encode()
        opener = urllib.request.build_opener(_Stay())
        location = opener.open(sign_up["url"], form, timeout=PATIENCE_S).headers["location"]
        token = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["enterpriseToken"][0]
        enterprise = (
            amapi.enterprises().create(projectId="p", signupUrlName=sign_up["name"], enterpriseToken=token, body={}).execute()["name"]
        )

        wanted = {"policyName": "strict", "additionalData": "desk 7", "allowPersonalUsage": "PERSONAL_USAGE_DISALLOWED"}
        value = amapi.enterprises().enrollmentTokens().create(parent=enterprise, body=wanted).execute()["value"]
        phone = world.post("/sandbox/v1/devices", {"profile": COPE, "enrollmentToken": value})
        device = amapi.enterprises().devices().get(name=phone["name"]).execute()

    assert enterprise == phone["enterprise"]
    assert f"{enterprise}/policies/strict" == device["policyName"]
    assert ("desk 7", "DEVICE_OWNER", "COMPANY_OWNED") == (device["enrollmentTokenData"], device["managementMode"], device["ownership"])
    assert [phone] == world.get(f"/sandbox/v1/{enterprise}/devices")["devices"]
    assert not world.patch(f"/sandbox/v1/{enterprise}/devices/{phone['id']}", {"online": False})["connected"]


class _Stay(urllib.request.HTTPRedirectHandler):
    """A browser that stays where it is."""

    def http_error_303(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:  # noqa: ANN401 - urllib's
        return fp


def test_two_phones_of_one_profile_enrol_with_one_token_as_two_devices(make: Maker) -> None:
    world = make(phones=[])
    value = world.post("/v1/enterprises/sandbox/enrollmentTokens", {})["value"]

    first, second = (world.post("/sandbox/v1/devices", {"profile": PIXEL, "enrollmentToken": value}) for _ in range(2))

    assert [PIXEL, f"{PIXEL}-2"] == [first["id"], second["id"]]
    assert first["name"] != second["name"]
    assert first["phone"]["serialNumber"] != second["phone"]["serialNumber"]
    assert "previousDeviceNames" not in world.get(f"/v1/{second['name']}")


def test_a_token_that_disallows_personal_usage_refuses_a_personal_phone_in_the_servers_words(make: Maker) -> None:
    world = make(phones=[])
    value = world.post("/v1/enterprises/sandbox/enrollmentTokens", {"allowPersonalUsage": "PERSONAL_USAGE_DISALLOWED"})["value"]

    with pytest.raises(Refused, match="cannot be disabled on a personally-owned device"):
        world.post("/sandbox/v1/devices", {"profile": BYOD, "enrollmentToken": value})

    assert [] == world.get("/sandbox/v1/devices")["devices"]


def test_an_unknown_token_is_named_by_its_field(make: Maker) -> None:
    with pytest.raises(Refused, match=r"enrollmentTokens\.create answered") as refused:
        make().post("/sandbox/v1/devices", {"profile": PIXEL, "enrollmentToken": "WRONG"})

    assert "INVALID_ARGUMENT" == refused.value.error["status"]


def test_a_parent_lists_its_own_phones_and_an_unknown_one_none(make: Maker) -> None:
    world = make(enterprises=["a", "b"], phones=[PIXEL])

    listed = world.get("/sandbox/v1/enterprises/b/devices")["devices"]

    assert [f"enterprises/b/devices/{PIXEL}"] == [phone["name"] for phone in listed]
    with pytest.raises(Refused, match=r"There are: enterprises/a, enterprises/b\."):
        world.get("/sandbox/v1/enterprises/c/devices")
    with pytest.raises(Refused, match=f"in enterprises/b. There are: {PIXEL}"):
        world.get("/sandbox/v1/enterprises/b/devices/nobody")


def test_a_phone_that_sleeps_looks_like_one_that_is_awake(make: Maker) -> None:
    world = make()
    for phone in world.get("/sandbox/v1/devices")["devices"]:
        device = world.get(f"/v1/{phone['name']}")

        awake = world.patch(f"/sandbox/v1/devices/{phone['id']}", {"latency": "0s"})

        assert phone == awake
        assert device == world.get(f"/v1/{phone['name']}")


def test_a_phone_that_sleeps_does_what_one_that_enrolled_does(make: Maker, tmp_path: Path) -> None:
    """Every device looks as those of a world that is kept, whose agents enrol over sockets; but for times, secrets and users."""
    world = make()
    times = {"enrollmentTime", "lastStatusReportTime", "lastPolicySyncTime", "lastPolicyComplianceReportTime"}
    volatile = times | {"enrollmentTokenName", "userName", "user"}

    with running(SandboxSettings(port=0, data_dir=tmp_path)) as kept:
        for phone in world.get("/v1/enterprises/sandbox/devices")["devices"]:
            enrolled = kept.get(f"/v1/{phone['name']}")

            assert phone.keys() == enrolled.keys()
            assert {key: phone[key] for key in phone.keys() - volatile} == {key: enrolled[key] for key in enrolled.keys() - volatile}


def test_a_policy_that_is_patched_wakes_the_phones_that_apply_it(make: Maker) -> None:
    world = make()

    world.patch("/v1/enterprises/sandbox/policies/default", {"cameraDisabled": True})
    world.get("/sandbox/v1/clock")
    world.post("/sandbox/v1/clock:advance", {"duration": "1s"})

    versions = {device["appliedPolicyVersion"] for device in world.get("/v1/enterprises/sandbox/devices")["devices"]}
    assert {"2"} == versions


def test_a_deleted_device_is_wiped_although_its_phone_slept(make: Maker) -> None:
    world = make()

    world.ask("DELETE", f"/v1/enterprises/sandbox/devices/{PIXEL}")
    world.post("/sandbox/v1/clock:advance", {"duration": "60s"})

    assert not world.phone(PIXEL)["managed"]


def test_a_reset_is_a_new_world_behind_the_same_address(make: Maker) -> None:
    world = make(seed=3, now=NOW, enterprises=["mine"])
    before = world.get("/v1/enterprises/mine/devices")
    operation = world.issue(PIXEL, {"type": "LOCK"}, enterprise="mine")

    world.post("/sandbox/v1:reset")

    assert before == world.get("/v1/enterprises/mine/devices")
    with pytest.raises(Refused, match="Operation not found"):
        world.get(f"/v1/{operation}")


def test_a_deleted_world_answers_404_below_its_path_and_says_where_the_others_are(make: Maker) -> None:
    world = make.root.post("/sandbox/v1/worlds")
    assert world["url"] == make.root.get(f"/sandbox/v1/{world['name']}")["url"]

    make.root.ask("DELETE", f"/sandbox/v1/{world['name']}")

    gone = Client(world["pathUrl"])
    for caller, path in ((gone, "/v1/enterprises"), (gone, "/sandbox/v1/devices"), (make.root, f"/sandbox/v1/{world['name']}")):
        with pytest.raises(Refused, match="GET /sandbox/v1/worlds lists") as refused:
            caller.get(path)
        assert (404, "NOT_FOUND") == (refused.value.error["code"], refused.value.error["status"])


def refuses_connections(port: int | None) -> bool:
    """Whether nothing listens at the port soon: it closes behind the answer to the request that let it close."""
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port or 0), timeout=PATIENCE_S).close()
        except ConnectionRefusedError:
            return True
        time.sleep(0.1)
    return False


def test_the_port_of_a_deleted_world_says_that_it_ended(make: Maker) -> None:
    world = make.root.post("/sandbox/v1/worlds", {"phones": []})
    port = urllib.parse.urlsplit(world["url"]).port
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as kept:
        kept.request("GET", "/healthz")
        kept.getresponse().read()

        make.root.ask("DELETE", f"/sandbox/v1/{world['name']}")

        kept.request("GET", "/v1/enterprises")
        answer = kept.getresponse()
        assert (404, "WORLD_NOT_FOUND") == (answer.status, json.loads(answer.read())["error"]["details"][0]["reason"])
    with pytest.raises(Refused, match="GET /sandbox/v1/worlds lists"):
        Client(world["url"]).get("/sandbox/v1/clock")


def test_no_more_than_the_newest_ports_of_deleted_worlds_are_kept(make: Maker) -> None:
    worlds = [make.root.post("/sandbox/v1/worlds", {"phones": []}) for _ in range(ENDED_ANSWER_MOST + 1)]
    first, last = (urllib.parse.urlsplit(world["url"]).port for world in (worlds[0], worlds[-1]))

    for world in worlds:
        make.root.ask("DELETE", f"/sandbox/v1/{world['name']}")

    socket.create_connection(("127.0.0.1", last), timeout=PATIENCE_S).close()
    assert refuses_connections(first)


def test_worlds_have_no_ports_where_others_than_this_machine_may_be_answered() -> None:
    with running(SandboxSettings(port=0, public_urls=("http://amapi.example.com",))) as root:
        world = root.post("/sandbox/v1/worlds")

    assert f"{root.url}/{world['name']}" == world["url"] == world["pathUrl"]


def test_worlds_have_paths_only_if_the_sandbox_is_started_so() -> None:
    with running(SandboxSettings(port=0, world_urls=WorldUrls.PATH)) as root:
        world = root.post("/sandbox/v1/worlds")

        assert f"{root.url}/{world['name']}" == world["url"] == world["pathUrl"]
        assert 9 == len(Client(world["url"]).get("/v1/enterprises/sandbox/devices")["devices"])


def test_too_few_file_descriptors_refuse_a_world_and_harm_nobody() -> None:
    few = 160
    with sandbox_with_few_descriptors(few) as root:
        made: list[Json] = []

        def make_too_many() -> None:
            made.extend(root.post("/sandbox/v1/worlds", {"phones": []}) for _ in range(few))

        with pytest.raises(Refused, match=r"too few file descriptors .* \(ulimit -n\), or start it with --world-urls path") as refused:
            make_too_many()

        assert 429 == refused.value.error["code"]
        assert "frozen" in Client(made[-1]["url"]).get("/sandbox/v1/clock")
        root.ask("DELETE", f"/sandbox/v1/{made[0]['name']}")
        again = root.post("/sandbox/v1/worlds", {"phones": []})
        assert again["name"] in [world["name"] for world in root.get("/sandbox/v1/worlds")["worlds"]]


@contextlib.contextmanager
def sandbox_with_few_descriptors(count: int) -> Iterator[Client]:
    """A sandbox in a process that may have so many."""
    command = [sys.executable, "-m", "tests.load.few_descriptors", str(count), "sandbox", "--port", "0"]
    with Running(command, stdout=subprocess.PIPE) as process:
        try:
            yield Client(process.until(r"Heliograph sandbox on (\S+)")[1])
        finally:
            process.terminate()


@pytest.mark.parametrize(
    "body, what",
    [
        ({"seed": "seven"}, "seed must be a whole number"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": True}, "seed must be a whole number"),
        ({"sed": 1}, "Cannot find field"),
        ({"now": "tomorrow"}, "now"),
        ({"enterprises": ["a/b"]}, "is not an id"),
        ({"enterprises": ["a", "a"]}, "is there twice"),
        ({"phones": ["pixel99"]}, "No such profile"),
        ({"phones": "all"}, "phones must be a list"),
        ({"phones": [PIXEL, PIXEL]}, "give it another deviceId"),
        ({"phones": [{"profile": PIXEL, "colour": "red"}]}, "profile, deviceId and overrides"),
        ({"behaviour": "odd"}, "behaviour must be one of: documented, as-observed, strict"),
        ({"quota": "many"}, "quota must be"),
        ({"pushEndpoints": ["nowhere"]}, "push endpoint must be an absolute"),
        ({"idleDuration": "-1s"}, "idle_duration must not be negative"),
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_is_refused_with_what_to_write(make: Maker, body: Json, what: str) -> None:
    before = len(make.root.get("/sandbox/v1/worlds")["worlds"])

    with pytest.raises(Refused, match=re.escape(what)) as refused:
        make(**body)

    assert "INVALID_ARGUMENT" == refused.value.error["status"]
    assert before == len(make.root.get("/sandbox/v1/worlds")["worlds"])


def test_wishes_are_granted(make: Maker) -> None:
    world = make(
        now=NOW, behaviour="as-observed", quota=3, enterprises=["enterprises/mine"],
        phones=[PIXEL, {"deviceId": "old", "profile": PIXEL, "overrides": {"apiLevel": 28}}],
    )  # fmt: skip

    phones = world.get("/sandbox/v1/devices")["devices"]
    for _ in range(2):
        world.get("/v1/enterprises/mine")
    with pytest.raises(Refused, match="wipe"):
        world.post(f"/v1/enterprises/mine/devices/{PIXEL}:issueCommand", {"type": "WIPE"})
    with pytest.raises(Refused) as refused:
        world.get("/v1/enterprises/mine")

    assert [(PIXEL, 35), ("old", 28)] == [(phone["id"], phone["phone"]["apiLevel"]) for phone in phones]
    assert 429 == refused.value.error["code"]
    assert {"now": NOW, "frozen": True} == world.get("/sandbox/v1/clock")


def test_an_idle_world_ends_by_itself_and_a_busy_one_does_not() -> None:
    with running(SandboxSettings(port=0, worlds_idle_s=5)) as root:  # time for a request to come, on a busy machine
        busy = root.post("/sandbox/v1/worlds")
        address = urllib.parse.urlsplit(root.get(f"/sandbox/v1/{busy['name']}")["url"])
        with socket.create_connection((address.hostname, address.port), timeout=PATIENCE_S) as caller:
            caller.sendall(b"POST /v1/enterprises/sandbox/enrollmentTokens HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{")
            kept = root.post("/sandbox/v1/worlds", {"idleDuration": "0s"})["name"]
            idle = root.post("/sandbox/v1/worlds")["name"]

            root.until(lambda: idle not in [world["name"] for world in root.get("/sandbox/v1/worlds")["worlds"]])
            left = {world["name"] for world in root.get("/sandbox/v1/worlds")["worlds"]}
            caller.sendall(b"}")
            answer = caller.recv(65_536)

        assert {kept, busy["name"]} == left
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_there_are_no_more_worlds_than_may_be() -> None:
    with running(SandboxSettings(port=0, worlds_most=2)) as root:
        first = root.post("/sandbox/v1/worlds")["name"]
        root.post("/sandbox/v1/worlds")

        with pytest.raises(Refused, match="There are 2 worlds already") as refused:
            root.post("/sandbox/v1/worlds")
        root.ask("DELETE", f"/sandbox/v1/{first}")
        again = root.post("/sandbox/v1/worlds")["name"]

        assert 429 == refused.value.error["code"]
        assert again != first


def test_push_endpoints_come_and_go_while_a_world_runs(make: Maker) -> None:
    with listening() as first, listening() as second:
        world = make(pushEndpoints=[first.url])
        world.patch("/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["COMMAND"]})
        added = world.post("/sandbox/v1/pushEndpoints", {"url": second.url})
        both = world.run(PIXEL, {"type": "LOCK"})["name"]
        world.post("/sandbox/v1/clock:advance", {"duration": "1s"})
        world.ask("DELETE", f"/sandbox/v1/{added['name']}")
        only = world.run(PIXEL, {"type": "LOCK"})["name"]
        world.post("/sandbox/v1/clock:advance", {"duration": "1s"})

        assert {both, only} == _operations(first.bodies)
        assert {both} == _operations(second.bodies)
        with pytest.raises(Refused, match=r"There are: pushEndpoints/1\."):
            world.ask("DELETE", f"/sandbox/v1/{added['name']}")


def _operations(bodies: list[Json]) -> set[str]:
    data = (json.loads(base64.b64decode(body["message"]["data"])) for body in bodies if "data" in body["message"])
    return {resource["name"] for resource in data}


Visible = dict[str, Json]


def visible(world: Client) -> Visible:
    """Everything there is to see of a world that depends on its callers."""
    paths = (
        "/v1/enterprises", "/v1/enterprises/sandbox/devices", "/v1/enterprises/sandbox/policies",
        "/v1/enterprises/sandbox/enrollmentTokens", f"/v1/enterprises/sandbox/devices/{PIXEL}/operations",
        "/sandbox/v1/devices", "/sandbox/v1/notifications", "/sandbox/v1/clock", "/sandbox/v1/pushEndpoints",
    )  # fmt: skip
    return {path: json.loads(json.dumps(world.get(path)).replace(world.url, "BASE")) for path in paths}


def disturb(world: Client, seed: int) -> None:
    """Calls of every kind, by chance."""
    chance = random.Random(seed)
    calls: tuple[tuple[str, str, Json | None], ...] = (
        ("POST", f"/v1/enterprises/sandbox/devices/{PIXEL}:issueCommand", {"type": "LOCK"}),
        ("POST", f"/v1/enterprises/sandbox/devices/{COPE}:issueCommand", {"type": "REBOOT"}),
        ("POST", "/v1/enterprises/sandbox/enrollmentTokens", {}),
        ("PATCH", "/v1/enterprises/sandbox/policies/default", {"cameraDisabled": chance.random() < 0.5}),
        ("PATCH", "/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": ["COMMAND"]}),
        ("POST", "/v1/enterprises?agreementAccepted=true&projectId=p", {}),
        ("PATCH", f"/sandbox/v1/devices/{BYOD}", {"online": chance.random() < 0.5}),
        ("POST", "/sandbox/v1/devices", {"deviceId": f"d{chance.randrange(1_000)}", "profile": PIXEL}),
        ("POST", "/sandbox/v1/clock:advance", {"duration": f"{chance.randrange(1, 5_000)}s"}),
        ("POST", f"/sandbox/v1/devices/{PIXEL}:reset", {}),
        ("DELETE", f"/v1/enterprises/sandbox/devices/{BYOD}", None),
        ("POST", "/sandbox/v1/pushEndpoints", {"url": "http://127.0.0.1:9/nobody"}),
    )  # fmt: skip
    for method, path, body in chance.choices(calls[:-1], k=12):
        try:
            world.ask(method, path, body)
        except Refused:
            continue  # an id that is there already, or a device that is gone: no less a call
    world.ask(*calls[-1])


def test_nothing_that_is_done_in_a_world_is_seen_in_another(make: Maker) -> None:
    """Eight workers in worlds of their own, all with the same names in them, beside one that no one touches."""
    quiet, others = make(seed=1, now=NOW), [make(seed=1, now=NOW) for _ in range(8)]
    before, of_root = visible(quiet), visible(make.root)["/v1/enterprises/sandbox/devices"]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            list(pool.map(disturb, others, range(8)))
            assert before == visible(quiet)

    assert of_root["devices"] == visible(make.root)["/v1/enterprises/sandbox/devices"]["devices"]
    alone = make(seed=1, now=NOW)
    disturb(alone, 5)
    disturb(alone, 5)
    assert visible(alone) == visible(others[5])


def test_a_world_may_be_strict_beside_one_that_is_not(make: Maker) -> None:
    sloppy = {"clearAppsDataParams": {"packageNames": "com.example.app"}}
    path = f"/v1/enterprises/sandbox/devices/{PIXEL}:issueCommand"

    taken = make(phones=[PIXEL]).post(path, sloppy)
    with pytest.raises(Refused, match="A list is expected"):
        make(phones=[PIXEL], behaviour="strict").post(path, sloppy)

    assert {"packageNames": ["com.example.app"]} == taken["metadata"]["clearAppsDataParams"]
