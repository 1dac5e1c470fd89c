"""Policies in the console: written, checked, compared, saved, given to devices, deleted."""

import json
from urllib.parse import quote

from tests.console.reader import Page, Reader
from tests.sandbox.client import Client

POLICIES = "/console/enterprises/sandbox/policies"
PIXEL = "pixel8-a15-fully-managed"


def checked(reader: Reader, policy_id: str, text: str) -> Page:
    """What a new policy's form answers."""
    return reader.submit(reader.open(f"{POLICIES}:create"), fill={"policy_id": policy_id, "text": text})


def saved(reader: Reader, policy_id: str, policy: object) -> Page:
    """The page of a new policy."""
    return reader.submit(checked(reader, policy_id, json.dumps(policy)))


def test_a_policy_is_written_looked_at_and_saved(reader: Reader, sandbox: Client) -> None:
    new = reader.click(reader.open(POLICIES), "New policy")

    review = reader.submit(new, fill={"policy_id": "kiosk", "text": '{"cameraDisabled":true,\r\n"maximumTimeToLock":"600000"}'})
    assert '+ "cameraDisabled": true' in review.text
    page = reader.submit(review)

    assert page.url.endswith(f"{POLICIES}/kiosk?note=saved")
    assert "Saved." in page.text
    assert "It sets cameraDisabled, maximumTimeToLock." in page.text
    assert sandbox.get("/v1/enterprises/sandbox/policies/kiosk")["cameraDisabled"] is True
    assert "kiosk" in reader.open(POLICIES).links


def test_mistakes_stand_at_their_lines_and_the_text_is_kept(reader: Reader) -> None:
    text = '{\n  "cameraDisabld": true,\n  "maximumTimeToLock": "soon"\n}'

    page = checked(reader, "kiosk", text)

    assert 400 == page.status
    assert "Line 2, column 3:" in page.text
    assert "Line 3, column 3:" in page.text
    assert "cameraDisabled" in page.text  # what was probably meant
    fields = dict(page.forms[-1].fields)
    assert ("kiosk", text) == (fields["policy_id"], fields["text"])
    assert 404 == reader.open(f"{POLICIES}/kiosk").status


def test_what_only_the_server_can_find_is_a_mistake_in_place_too(reader: Reader) -> None:
    double = checked(reader, "kiosk", '{"applications": [\n{"packageName": "com.a"},\n{"packageName": "com.a"}]}')
    bad_id = checked(reader, "no spaces", "{}")
    taken = checked(reader, "default", "{}")

    assert [400, 400, 409] == [double.status, bad_id.status, taken.status]
    assert "Give the policy an id" in bad_id.text
    assert "There is a policy default already" in taken.text


def test_one_can_go_back_from_the_comparison_with_the_text_as_it_was(reader: Reader) -> None:
    text = '{"cameraDisabled":   true}'
    review = checked(reader, "kiosk", text)
    back_url = next(value for tag, name, value in review.attributes if (tag, name) == ("button", "formaction"))

    editor = reader.submit(review, fill={"edit": "1"}, action=back_url)

    assert 200 == editor.status
    assert text == dict(editor.forms[-1].fields)["text"]


def test_a_policy_that_someone_else_changed_meanwhile_is_not_overwritten_unseen(reader: Reader, sandbox: Client) -> None:
    saved(reader, "kiosk", {"cameraDisabled": True})
    review = reader.submit(reader.open(f"{POLICIES}/kiosk:edit"), fill={"text": '{"funDisabled": true}'})
    sandbox.patch("/v1/enterprises/sandbox/policies/kiosk", {"bluetoothDisabled": True})

    again = reader.submit(review)
    assert 409 == again.status
    assert "Someone else changed the policy" in again.text
    assert '- "bluetoothDisabled": true' in again.text
    page = reader.submit(again)

    assert "It sets funDisabled." in page.text


def test_an_unchanged_policy_offers_nothing_to_save(reader: Reader) -> None:
    saved(reader, "kiosk", {"cameraDisabled": True})

    page = reader.submit(reader.open(f"{POLICIES}/kiosk:edit"))

    assert "Nothing changes" in page.text
    assert "Save" not in page.forms[-1].buttons


def test_a_device_gets_the_policy_by_its_serial_number_and_keeps_it_from_deletion(reader: Reader, sandbox: Client) -> None:
    page = saved(reader, "kiosk", {"cameraDisabled": True})
    serial = sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}")["hardwareInfo"]["serialNumber"]

    nobody = reader.submit(page, fill={"device": "none-such"})
    given = reader.submit(page, fill={"device": serial})

    assert 400 == nobody.status
    assert "No device has the id or serial number none-such." in nobody.text
    assert "The device has this policy now" in given.text
    assert PIXEL in given.links
    assert sandbox.get(f"/v1/enterprises/sandbox/devices/{PIXEL}")["policyName"].endswith("/kiosk")
    refused = reader.submit(reader.click(given, "Delete"))
    assert 400 == refused.status
    assert "has devices" in refused.text

    reader.submit(reader.open(f"{POLICIES}/default"), fill={"device": PIXEL})
    gone = reader.submit(reader.open(f"{POLICIES}/kiosk:delete"))

    assert "The policy is deleted." in gone.text
    assert "kiosk" not in gone.links


def test_the_default_policy_cannot_be_deleted(reader: Reader) -> None:
    page = reader.open(f"{POLICIES}/default")

    assert "Delete" not in page.links
    assert 400 == reader.submit(reader.open(f"{POLICIES}/default:delete")).status


def test_a_policy_as_large_as_the_server_takes_fits_into_the_form(reader: Reader, sandbox: Client) -> None:
    apps = [{"packageName": f"com.example.app{number}", "installType": "AVAILABLE"} for number in range(4_000)]
    text = json.dumps({"applications": apps}, indent=2)
    assert len(quote(text)) > 256 * 1_024  # more than a command's form may have

    page = reader.submit(checked(reader, "large", text))

    assert 200 == page.status
    assert len(apps) == len(sandbox.get("/v1/enterprises/sandbox/policies/large")["applications"])
