"""Notifications of an enterprise: where they go, what waits and why, and the dead letters, to be sent again or discarded."""

import asyncio
import base64
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from heliograph.api.console.endpoint_pages import ENDPOINTS_CREATE, ENDPOINTS_EXPLAIN, crumbs, sentences, types_in_words
from heliograph.api.console.guest import DEAD_LETTERS_LIST, ENTERPRISES_GET, PUSH_ENDPOINTS_LIST, ConsolePage, Guest, Json, Redirect
from heliograph.api.console.links import crumbs_of, turning
from heliograph.api.console.rejections import REJECTIONS, Rejection, message_of, status_of
from heliograph.api.console.shown import ago, json_shown, moment, moment_of, span
from heliograph.domain.dead_letter import DeadLetter, DeadLetterName
from heliograph.domain.names import EnterpriseName, PushEndpointName
from heliograph.protojson.errors import NotFound
from heliograph.service.outbox import PUSH
from heliograph.service.tenant_bounds import Held

_LETTERS = "heliograph.deadLetters"
LETTERS_RESEND, LETTERS_DISCARD, LETTERS_EXPLAIN = f"{_LETTERS}.resend", f"{_LETTERS}.discard", f"{_LETTERS}.explain"

ROWS: Final = 50
ENDPOINTS_MOST: Final = 100
WAITING_MOST: Final = 100
"""Messages of the queue that are looked at."""
COUNTED_MOST: Final = 10_000
NOTES: Final[Mapping[str, str]] = {"endpoint-deleted": "The push endpoint is deleted."}


async def show_notifications(guest: Guest, enterprise: str) -> ConsolePage:
    """Where notifications go, what waits, and what was given up."""
    endpoints = (await guest.ask(PUSH_ENDPOINTS_LIST, enterprise, page_size=ENDPOINTS_MOST)).get("pushEndpoints", [])
    sees_enterprise = await guest.may(ENTERPRISES_GET, enterprise)
    stored = await guest.ask(ENTERPRISES_GET, enterprise) if sees_enterprise else {}
    explains = await guest.may(ENDPOINTS_EXPLAIN, enterprise, "any")
    values = {
        "endpoints": await asyncio.gather(*(_endpoint(guest, one, explains=explains) for one in endpoints)),
        "create_url": f"{_url(guest, enterprise, 'pushEndpoints')}:create" if await guest.may(ENDPOINTS_CREATE, enterprise) else "",
        "types": stored.get("enabledNotificationTypes", ()), "topic": stored.get("pubsubTopic", ""), "sees_enterprise": sees_enterprise,
        "to_topics": guest.ports.destinations.topics, "to_own": guest.ports.destinations.push,
        "settings_url": _url(guest, enterprise, "settings"), "note": NOTES.get(guest.parameter("note"), ""),
        "queue": None, "letters": "", "letters_url": _url(guest, enterprise, "deadLetters"), "crumbs": crumbs_of(guest, enterprise),
    }  # fmt: skip
    if await guest.may(DEAD_LETTERS_LIST, enterprise):
        values |= await _waiting(guest, EnterpriseName(enterprise), explains=explains)
    return ConsolePage("console/notifications.html", "Notifications", values)


async def show_letters(guest: Guest, enterprise: str, *, error: Rejection | None = None) -> ConsolePage:
    """The dead letters of the span of time that the address says, the oldest first."""
    start, end, token = guest.parameter("start"), guest.parameter("end"), guest.parameter("page")
    answer: Json = {}
    try:
        answer = await guest.ask(DEAD_LETTERS_LIST, enterprise, start_time=start, end_time=end, page_size=ROWS, page_token=token)
    except REJECTIONS as found:
        error = error or found
    url = _url(guest, enterprise, "deadLetters")
    values = {
        "rows": [_letter_row(guest, enterprise, letter) for letter in answer.get("deadLetters", [])], "start": start, "end": end,
        "error": message_of(error), "action": url, "note": _done(guest),
        "resend_url": f"{url}:resend" if await guest.may(LETTERS_RESEND, enterprise) else "",
        "discard_url": f"{url}:discard" if await guest.may(LETTERS_DISCARD, enterprise) else "",
        **turning(guest, answer.get("nextPageToken", ""), "enterprises", enterprise, "deadLetters", start=start, end=end),
        "crumbs": crumbs(guest, enterprise),
    }  # fmt: skip
    return ConsolePage("console/letters.html", "Dead letters", values, status=status_of(error))


async def resend_letters(guest: Guest, enterprise: str) -> ConsolePage | Redirect:
    """The dead letters that are chosen in the form, or all of its span of time, wait to be sent again."""
    names, start, end = guest.fields.get("names", ()), guest.field("start").strip(), guest.field("end").strip()
    wanted = {"names": names} if names else {"startTime": start, "endTime": end}
    return await _do(guest, enterprise, LETTERS_RESEND, wanted, done="resent")


async def discard_letters(guest: Guest, enterprise: str) -> ConsolePage | Redirect:
    """The dead letters that are chosen in the form are gone."""
    return await _do(guest, enterprise, LETTERS_DISCARD, {"names": guest.fields.get("names", ())}, done="discarded")


async def show_letter(guest: Guest, enterprise: str, message_id: str) -> ConsolePage:
    """One dead letter: why it was given up, what to do, and what it says."""
    explained = await guest.ask(LETTERS_EXPLAIN, enterprise, message_id)
    await guest.admit(DEAD_LETTERS_LIST, enterprise)
    letter = await guest.ports.store.record(DeadLetter, DeadLetterName(enterprise, int(message_id)))
    if letter is None:
        raise NotFound
    url = _url(guest, enterprise, "deadLetters")
    values = {
        "name": str(letter.name), "sentences": sentences(explained), "data": _data_of(letter),
        "destination": _destination(letter.destination),
        "published": moment(letter.created_us), "given_up": moment(letter.given_up_us), "expires": moment(letter.expires_us),
        "attempts": letter.attempts, "resend_url": f"{url}:resend" if await guest.may(LETTERS_RESEND, enterprise) else "",
        "discard_url": f"{url}:discard" if await guest.may(LETTERS_DISCARD, enterprise) else "",
        "crumbs": [*crumbs(guest, enterprise), ("Dead letters", url)],
    }  # fmt: skip
    return ConsolePage("console/letter.html", f"{letter.notification_type} {message_id}", values)


async def _do(guest: Guest, enterprise: str, method_id: str, wanted: Json, *, done: str) -> ConsolePage | Redirect:
    """Ask the method for these letters; the list says how many it were."""
    try:
        answer = await guest.ask(method_id, enterprise, body=msgspec.json.encode(wanted))
    except REJECTIONS as error:
        return await show_letters(guest, enterprise, error=error)
    return Redirect(_url(guest, enterprise, "deadLetters", **{done: str(answer[f"{done}Count"])}))


def _done(guest: Guest) -> str:
    """What the form before has done, in words."""
    for what, sentence in (("resent", "wait to be sent again"), ("discarded", "are gone")):
        if (count := guest.parameter(what)).isdigit() and len(count) < 9:  # noqa: PLR2004 - a count, and no text of someone else's
            return f"Dead letters that {sentence}: {int(count)}."
    return ""


async def _endpoint(guest: Guest, endpoint: Json, *, explains: bool) -> Mapping[str, Any]:
    name = PushEndpointName.parse(endpoint["name"])
    explained = await guest.ask(ENDPOINTS_EXPLAIN, *name) if explains else {}
    return {
        "id": name.push_endpoint, "display": endpoint.get("displayName", ""), "state": endpoint.get("state", ""), "to": endpoint["url"],
        "url": _url(guest, name.enterprise, "pushEndpoints", name.push_endpoint), "sentence": explained.get("sentence", ""),
        "types": types_in_words(endpoint),
    }  # fmt: skip


async def _waiting(guest: Guest, enterprise: EnterpriseName, *, explains: bool) -> Mapping[str, Any]:
    """The queue by destination, why the oldest message waits, and how many dead letters there are; `may(DEAD_LETTERS_LIST)` was asked."""
    messages = await guest.ports.store.oldest_messages(enterprise.enterprise, limit=WAITING_MOST + 1)
    now_us = guest.ports.clock.now_us()
    number = (await guest.ports.store.holding(enterprise, Held.DEAD_LETTERS, most=COUNTED_MOST + 1)).number
    found: dict[str, Any] = {
        "queue": Counter(_destination(message.destination) for message in messages[:WAITING_MOST]).most_common(),
        "more": len(messages) > WAITING_MOST, "count": min(len(messages), WAITING_MOST), "oldest": None,
        "letters": f"more than {COUNTED_MOST}" if number > COUNTED_MOST else str(number),
    }  # fmt: skip
    if messages:
        oldest = min(messages, key=lambda message: message.created_us)
        why: Sequence[str] = ()
        if oldest.to_endpoint and explains:
            with contextlib.suppress(NotFound):  # it is deleted, and its messages are about to become dead letters
                why = sentences(await guest.ask(ENDPOINTS_EXPLAIN, *PushEndpointName.parse(oldest.destination)))
        found["oldest"] = {
            "type": oldest.notification_type, "since": ago(oldest.created_us, now_us), "destination": _destination(oldest.destination),
            "attempts": oldest.attempts, "next": moment(oldest.due_us) if oldest.due_us > now_us else "now",
            "in": span(oldest.due_us - now_us) if oldest.due_us > now_us else "", "why": why,
        }  # fmt: skip
    return found


def _letter_row(guest: Guest, enterprise: str, letter: Json) -> Mapping[str, Any]:
    message_id = letter["name"].rpartition("/")[2]
    return {
        "id": message_id, "name": letter["name"], "url": _url(guest, enterprise, "deadLetters", message_id),
        "type": letter["notificationType"],
        "published": moment_of(letter["publishTime"]), "destination": _destination(letter["destination"]), "reason": letter["reason"],
        "attempts": letter["attempts"],
    }  # fmt: skip


def _destination(destination: str) -> str:
    """The destination in words."""
    return "the server's own push endpoint" if destination == PUSH else destination


def _data_of(letter: DeadLetter) -> str:
    """What the message says: JSON if it is, else Base64."""
    try:
        return json_shown(msgspec.json.decode(letter.data)) if letter.data else ""
    except msgspec.DecodeError:
        return base64.b64encode(letter.data).decode()


def _url(guest: Guest, enterprise: str, *parts: str, **query: str) -> str:
    return guest.url("enterprises", enterprise, *parts, **query)
