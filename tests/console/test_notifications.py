"""Notifications in the console: endpoints made and tried out, what waits and why, dead letters sent again and discarded."""

import html
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from standardwebhooks import Webhook

from tests.console.reader import Page, Reader
from tests.http_server import QuietHandler, serving
from tests.sandbox.client import Client

ENTERPRISE = "/console/enterprises/sandbox"
ENDPOINTS = f"{ENTERPRISE}/pushEndpoints"
LETTERS = f"{ENTERPRISE}/deadLetters"
API = "/heliograph/v1/enterprises/sandbox"
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A URL that takes every notification, and what came there: headers and body."""
    came: list[tuple[dict[str, str], bytes]] = []

    class Receiver(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802 - the library's name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

    assert issubclass(Receiver, BaseHTTPRequestHandler)
    with serving(Receiver) as url:
        yield url, came


def made(reader: Reader, url: str, **fill: str) -> Page:
    """The page of a new endpoint."""
    return reader.submit(reader.open(f"{ENDPOINTS}:create"), fill={"url": url, **fill})


def buried(reader: Reader, sandbox: Client) -> str:
    """The id of a dead letter: a test message to an endpoint that is disabled by now."""
    made(reader, NOWHERE, id="gone")
    page = reader.submit(reader.open(f"{ENDPOINTS}/gone"), button="Send a test message")
    reader.submit(page, button="Disable")
    letters = sandbox.until(lambda: sandbox.get(f"{API}/deadLetters").get("deadLetters"))
    return str(letters[-1]["name"]).rpartition("/")[2]


def test_an_endpoint_is_made_its_secret_shown_once_and_its_test_message_verified(
    reader: Reader, sandbox: Client, receiver: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    url, came = receiver
    assert "There is no push endpoint." in reader.open(f"{ENTERPRISE}/notifications").text

    page = made(reader, url, id="emm", display="Our EMM", schemes="V1")
    secret = re.search(r"whsec_[\w+/=]+", html.unescape(page.html))

    assert secret is not None
    again = reader.open(f"{ENDPOINTS}/emm")
    assert "whsec_" not in again.html
    assert "A test message is on its way." in reader.submit(again, button="Send a test message").text
    sandbox.until(lambda: came)
    headers, body = came[0]
    Webhook(secret[0]).verify(body, {name.lower(): value for name, value in headers.items()})
    assert "Our EMM" in reader.open(f"{ENTERPRISE}/notifications").links

    rotated = reader.submit(again, button="Make a new secret")
    assert secret[0] not in html.unescape(rotated.html)
    assert "whsec_" in rotated.html


def test_what_is_wrong_with_an_endpoint_is_said_in_the_form_which_keeps_what_was_written(reader: Reader) -> None:
    page = made(reader, "ftp://a.example", id="Ä", oidc_audience="us")

    assert 400 == page.status
    fields = dict(page.forms[-1].fields)
    assert ("ftp://a.example", "Ä", "us") == (fields["url"], fields["id"], fields["oidc_audience"])


def test_what_waits_says_why_as_explain_does(reader: Reader, sandbox: Client) -> None:
    made(reader, NOWHERE, id="emm")
    for _ in range(3):
        reader.submit(reader.open(f"{ENDPOINTS}/emm"), button="Send a test message")
    resting = sandbox.until(
        lambda: found if (found := sandbox.get(f"{API}/pushEndpoints/emm:explain"))["waiting"] == "ENDPOINT_RESTS" else None
    )

    page = reader.open(f"{ENTERPRISE}/notifications")

    assert "3 notifications wait to be sent: 3 to enterprises/sandbox/pushEndpoints/emm" in page.text
    assert resting["sentence"] in page.text
    assert resting["advice"] in page.text


def test_a_dead_letter_says_why_and_is_sent_again_or_discarded(reader: Reader, sandbox: Client) -> None:
    letter = buried(reader, sandbox)
    explained = sandbox.get(f"{API}/deadLetters/{letter}:explain")
    assert "1 notification was given up" in reader.open(f"{ENTERPRISE}/notifications").text

    page = reader.click(reader.open(LETTERS), letter)
    assert explained["sentence"] in page.text
    assert not explained["sentence"].endswith("..")
    resent = reader.submit(page, button="Send it again")

    assert "Dead letters that wait to be sent again: 1." in resent.text
    # Its endpoint is still disabled, so it comes back, and is discarded then.
    sandbox.until(lambda: sandbox.get(f"{API}/deadLetters").get("deadLetters"))
    discarded = reader.submit(reader.open(f"{LETTERS}/{letter}"), button="Discard it")
    assert "Dead letters that are gone: 1." in discarded.text
    assert "No notification was given up." in discarded.text
    assert 404 == reader.open(f"{LETTERS}/{letter}").status


def test_nothing_is_discarded_unless_it_was_chosen(reader: Reader, sandbox: Client) -> None:
    letter = buried(reader, sandbox)
    letters = reader.open(LETTERS)

    nothing = reader.submit(letters, action=f"{LETTERS}:discard")
    chosen = reader.submit(letters, fill={"names": f"enterprises/sandbox/deadLetters/{letter}"}, action=f"{LETTERS}:discard")

    assert 400 == nothing.status
    assert "Choose the dead letters to discard" in nothing.text
    assert letter in nothing.links
    assert "Dead letters that are gone: 1." in chosen.text


def test_a_span_that_is_no_time_is_said_in_place(reader: Reader) -> None:
    page = reader.submit(reader.open(LETTERS), fill={"start": "yesterday"})

    assert 400 == page.status
    assert "start_time" in page.text
    assert "yesterday" == dict(page.forms[0].fields)["start"]


def test_an_endpoint_is_deleted_after_a_look_at_what_that_means(reader: Reader) -> None:
    made(reader, NOWHERE, id="emm")

    gone = reader.submit(reader.click(reader.open(f"{ENDPOINTS}/emm"), "Delete"))

    assert "The push endpoint is deleted." in gone.text
    assert 404 == reader.open(f"{ENDPOINTS}/emm").status
