"""`/account`: who is signed in, with which sessions and passkeys, and what to do about them."""

import functools
from collections.abc import Awaitable, Callable, Mapping

import structlog

from heliograph.api.sign_in.desk import Answer, Desk, browser_name, html, json_text, keeps_passkeys, redirect, without_session
from heliograph.api.sign_in.sign_in_pages import ACCOUNT, OK, SIGN_IN, label_of
from heliograph.api.sign_in.visit import Visit, as_site
from heliograph.api.web.rendering import rendered
from heliograph.domain.access import EVERY_ENTERPRISE
from heliograph.domain.people import Passkey, PasskeyName
from heliograph.domain.session import Session, SessionName, form_token
from heliograph.protojson.errors import NotFound
from heliograph.protojson.times import format_timestamp
from heliograph.service.passkeys import NewPasskey, add_passkey, delete_passkey, may_add_passkey, passkey_wanted
from heliograph.service.people import passkeys_of
from heliograph.service.sessions import SignedIn, end_all_sessions, end_session, sessions_of, use_session

log = structlog.get_logger()

HOW: Mapping[str, str] = {"passkey": "By passkey", "openid": "By identity provider"}


class SessionGone(NotFound):
    """This session is over already."""


async def show_account(desk: Desk, visit: Visit) -> Answer:
    """The page; who is not signed in is asked to."""
    signed_in = await use_session(desk.ports, desk.times, visit.session_secret)
    if signed_in is None:
        return redirect(f"{SIGN_IN}?next={ACCOUNT}")
    person, rights = signed_in.person, signed_in.rights
    options, cookies = await _wanted(desk, visit, signed_in)
    page = rendered(
        "account.html", title="Your account", person=person.name.person, display_name=person.display_name, role=rights.role,
        enterprises="all" if EVERY_ENTERPRISE in rights.enterprises else ", ".join(rights.enterprises),
        form_token=form_token(visit.session_secret), options=options, has_passkeys=person.rights is not None,
        sessions=[_row(one, here=one.name == signed_in.session.name) for one in reversed(await sessions_of(desk.ports, person.name))],
        passkeys=[_passkey_row(one) for one in await passkeys_of(desk.ports, person.name)],
    )  # fmt: skip
    return html(OK, page, *cookies)


async def _wanted(desk: Desk, visit: Visit, signed_in: SignedIn) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
    """What the browser is asked to make if a passkey is added, and the cookie of that attempt; empty: none may be."""
    if not (keeps_passkeys(visit.site) and may_add_passkey(signed_in, now_us=desk.ports.clock.now_us())):
        return "", ()
    attempt, cookie = desk.new_attempt(visit, _adding(signed_in), ACCOUNT)
    return json_text(await passkey_wanted(desk.ports, as_site(visit.site), attempt, signed_in.person.name.person)), (cookie,)


def _of_the_signed_in(change: Callable[[Desk, Visit, SignedIn], Awaitable[Answer]]) -> Callable[[Desk, Visit], Awaitable[Answer]]:
    """A form that changes something of the person who sent it: with the session's form token; who is not signed in is asked to.

    It raises FormTokenWrong.
    """

    @functools.wraps(change)
    async def changed(desk: Desk, visit: Visit) -> Answer:
        signed_in = await use_session(desk.ports, desk.times, visit.session_secret)
        if signed_in is None:
            return redirect(SIGN_IN)
        visit.require_form_token()
        return await change(desk, visit, signed_in)

    return changed


@_of_the_signed_in
async def add_another_passkey(desk: Desk, visit: Visit, signed_in: SignedIn) -> Answer:
    """The person has one more passkey."""
    attempt = desk.attempt_of(visit, _adding(signed_in))
    answer = visit.fields.get("credential", "")
    made = NewPasskey(site=as_site(visit.site), answer=answer, attempt=attempt, label=label_of(visit))
    passkey = await add_passkey(desk.ports, signed_in, made)
    log.info("passkey.added", person=passkey.name.person, passkey=passkey.name.passkey)
    return redirect(ACCOUNT)


@_of_the_signed_in
async def remove_passkey(desk: Desk, visit: Visit, signed_in: SignedIn) -> Answer:
    """The passkey opens nothing any more."""
    name = PasskeyName(signed_in.person.name.person, visit.fields.get("passkey", ""))
    await delete_passkey(desk.ports, name)
    log.info("passkey.removed", person=name.person, passkey=name.passkey)
    return redirect(ACCOUNT)


@_of_the_signed_in
async def end_another_session(desk: Desk, visit: Visit, signed_in: SignedIn) -> Answer:
    """Another session of the same person is over."""
    name = SessionName(signed_in.person.name.person, visit.fields.get("session", ""))
    if not await end_session(desk.ports, name):
        raise SessionGone
    log.info("session.ended", person=name.person, session=name.session)
    return redirect(ACCOUNT)


@_of_the_signed_in
async def sign_out_everywhere(desk: Desk, visit: Visit, signed_in: SignedIn) -> Answer:
    """All sessions of the person are over, this one too."""
    await end_all_sessions(desk.ports, signed_in.person.name)
    log.info("sessions.ended", person=signed_in.person.name.person)
    return redirect(SIGN_IN, without_session(visit))


def _adding(signed_in: SignedIn) -> str:
    """Bound to the session: an attempt that another one began is not taken for it."""
    return f"passkeys/{signed_in.session.name.session}"


def _row(session: Session, *, here: bool) -> Mapping[str, object]:
    return {
        "id": session.name.session, "here": here, "how": HOW.get(session.how, session.how), "address": session.address,
        "agent": browser_name(session.user_agent), "since": _time(session.created_us), "used": _time(session.used_us),
    }  # fmt: skip


def _passkey_row(passkey: Passkey) -> Mapping[str, object]:
    return {
        "id": passkey.name.passkey, "label": passkey.label or "A passkey", "host": passkey.host, "made": _time(passkey.created_us),
        "used": _time(passkey.used_us),
    }  # fmt: skip


def _time(at_us: int) -> str:
    """`2026-11-27 21:13 UTC`."""
    return f"{format_timestamp(at_us)[:16].replace('T', ' ')} UTC"
