"""The webApps resource over REST."""

import json
from pathlib import Path
from typing import Any

import pytest

from heliograph.service.limits import Limits
from tests.api.live import Live, live_server, settings_for

ICON = {"imageData": "iVBORw0KGgo"}
SHIFTS = {"title": "Shifts", "startUrl": "https://shifts.example.com/?tenant=7", "icons": [ICON], "displayMode": "STANDALONE"}


def made(live: Live, enterprise: str, **changes: object) -> Any:  # noqa: ANN401 - any JSON
    """A new web app."""
    answer = live.post(f"/v1/{enterprise}/webApps", {**SHIFTS, **changes})
    assert 200 == answer.status, answer.message
    return answer.json


def patched(live: Live, name: str, body: object, mask: str = "") -> Any:  # noqa: ANN401 - any JSON
    """The web app afterwards."""
    answer = live.call("PATCH", f"/v1/{name}?updateMask={mask}" if mask else f"/v1/{name}", json.dumps(body))
    assert 200 == answer.status, answer.message
    return answer.json


def test_a_web_app_is_read_as_it_was_made_under_a_name_of_the_servers(live: Live, enterprise: str) -> None:
    web_app = made(live, enterprise, name="mine", versionCode="9")

    assert {**SHIFTS, "name": web_app["name"], "versionCode": "1"} == web_app
    assert web_app["name"].startswith(f"{enterprise}/webApps/com.google.enterprise.webapp.x")
    assert web_app == live.call("GET", f"/v1/{web_app['name']}").json


def test_a_patch_with_a_mask_changes_what_the_mask_names_and_one_without_everything(live: Live, enterprise: str) -> None:
    web_app = made(live, enterprise)

    masked = patched(
        live, web_app["name"], {"title": "Mine", "startUrl": "https://not.example.com", "versionCode": "70"}, "title,versionCode"
    )
    whole = patched(live, web_app["name"], {"title": "New", "startUrl": "https://new.example.com", "icons": [ICON]})

    assert {**web_app, "title": "Mine", "versionCode": "2"} == masked
    assert {
        "name": web_app["name"], "title": "New", "startUrl": "https://new.example.com", "icons": [ICON], "versionCode": "3",
    } == whole  # fmt: skip


def test_web_apps_are_listed_by_page_oldest_first(live: Live, enterprise: str) -> None:
    names = [made(live, enterprise, title=f"App {number}")["name"] for number in range(3)]

    first = live.call("GET", f"/v1/{enterprise}/webApps?pageSize=2").json
    second = live.call("GET", f"/v1/{enterprise}/webApps?pageSize=2&pageToken={first['nextPageToken']}").json

    assert names == [web_app["name"] for web_app in (*first["webApps"], *second["webApps"])]
    assert "nextPageToken" not in second
    assert {} == live.call("GET", f"/v1/{live.enterprise()}/webApps").json


def test_a_deleted_web_app_is_gone(live: Live, enterprise: str) -> None:
    name = made(live, enterprise)["name"]

    assert {} == live.call("DELETE", f"/v1/{name}").json

    gone = [live.call(http, f"/v1/{name}", "{}" if http == "PATCH" else None).status for http in ("GET", "PATCH", "DELETE")]
    assert [404] * 3 == gone
    assert {} == live.call("GET", f"/v1/{enterprise}/webApps").json


def test_web_apps_go_with_their_enterprise(live: Live, enterprise: str) -> None:
    name = made(live, enterprise)["name"]

    live.call("DELETE", f"/v1/{enterprise}")

    assert [403, 403] == [live.call("GET", f"/v1/{path}").status for path in (name, f"{enterprise}/webApps")]
    assert 403 == live.post(f"/v1/{enterprise}/webApps", SHIFTS).status


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"title": ""}, "title"),
        ({"title": "  "}, "title"),
        ({"startUrl": ""}, "start_url"),
        ({"startUrl": "shifts.example.com"}, "start_url"),
        ({"startUrl": "javascript:alert(1)"}, "start_url"),
        ({"startUrl": "https://user@shifts.example.com"}, "start_url"),
        ({"icons": []}, "icons"),
        ({"icons": [ICON, {"imageData": "a+b/"}]}, "icons[1].image_data"),
        ({"icons": [{}]}, "icons[0].image_data"),
    ],
)
def test_a_web_app_that_cannot_be_is_refused_at_its_field(live: Live, enterprise: str, changes: dict[str, object], field: str) -> None:
    before = made(live, enterprise)

    created = live.post(f"/v1/{enterprise}/webApps", {**SHIFTS, **changes})
    changed = live.call("PATCH", f"/v1/{before['name']}", json.dumps({**SHIFTS, **changes}))

    for answer in (created, changed):
        assert 400 == answer.status
        assert [f"web_app.{field}"] == [one["field"] for one in answer.json["error"]["details"][0]["fieldViolations"]]
    assert [before] == live.call("GET", f"/v1/{enterprise}/webApps").json["webApps"]


def test_an_enterprise_has_no_more_web_apps_than_the_operator_allows(tmp_path: Path) -> None:
    with live_server(settings_for(tmp_path, limits=Limits(web_apps_most=2, resource_bytes_most=600))) as live:
        enterprise = live.enterprise()
        made(live, enterprise)
        last = made(live, enterprise)

        refused = live.post(f"/v1/{enterprise}/webApps", SHIFTS)
        too_large = live.call("PATCH", f"/v1/{last['name']}?updateMask=title", json.dumps({"title": "x" * 600}))
        live.call("DELETE", f"/v1/{last['name']}")

        assert (429, "TOO_MANY_WEB_APPS") == (refused.status, refused.json["error"]["details"][0]["reason"])
        assert 400 == too_large.status
        assert 200 == live.post(f"/v1/{enterprise}/webApps", SHIFTS).status


def test_an_application_is_a_web_app_of_the_enterprise_or_a_stand_in_that_says_so(live: Live, enterprise: str) -> None:
    package = made(live, enterprise)["name"].rpartition("/")[2]

    own, foreign = (live.call("GET", f"/v1/{name}/applications/{package}").json for name in (enterprise, live.enterprise()))
    again = live.call("GET", f"/v1/{foreign['name']}?languageCode=de").json

    assert ("Shifts", "PRIVATE_GOOGLE_HOSTED") == (own["title"], own["distributionChannel"])
    assert (package, True) == (foreign["title"], foreign["description"].startswith("This is a stand-in: "))
    assert foreign == again


@pytest.mark.parametrize("package", ["chrome", "com..app", "com.1app", "com.app-x"])
def test_no_application_has_a_package_name_that_android_forbids(live: Live, enterprise: str, package: str) -> None:
    answer = live.call("GET", f"/v1/{enterprise}/applications/{package}")

    assert (404, f"{package!r} is not a package name, as in com.example.app.") == (answer.status, answer.message)
    assert 403 == live.call("GET", "/v1/enterprises/nobodys/applications/com.example.app").status
