"""People who sign in: invited by a link, listed with their sessions, signed out, removed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from heliograph.api.console.audit_pages import quoted, trail_url
from heliograph.api.console.desk_forms import choices_of_roles, enterprises_in_words, is_sure, sentences_of
from heliograph.api.console.guest import ConsolePage, Guest, Json, Redirect
from heliograph.api.console.rejections import DESK_REJECTIONS, message_of, status_of
from heliograph.api.console.shown import moment_of
from heliograph.api.sign_in.desk import browser_name
from heliograph.protojson.errors import HeliographError, InvalidArgument

PEOPLE_LIST, PEOPLE_GET, INVITE, SIGN_OUT, REMOVE = (f"heliograph.people.{verb}" for verb in ("list", "get", "invite", "signOut", "delete"))


async def show_people(guest: Guest) -> ConsolePage:
    """Everyone who has signed in, and those who are invited."""
    return await _people(guest)


async def invite(guest: Guest) -> ConsolePage:
    """The link for one person, shown once; or the form again, with what is wrong in it."""
    wanted = {
        "person": guest.field("person").strip(), "role": guest.field("role"),
        "enterprises": guest.field("enterprises").split(),
    }  # fmt: skip
    try:
        invited = await guest.ask(INVITE, body=msgspec.json.encode(wanted))
    except DESK_REJECTIONS as error:
        return await _people(guest, error=error)
    values = {
        "whom": invited["person"], "role": invited["role"], "link": invited["url"], "expires": moment_of(invited["expireTime"]),
        "crumbs": [("People", guest.url("people"))],
    }  # fmt: skip
    return ConsolePage("console/person_invited.html", f"{invited['person']} is invited", values)


async def show_person(guest: Guest, person: str) -> ConsolePage:
    """One person, with their sessions."""
    return await _person(guest, person)


async def sign_out(guest: Guest, person: str) -> Redirect:
    """All sessions of the person have ended."""
    await guest.ask(SIGN_OUT, person)
    return Redirect(guest.url("people", person))


async def remove(guest: Guest, person: str) -> ConsolePage | Redirect:
    """The person is gone, with passkeys, sessions and invitations."""
    if not is_sure(guest):
        await guest.admit(REMOVE, person)
        return await _person(guest, person, error=InvalidArgument("Tick the box to remove the person: it cannot be undone."))
    await guest.ask(REMOVE, person)
    return Redirect(guest.url("people"))


async def _people(guest: Guest, *, error: HeliographError | None = None) -> ConsolePage:
    found = await guest.ask(PEOPLE_LIST)
    values = {
        "rows": [_row(guest, one) for one in found["people"]],
        "invitations": [
            {"person": one["person"], "role": one["role"], "enterprises": enterprises_in_words(one), "why": one["whyStuck"]}
            for one in found["invitations"]
        ],
        "roles": await choices_of_roles(guest), "whom": guest.field("person"), "role": guest.field("role"),
        "enterprises": guest.field("enterprises"), "error": message_of(error), "action": f"{guest.url('people')}:invite",
        **await sentences_of(guest, INVITE, back=guest.url("people")),
    }  # fmt: skip
    return ConsolePage("console/people.html", "People", values, status=status_of(error))


async def _person(guest: Guest, person: str, *, error: HeliographError | None = None) -> ConsolePage:
    found = await guest.ask(PEOPLE_GET, person)
    facts = [
        ("Role", found["role"] or "by the groups of the identity provider"), ("Enterprises", enterprises_in_words(found)),
        ("Passkeys", str(found["passkeys"])), ("Known since", moment_of(found["createTime"])),
        ("Last seen", moment_of(found["lastUseTime"]) or "never"),
    ]  # fmt: skip
    sessions = [
        {
            "browser": browser_name(one["userAgent"]), "how": one["how"], "address": one["address"], "since": moment_of(one["createTime"]),
            "used": moment_of(one["lastUseTime"]),
        }
        for one in found["openSessions"]
    ]  # fmt: skip
    values = {
        "facts": [(name, value) for name, value in facts if value], "sessions": sessions, "me": person == guest.caller.person,
        "may_sign_out": await guest.may(SIGN_OUT, person), "may_remove": await guest.may(REMOVE, person),
        "url": guest.url("people", person),
        "error": message_of(error), "crumbs": [("People", guest.url("people"))],
        "trail_url": await trail_url(guest, filter=f"actor={quoted(person)}"),
    }  # fmt: skip
    return ConsolePage("console/person.html", person, values, status=status_of(error))


def _row(guest: Guest, one: Json) -> Mapping[str, Any]:
    return {
        "person": one["person"], "url": guest.url_of_resource(f"people/{one['person']}"), "role": one["role"] or "by group",
        "enterprises": enterprises_in_words(one), "passkeys": one["passkeys"], "sessions": one["sessions"],
        "used": moment_of(one["lastUseTime"]) or "never",
    }  # fmt: skip
