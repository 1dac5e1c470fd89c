"""The console over a real socket, without scripts: found, read, issued, cancelled."""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.api.console.command_forms import fields_of
from heliograph.api.console.command_pages import HIDDEN
from heliograph.api.console.shown import android_of, with_moments
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType
from heliograph.domain.command_fields import command_fields
from tests.console.reader import Page, Reader
from tests.sandbox.client import Client

PIXEL, BYOD = "pixel8-a15-fully-managed", "galaxy-a14-a13-byod"
FLEET = "/console/enterprises/sandbox"
DEVICE = f"{FLEET}/devices/{PIXEL}"
FINAL = next(row for row in COMMANDS.values() if row.final_at_ack and row.requires.fully_managed)
PLAIN = next(row for row in COMMANDS.values() if not row.example)
SECRET = next(row for row in COMMANDS.values() if "newPassword" in row.example)
HOSTILE = "<script>alert(1)</script>\"'&{{7*7777}}\u202e"
PAGES = [
    "/console",
    FLEET,
    f"{FLEET}?q=nothing+has+this",
    DEVICE,
    f"{DEVICE}/operations",
    f"{DEVICE}/commands",
    f"{DEVICE}/commands/{FINAL.name}",
]


def serial_of(sandbox: Client, phone: str) -> str:
    return str(sandbox.get(f"/v1/enterprises/sandbox/devices/{phone}")["hardwareInfo"]["serialNumber"])


def issued(reader: Reader, row: CommandType = PLAIN) -> Page:
    """The page of an operation, issued by hand."""
    form = reader.open(f"{DEVICE}/commands/{row.name}")
    return reader.submit(reader.submit(form))


def test_the_address_itself_leads_a_browser_to_the_console_and_nobody_else(reader: Reader) -> None:
    page = reader.open("/")

    assert 200 == page.status
    assert page.url.endswith("/console/sandbox")  # the phones, of a sandbox
    assert reader.open("/console").url.endswith(FLEET)  # there is one enterprise
    plain = reader.open("/", follow=False, headers={"Accept": "*/*"})
    assert 404 == plain.status
    assert "error" in json.loads(plain.html)


def test_a_phone_is_found_by_its_serial_number_commanded_and_seen_to_succeed(reader: Reader, sandbox: Client) -> None:
    fleet = reader.submit(reader.open(FLEET), fill={"q": serial_of(sandbox, PIXEL)})
    assert [PIXEL] == [link for link, url in fleet.links.items() if "/devices/" in url]

    device = reader.click(fleet, PIXEL)
    types = reader.click(device, "Issue a command")
    confirmation = reader.submit(reader.click(types, PLAIN.name))
    assert f"/v1/enterprises/sandbox/devices/{PIXEL}:issueCommand" in confirmation.text
    operation = reader.submit(confirmation)

    sandbox.wait(operation.url.removeprefix(sandbox.url).replace("/console/", ""))
    done = reader.open(operation.url)
    assert f"{PLAIN.name} succeeded" in done.text
    assert "acknowledged" in done.text
    assert "noscript" not in done.tags
    assert PLAIN.name in reader.open(DEVICE).text


def test_a_search_looks_into_every_value_and_filters_are_the_command_lines(reader: Reader) -> None:
    by_model = reader.open(f"{FLEET}?q=pixel+8")
    by_filter = reader.open(f"{FLEET}?filter={quote('api<30 AND mode=DEVICE_OWNER')}")
    not_connected = reader.open(f"{FLEET}?filter=connected%3Dno")
    wrong = reader.open(f"{FLEET}?filter=colour%3Dred")

    assert PIXEL in by_model.links
    assert BYOD not in by_model.links
    assert "zebra-tc52-a10-dedicated" in by_filter.links
    assert PIXEL not in by_filter.links
    assert "None of the" in not_connected.text
    assert 400 == wrong.status
    assert "There is no column 'colour'. Columns: device, state" in wrong.text


def test_a_long_list_goes_on_by_its_address(make_many: Reader) -> None:
    first = make_many.open("/console")
    second = make_many.click(first, "Next devices")
    search = make_many.open(f"{first.url}?filter=model~pixel")

    seen = [{link for link, url in page.links.items() if "/devices/" in url} for page in (first, second)]
    assert [50, 20] == [len(page) for page in seen]
    assert not seen[0] & seen[1]
    assert "70 devices found among 70" in search.text
    assert 200 == make_many.click(second, "From the beginning").status


def test_an_offline_phones_page_says_why_its_command_waits_as_explain_does(reader: Reader, sandbox: Client) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    operation = issued(reader)
    name = operation.url.removeprefix(f"{sandbox.url}/console/")

    explained = sandbox.get(f"/heliograph/v1/{name}:explain")

    for page in (reader.open(operation.url), reader.open(DEVICE)):
        assert with_moments(explained["sentence"]) in page.text
        assert explained["advice"] in page.text
    assert ("meta", "content", "2") in operation.attributes
    assert operation.tags[operation.tags.index("noscript") + 1] == "meta"  # with scripts, the page follows by itself


def test_a_waiting_command_is_cancelled_by_its_button(reader: Reader, sandbox: Client) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})

    cancelled = reader.submit(issued(reader))

    assert f"{PLAIN.name} cancelled" in cancelled.text
    assert [] == cancelled.forms


def test_a_form_sent_twice_issues_one_command(reader: Reader, sandbox: Client) -> None:
    confirmation = reader.submit(reader.open(f"{DEVICE}/commands/{PLAIN.name}"))

    once, again = reader.submit(confirmation), reader.submit(confirmation)

    assert once.url == again.url
    assert 1 == len(sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}/operations")["operations"])


def test_what_cannot_be_undone_asks_for_the_devices_name(reader: Reader, sandbox: Client) -> None:
    confirmation = reader.submit(reader.open(f"{DEVICE}/commands/{FINAL.name}"))

    wrong = reader.submit(confirmation, fill={"typed_name": BYOD})
    assert 400 == wrong.status
    assert f"Type {PIXEL} to issue" in wrong.text
    assert {} == sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}/operations")

    operation = reader.submit(wrong, fill={"typed_name": PIXEL})
    sandbox.wait(operation.url.removeprefix(f"{sandbox.url}/console/"))
    assert f"{FINAL.name} succeeded" in reader.open(operation.url).text  # the device is gone, its operation is not
    assert 404 == reader.open(DEVICE).status


@pytest.mark.parametrize("row", [row for row in COMMANDS.values() if not row.requires.fully_managed], ids=lambda row: row.name)
def test_a_type_that_the_phone_would_refuse_says_why_and_leads_nowhere(reader: Reader, row: CommandType) -> None:
    types = reader.open(f"{DEVICE}/commands")

    assert row.name not in types.links
    assert "this one is fully managed" in types.text


def test_a_form_with_mistakes_comes_back_with_all_of_them_and_with_what_was_written(reader: Reader) -> None:
    row = next(row for row in COMMANDS.values() if any("Message" in name for name in row.example.get(row.params_field or "", {})))
    form = reader.open(f"{DEVICE}/commands/{row.name}")

    again = reader.submit(form, fill={"param.lost_message": "Call\tme", "param.lost_email_address": "no address", "duration": "-5"})

    assert 400 == again.status
    assert ("param.lost_email_address", "no address") in again.forms[-1].fields
    assert "duration" in again.text


def test_a_secret_is_sent_and_never_shown(reader: Reader, sandbox: Client) -> None:
    confirmation = reader.submit(reader.open(f"{DEVICE}/commands/{SECRET.name}"), fill={"param.new_password": "quite-another-77"})
    shown = [text for text in re.findall(r"<pre[^>]*>(.*?)</pre>", confirmation.html, re.DOTALL) if "quite-another" in text]
    changing = reader.submit(confirmation, fill={"edit": "1"}, action=f"{DEVICE}/commands/{SECRET.name}")

    operation = reader.submit(confirmation)

    assert [] == shown
    assert "quite-another" not in changing.html
    assert "quite-another" not in reader.open(operation.url).html
    assert "error" not in sandbox.wait(operation.url.removeprefix(f"{sandbox.url}/console/"))


def test_a_world_below_the_sandboxs_address_has_a_console_of_its_own(sandbox: Client) -> None:
    world = sandbox.post("/sandbox/v1/worlds", {"enterprises": ["near", "far"], "phones": ["pixel8-a15-fully-managed"]})
    for address in (world["url"], world["pathUrl"]):
        reader = Reader(address)
        enterprises = reader.open(f"{address}/console")
        assert {"near", "far"} <= enterprises.links.keys()

        device = reader.click(reader.click(enterprises, "far"), PIXEL)
        operation = reader.submit(reader.submit(reader.open(f"{device.url}/commands/{PLAIN.name}")))

        assert operation.url.startswith(f"{address}/console/enterprises/far/")
        assert 200 == reader.open(device.url).status
        for tag, name, value in device.attributes:
            if name in {"href", "src", "action"}:
                assert reader.open(value, follow=False).status in {200, 303, 405}, (tag, value)
    sandbox.ask("DELETE", f"/sandbox/v1/{world['name']}")


def test_what_callers_write_is_text_on_every_page(reader: Reader, sandbox: Client) -> None:
    sandbox.patch("/v1/enterprises/sandbox?updateMask=enterpriseDisplayName", {"enterpriseDisplayName": HOSTILE[:60]})
    sandbox.patch(f"/v1/enterprises/sandbox/devices/{PIXEL}?updateMask=disabledReason", {"disabledReason": {"defaultMessage": HOSTILE}})
    lost = next(row for row in COMMANDS.values() if "startLostModeParams" in row.example)
    operation = issued_with(reader, lost, {"param.lost_message": HOSTILE})

    for page in (
        *(reader.open(path) for path in PAGES),
        reader.open(f"{FLEET}?q={quote(HOSTILE)}&filter={quote(f'model={HOSTILE}')}"),
        reader.open(f"{FLEET}?filter={quote(HOSTILE)}"), reader.open(f"/console/{quote(HOSTILE, safe='')}"), operation,
        reader.open(f"{FLEET}/devices/{quote(HOSTILE, safe='')}"),
    ):  # fmt: skip
        scripts = [value for tag, name, value in page.attributes if tag == "script" and name == "src"]
        assert page.tags.count("script") == len(scripts)
        assert all(script.startswith("/static/") for script in scripts)
        assert "54439" not in page.html
        assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]


def issued_with(reader: Reader, row: CommandType, fill: dict[str, str]) -> Page:
    """The page of an operation of this type."""
    return reader.submit(reader.submit(reader.open(f"{DEVICE}/commands/{row.name}"), fill=fill))


def test_a_page_has_one_form_of_time_and_says_its_zone_once(reader: Reader, sandbox: Client) -> None:
    sandbox.patch(f"/sandbox/v1/devices/{PIXEL}", {"online": False})
    waiting = issued(reader).url
    done = sandbox.issue(BYOD, {"type": PLAIN.name})
    sandbox.wait(done)

    for path in (*PAGES, waiting, f"/console/{done}", f"{FLEET}/devices/{BYOD}"):
        text = re.sub(r"<pre.*?</pre>", "", reader.open(path).html, flags=re.DOTALL)  # the API's own JSON, as it is
        assert not re.search(r"\dT\d\d:", text), path
        assert 1 == text.count("UTC"), path
    assert re.search(r"was last seen at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.;]", reader.open(waiting).text)


def test_a_phone_that_reports_no_software_is_of_the_android_of_its_api_level() -> None:
    reported = {"apiLevel": 35, "softwareInfo": {"androidVersion": "15 QPR2"}}

    shown = [android_of(device) for device in (reported, {"apiLevel": 35}, {"apiLevel": 99}, {})]

    assert ["15 QPR2 (API level 35)", "15 (API level 35)", "API level 99", ""] == shown


@pytest.mark.parametrize("row", COMMANDS.values(), ids=COMMANDS)
def test_the_python_beside_a_command_issues_it(reader: Reader, sandbox: Client, row: CommandType) -> None:
    form = reader.open(f"{DEVICE}/commands/{row.name}")
    confirmation = reader.submit(form, fill=fields_of(row, {"type": row.name, **row.example}))
    program = unescape(next(text for text in re.findall(r"<pre[^>]*>(.*?)</pre>", confirmation.html, re.DOTALL) if "issueCommand(" in text))
    params = row.example.get(row.params_field, {}) if row.params_field else row.example
    for secret in [params[field.json_name] for field in command_fields(row) if field.secret and field.json_name in params]:
        assert secret not in program
        program = program.replace(HIDDEN, secret)

    found: dict[str, Any] = {}
    exec(program, found)  # noqa: S102 - the page's own program
    found["amapi"].close()

    assert row.name == found["operation"]["metadata"]["type"]
    shown = next(text for text in re.findall(r"<pre[^>]*>(.*?)</pre>", confirmation.html, re.DOTALL) if text.startswith("{"))
    assert json.loads(unescape(shown))["type"] == row.name


@pytest.mark.parametrize("path", PAGES)
def test_each_page_has_the_strict_headers_and_head_answers_without_a_body(reader: Reader, path: str) -> None:
    page, head = reader.open(path, follow=False), reader.open(path, follow=False, method="HEAD")

    assert "default-src 'none'; script-src 'self'; style-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "no-store" == page.headers["cache-control"]
    assert (page.status, "") == (head.status, head.html)


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/console/nothing", 404),
        ("GET", "/console/enterprises/", 404),
        ("GET", f"{FLEET}/devices/nobody", 404),
        ("GET", "/console/enterprises/nowhere", 403),
        ("GET", f"{DEVICE}/commands/DANCE", 404),
        ("GET", f"{DEVICE}/operations/1", 404),
        ("GET", f"{FLEET}?page=invented", 400),
        ("GET", f"{FLEET}?q={'x' * 5_000}", 400),
        ("GET", f"{FLEET}?" + "&".join(f"a{number}=1" for number in range(300)), 400),
        ("GET", f"{DEVICE}/operations?filter=done", 400),
        ("GET", "/console/enterprises/%FF", 400),
        ("POST", FLEET, 405),
        ("PUT", DEVICE, 405),
        ("GET", f"{DEVICE}/operations/1:cancel", 405),
        ("POST", f"{DEVICE}/commands", 400),
    ],
)
def test_what_is_not_there_or_cannot_be_is_a_page_that_says_so(reader: Reader, method: str, path: str, status: int) -> None:
    page = reader.open(path, method=method, body="" if method == "POST" else None)

    assert status == page.status
    assert "text/html; charset=utf-8" == page.headers["content-type"]
    assert "To the console" in page.links
    assert ("allow" in page.headers) == (status == 405)


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}], ids=lambda headers: next(iter(headers)))
def test_another_sites_page_gets_nothing_and_changes_nothing(reader: Reader, sandbox: Client, headers: dict[str, str]) -> None:
    confirmation = reader.submit(reader.open(f"{DEVICE}/commands/{PLAIN.name}"))

    assert 403 == reader.submit(confirmation, headers=headers).status
    assert 403 == reader.open(FLEET, headers=headers).status
    assert {} == sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}/operations")


COMMANDS_BY_HAND = [
    '{"type":"X"}', "{}", '{"wipeParams":null}', '{"type":11,"wipeParams":{"wipeReason":{"localizedMessages":{"fr":null}}}}',
    '{"wipe_params":{"wipe_reason":{"default_message":"\\ud800"}}}', '{"type":"LOCK","duration":null}',
]  # fmt: skip
TEXT = st.text(max_size=40) | st.sampled_from(
    [HOSTILE, "9" * 5_000, "\x00", "%00", "..", "a=b=c", "~", "state=", '{"type":', "[" * 3_000, "null"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXT, parameter=st.sampled_from(["q", "filter", "page"]))
def test_no_query_makes_the_server_fail(sandbox_process: Client, text: str, parameter: str) -> None:
    reader = Reader(sandbox_process.url)

    for path in (FLEET, f"{DEVICE}/operations", "/console"):
        assert reader.open(f"{path}?{parameter}={quote(text.encode('utf-8', 'surrogatepass'))}").status < 500


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.sampled_from(list(COMMANDS.values())),
    texts=st.lists(TEXT, min_size=4, max_size=4),
    command=TEXT | st.sampled_from(COMMANDS_BY_HAND),
)
def test_no_form_makes_the_server_fail(sandbox_process: Client, row: CommandType, texts: list[str], command: str) -> None:
    reader = Reader(sandbox_process.url)
    names = [name for name, _ in reader.open(f"{DEVICE}/commands/{row.name}").forms[-1].fields]
    fields = [(name, text) for name, text in zip(names * 4, texts, strict=False)] + [("param.wipe_data_flags", texts[0])]

    bodies = ["&".join(f"{quote(name)}={quote(text.encode('utf-8', 'surrogatepass'))}" for name, text in fields)]
    bodies.append(f"request_id={quote(texts[0].encode('utf-8', 'surrogatepass'))}&command={quote(command)}&edit=1")

    for body in bodies:
        for path in (f"{DEVICE}/commands", f"{DEVICE}/commands/{row.name}"):
            assert reader.open(path, method="POST", body=body, follow=False).status < 500
