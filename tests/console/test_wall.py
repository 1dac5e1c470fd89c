"""The sandbox's own pages over a real socket, without scripts: phones drawn as they are, and everything that a test can do, by hand."""

import html
import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest

from heliograph.commands import COMMANDS
from heliograph.sandbox.console.app import ROWS
from heliograph.sandbox.console.phone_pages import VERBS
from heliograph.sandbox.fault_checks import EFFECTS
from tests.console.reader import Page, Reader
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client
from tests.sandbox.making import Maker

PIXEL, BYOD, SCANNER, FRENCH = "pixel8-a15-fully-managed", "galaxy-a14-a13-byod", "zebra-tc52-a10-dedicated", "galaxy-s25-a15-byod"
WALL = "/console/sandbox"
NOW = "2030-01-01T00:00:00Z"
LOCK = next(iter(COMMANDS.values()))
ASKING = next(row for row in COMMANDS.values() if row.asks_user and row.requires.fully_managed is None)
LOSING = next(row for row in COMMANDS.values() if "lostMessage" in str(row.example))
FINAL = next(row for row in COMMANDS.values() if row.final_at_ack and row.requires.fully_managed)
EVIL = "https://evil.example"


def page_of(phone: str) -> str:
    return f"{WALL}/enterprises/sandbox/devices/{phone}"


@pytest.fixture
def make(sandbox_process: Client) -> Iterator[Maker]:
    """Makes worlds that end with the test."""
    maker = Maker(sandbox_process)
    yield maker
    maker.end_all()


@pytest.fixture
def world(make: Maker) -> Client:
    """A world whose clock stands, so that only what is done happens."""
    return make(seed=7, now=NOW, enabledNotificationTypes=["COMMAND"])


@pytest.fixture
def visitor(world: Client) -> Reader:
    """Someone at a browser without scripts, who looks at that world."""
    return Reader(world.url)


def card_of(page: Page, phone: str) -> str:
    """What the wall shows of a phone, as HTML."""
    _before, found, after = page.html.partition(f'<li class="card" id="phone-sandbox-{phone}">')
    assert found, phone
    return after.partition('<li class="card"')[0]


def test_a_newcomer_locks_a_phone_with_two_clicks_and_sees_it_happen(sandbox: Client, reader: Reader) -> None:
    wall = reader.open("/")  # the first
    assert "Locked" not in card_of(wall, PIXEL)

    reader.submit(wall, form=wall.form_to(f"{PIXEL}:issueCommand"))  # the second

    assert sandbox.until(lambda: sandbox.phone(PIXEL)["locked"])
    again = reader.open("/")
    assert "face-locked" in card_of(again, PIXEL)
    assert f"{sandbox.url}/v1/enterprises/sandbox/devices/{PIXEL}:issueCommand" in again.text  # the request that does the same


def test_a_press_leads_back_to_the_phone_on_the_wall(visitor: Reader) -> None:
    wall = visitor.open(f"{WALL}?show=Offline&q=zebra")
    assert "No phone is like that now." in wall.text
    wall = visitor.open(f"{WALL}?q=zebra")

    answer = visitor.open(wall.form_to(f"{SCANNER}:patch").action, method="POST", follow=False,
                          body=f"body.online=false&back={quote(f'{WALL}?q=zebra#phone-sandbox-{SCANNER}', safe='')}")  # fmt: skip

    assert f"{WALL}?q=zebra#phone-sandbox-{SCANNER}" == answer.headers["location"]
    assert "offline" in card_of(visitor.open(f"{WALL}?show=Offline"), SCANNER)


@pytest.mark.parametrize(
    "elsewhere", [EVIL, "//evil.example/console", "/console//evil.example", "/console\\evil", "/v1/x", "/console\r\nX: y"]
)
def test_a_form_leads_to_no_other_place(visitor: Reader, elsewhere: str) -> None:
    answer = visitor.open(f"{page_of(PIXEL)}:patch", method="POST", follow=False, body=f"body.lies=true&back={quote(elsewhere, safe='')}")

    assert (303, page_of(PIXEL)) == (answer.status, answer.headers["location"])


def test_the_wall_draws_what_befalls_phones(world: Client, visitor: Reader) -> None:
    words = {"defaultMessage": "Please call us", "localizedMessages": {"de": "Bitte anrufen", "fr": "Appelez-nous"}}
    lost = {"type": LOSING.name, **LOSING.example}
    lost["startLostModeParams"] = {"lostMessage": words, "lostPhoneNumber": {"defaultMessage": "+1 202 555 0143"}}
    world.post("/sandbox/v1/devices", {"deviceId": "allemand", "profile": PIXEL, "overrides": {"language": "de-DE"}})
    world.issue("allemand", lost)
    world.issue("moto-g5-a8-fully-managed", {"type": FINAL.name, **FINAL.example})
    world.issue(PIXEL, {"type": next(name for name in COMMANDS if name.startswith("REBOOT"))})
    world.patch(f"/sandbox/v1/devices/{SCANNER}", {"online": False, "ongoingCall": True})
    world.issue(SCANNER, {"type": LOCK.name})
    world.get("/sandbox/v1/clock")

    wall = visitor.open(WALL)

    assert all(
        text in card_of(wall, "allemand") for text in ("face-lost", 'lang="de-DE"', "Bitte anrufen", "+1 202 555 0143", "I found it")
    )
    assert all(text in card_of(wall, "moto-g5-a8-fully-managed") for text in ("face-erased", "Enrol it again"))
    assert "Restarting" in card_of(wall, PIXEL)
    assert all(text in card_of(wall, SCANNER) for text in ("offline", "on a call", f"{LOCK.name} waits for the phone to be online"))
    assert "Personal, work profile" in card_of(wall, BYOD)
    assert "Work: open" in card_of(wall, BYOD)
    assert "user&#39;s eSIM" in card_of(wall, FRENCH)


def test_a_phone_asks_and_its_user_answers_on_its_screen(world: Client, visitor: Reader) -> None:
    phone = page_of(FRENCH)
    opened = visitor.open(phone)
    visitor.submit(opened, form=next(form for form in opened.forms if ("body.consent", "IGNORE") in form.fields))
    visitor.submit(opened, form=next(form for form in opened.forms if ("type", ASKING.name) in form.fields))

    wall = visitor.open(f"{WALL}?show=Asking")
    assert ASKING.asks_user in wall.text
    assert f"{ASKING.name} waits for its user" in wall.text
    visitor.submit(wall, form=wall.form_to(f"{FRENCH}:approve"))

    assert ASKING.asks_user not in visitor.open(WALL).text
    assert "executed" in card_of(visitor.open(WALL), FRENCH)
    assert [True] == [one["operation"]["done"] for one in world.get(f"/sandbox/v1/operations?device={FRENCH}")["operations"]]


def test_every_type_whose_phone_asks_its_user_says_what_it_asks() -> None:
    for row in COMMANDS.values():
        asks = re.search(r"Wait\.(CONSENT|CONFIRMATION_CODE)", inspect.getsource(sys.modules[row.execute.__module__])) is not None

        assert asks == bool(row.asks_user), row.name


def test_every_verb_of_a_phone_is_a_form_with_the_request_beside_it(world: Client, visitor: Reader) -> None:
    page = visitor.open(page_of(PIXEL))

    for verb, row in VERBS.items():
        path = f"/sandbox/v1/devices/{PIXEL}" + ("" if row.http_method == "PATCH" else f":{verb}")
        assert page.form_to(f"{PIXEL}:{verb}")
        assert f"curl -s -X {row.http_method} {world.url}{path} -d " in page.text
        assert re.search(rf"requests\.{row.http_method.lower()}\( ?'{re.escape(world.url + path)}', json=", page.text)


def test_a_verb_that_can_do_nothing_says_why_and_keeps_what_was_written(visitor: Reader) -> None:
    page = visitor.open(page_of(PIXEL))

    refused = visitor.submit(page, form=page.form_to(":unlock"), fill={"body.password": "no such PIN"})
    wrong = visitor.submit(page, form=page.form_to(":patch"), fill={"body.report": "{", "body.latency": "3s"})

    assert (400, True) == (refused.status, "The password opens no lock" in refused.text)
    assert 'value="no such PIN"' in refused.html
    assert (400, True) == (wrong.status, "report is not JSON" in wrong.text)
    assert 'value="3s"' in wrong.html


def clicks(visitor: Reader) -> None:
    """A newcomer's first minutes: something of everything."""
    wall = visitor.open(WALL)
    visitor.submit(wall, form=wall.form_to(f"{PIXEL}:issueCommand"))
    visitor.submit(wall, form=wall.form_to(f"{SCANNER}:patch"))
    visitor.submit(wall, form=wall.form_to("clock:advance"), fill={"body.duration": "600s"})
    faults = visitor.open(f"{WALL}/faults?effect=error")
    visitor.submit(faults, fill={"body.phone": BYOD})
    page = visitor.open(page_of(BYOD))
    assert 400 == visitor.submit(page, form=page.form_to(":issueCommand")).status  # by the fault
    visitor.submit(page, form=page.form_to(":patch"), fill={"body.workProfilePaused": "true", "body.consentDelay": "5m"})
    new = visitor.open(f"{WALL}/phones")
    visitor.submit(new, fill={"body.deviceId": "mine", "body.profile": PIXEL, "body.overrides.batteryPercent": "7"})
    visitor.submit(wall, form=wall.form_to(f"{SCANNER}:patch"), fill={"body.online": "true"})


@pytest.mark.parametrize("language", ["Shell", "Python"])
def test_the_script_of_what_was_clicked_does_it_again_in_another_world(make: Maker, language: str) -> None:
    one, other = make(seed=7, now=NOW), make(seed=7, now=NOW)
    clicks(Reader(one.url))
    page = Reader(one.url).open(f"{WALL}/script")
    shown = re.findall(r"<pre[^>]*>(.*?)</pre>", page.html, re.DOTALL)[["Shell", "Python"].index(language)]
    script = html.unescape(shown).replace(one.url, other.url)
    program = [shutil.which("bash") or "bash", "-c"] if language == "Shell" else [sys.executable, "-c"]

    subprocess.run([*program, script], check=True, capture_output=True, timeout=PATIENCE_S)

    assert one.get("/sandbox/v1/devices") == other.get("/sandbox/v1/devices")
    assert one.get("/sandbox/v1/faults") == other.get("/sandbox/v1/faults")
    assert one.get("/sandbox/v1/clock") == other.get("/sandbox/v1/clock")


def test_a_password_is_in_no_script(world: Client, visitor: Reader) -> None:
    world.post("/sandbox/v1/devices", {"deviceId": "mine", "profile": PIXEL, "overrides": {"devicePassword": "135790"}})
    page = visitor.open(page_of("mine"))
    visitor.submit(page, form=page.form_to(":unlock"), fill={"body.password": "135790"})

    script = visitor.open(f"{WALL}/script")

    assert ":unlock" in script.html
    assert "135790" not in script.html
    visitor.submit(script)
    assert "Nothing yet." in visitor.open(f"{WALL}/script").text


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_fault_of_every_effect_is_planned_by_its_form_as_it_stands_and_removed(world: Client, visitor: Reader, effect: str) -> None:
    form = visitor.open(f"{WALL}/faults?effect={effect}")

    planned = visitor.submit(form)

    (fault,) = world.get("/sandbox/v1/faults")["faults"]
    assert [] == [one for one in ("error", "alert") if f'role="{one}"' in planned.html]
    assert fault["name"] in planned.text
    visitor.submit(planned, form=planned.form_to(":delete"))
    assert [] == world.get("/sandbox/v1/faults")["faults"]


def test_a_fault_that_cannot_be_says_what_is_possible(visitor: Reader) -> None:
    form = visitor.open(f"{WALL}/faults?effect=error&phone={PIXEL}")

    answer = visitor.submit(form, fill={"body.error.code": "99"})

    assert (400, True) == (answer.status, "code must be an HTTP status" in answer.text)
    assert 'value="99"' in answer.html


def test_the_clock_is_moved_and_stopped_and_never_goes_back(world: Client, visitor: Reader) -> None:
    clock = visitor.open(f"{WALL}/clock")

    visitor.submit(
        clock, form=next(form for form in clock.forms if form.action.endswith("clock:set")), fill={"body.time": "2030-01-02T00:00:00Z"}
    )
    assert "2030-01-02T00:00:00Z" == world.get("/sandbox/v1/clock")["now"]
    back = visitor.submit(clock, form=clock.form_to("clock:set"), fill={"body.time": "2029-01-01T00:00:00Z"})
    visitor.submit(clock, form=clock.form_to("clock:run"))

    assert (400, True) == (back.status, "never goes back" in back.text)
    assert not world.get("/sandbox/v1/clock")["frozen"]


def test_a_world_is_made_opened_and_ended(sandbox: Client, reader: Reader) -> None:
    worlds = reader.open(f"{WALL}/worlds")

    made = reader.submit(
        worlds, fill={"body.seed": "7", "body.now": NOW, "body.phones": f"{PIXEL}\n" + '{"profile": "pixel7-a14-cope", "deviceId": "b"}'}
    )

    (world,) = sandbox.get("/sandbox/v1/worlds")["worlds"]
    its_wall = reader.click(made, world["name"].removeprefix("worlds/"))
    assert its_wall.url.startswith(world["url"])
    assert "2 phones" in its_wall.text
    reader.submit(made, form=made.form_to(":delete"))
    assert [] == sandbox.get("/sandbox/v1/worlds")["worlds"]


def test_a_world_is_reset_and_saved_from_its_page(world: Client, visitor: Reader) -> None:
    world.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    worlds = visitor.open(f"{WALL}/worlds")

    visitor.submit(worlds, form=worlds.form_to("worlds:reset"))
    saved = visitor.open(f"{WALL}/worlds:export", method="POST", body="")

    assert world.get(f"/sandbox/v1/devices/{PIXEL}")["online"]
    assert 'attachment; filename="world.json"' == saved.headers["content-disposition"]
    assert "7" == json.loads(saved.html)["seed"]


def test_a_request_leads_to_its_phone_its_operation_and_its_notification_and_back(world: Client, visitor: Reader) -> None:
    operation = world.issue(PIXEL, {"type": LOCK.name})
    monitor = visitor.open(f"{WALL}/requests?filter={quote('method:issueCommand')}")

    request = visitor.click(monitor, "1")
    assert "POST /v1/enterprises/sandbox/devices/pixel8-a15-fully-managed:issueCommand" in request.text
    assert [tag for tag in ("api", "protocol", "phone", "notification") if f'<span class="tag">{tag}</span>' in request.html] == [
        "api", "protocol", "phone", "notification",
    ]  # fmt: skip
    assert visitor.click(request, PIXEL).url.endswith(page_of(PIXEL))
    assert visitor.click(request, operation.rpartition("/")[2]).url.endswith(f"/console/{operation}")
    notifications = visitor.click(request, "its notifications")
    assert operation in notifications.text
    assert "1 of 1 request" in visitor.click(notifications, "Its requests").text


def test_the_monitor_filters_by_its_address_and_gives_a_har(world: Client, visitor: Reader) -> None:
    for phone in (PIXEL, BYOD, BYOD):
        world.issue(phone, {"type": LOCK.name})

    found = visitor.open(f"{WALL}/requests?filter=phone%3D{BYOD}")
    wrong = visitor.open(f"{WALL}/requests?filter=colour%3Dred")

    assert "2 of 2 requests" in found.text
    assert (400, True) == (wrong.status, "is not a field to filter by" in wrong.text)
    har = visitor.open(found.links["Download as HAR"], headers={"Accept": "*/*"})
    assert 2 == len(json.loads(har.html)["log"]["entries"])
    visitor.submit(found)
    assert "No caller asked anything" in visitor.open(f"{WALL}/requests").text


def test_five_hundred_phones_are_shown_page_by_page(make: Maker) -> None:
    phones = [{"profile": PIXEL, "deviceId": f"phone-{number}"} for number in range(500)]
    visitor = Reader(make(phones=phones, now=NOW).url)

    first = visitor.open(WALL)
    second = visitor.click(first, "Next phones")

    assert "1 to 60 of 500 phones" in first.text
    assert "61 to 120 of 500 phones" in second.text
    assert len(first.html) < 400_000
    assert "1 phone, of 500 in all" in visitor.open(f"{WALL}?q=phone-499").text


@pytest.fixture(scope="module")
def posts() -> list[str]:
    """The address of every form of the sandbox's pages."""
    named = [row.path.replace("enterprises/*/devices/*", f"enterprises/sandbox/devices/{PIXEL}") for row in ROWS if row.http == "POST"]
    return [f"{WALL}/{path.replace('*', '1')}" for path in named]


@pytest.mark.parametrize(
    "headers", [{"Origin": EVIL}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"}, {"Host": "rebound.evil.example"}]
)
def test_no_other_site_steers_a_world_by_a_form(world: Client, visitor: Reader, posts: list[str], headers: dict[str, str]) -> None:
    before = world.get("/sandbox/v1/devices"), world.get("/sandbox/v1/clock"), world.get("/sandbox/v1/faults")

    answers = {path: visitor.open(path, method="POST", body="body.online=false&effect=error", headers=headers).status for path in posts}

    assert len(posts) > 20
    assert dict.fromkeys(posts, 403) == answers
    assert before == (world.get("/sandbox/v1/devices"), world.get("/sandbox/v1/clock"), world.get("/sandbox/v1/faults"))


@pytest.mark.parametrize("path", ["", "/requests", "/worlds", "/script", "/enterprises/sandbox/devices/pixel8-a15-fully-managed"])
def test_no_other_name_reads_a_page(visitor: Reader, path: str) -> None:
    assert 403 == visitor.open(f"{WALL}{path}", headers={"Host": "rebound.evil.example"}).status


def test_no_page_of_a_world_shows_anything_of_another(make: Maker) -> None:
    one, other = make(seed=1, now=NOW), make(seed=2, now=NOW)
    other.post("/sandbox/v1/devices", {"deviceId": "only-there", "profile": PIXEL})
    other.issue("only-there", {"type": LOCK.name})
    other.post("/sandbox/v1/faults", {"phone": "only-there", "offline": "60s"})
    for row in ROWS:
        if row.http == "GET" and "*" not in row.path:
            page = Reader(one.url).open(f"{WALL}/{row.path}".rstrip("/"))
            assert "only-there" not in page.html, row.path
            assert str(urlsplit(other.url).port) not in page.html, row.path
    worlds = Reader(one.url).open(f"{WALL}/worlds")
    assert "Worlds beside it" not in worlds.text
    assert 404 == Reader(one.url).open(f"{WALL}/worlds", method="POST", body="").status
    assert 404 == Reader(one.url).open(page_of("only-there")).status
