"""The pages that lead to a session: `/sign-in`, invitations, and `/sign-out`."""

import contextlib
from urllib.parse import urlencode

import structlog

from heliograph.api.sign_in.desk import Answer, Desk, browser_name, html, json_text, keeps_passkeys, named, redirect, without_session
from heliograph.api.sign_in.visit import Visit, as_site
from heliograph.api.web.rendering import rendered
from heliograph.domain.people import Invitation
from heliograph.domain.session import form_token, safe_path
from heliograph.service.openid import ProviderUnreachable
from heliograph.service.passkeys import NewPasskey, accept_invitation, passkey_wanted, sign_in_with_passkey
from heliograph.service.people import PATH as INVITATION
from heliograph.service.people import opened_invitation
from heliograph.service.sessions import end_session, find_session, use_session
from heliograph.service.webauthn import request_options

log = structlog.get_logger()

ACCOUNT, SIGN_IN, SIGN_OUT = "/account", "/sign-in", "/sign-out"
SIGNED_OUT = "signed-out"
"""A parameter of SIGN_IN: someone signed out here, who may sign out at the identity provider, too."""
OK = 200


async def show_sign_in(desk: Desk, visit: Visit) -> Answer:
    """The ways to sign in; who is signed in already goes on, unless `again`."""
    onward = safe_path(visit.query.get("next", ""), otherwise=ACCOUNT)
    if "again" not in visit.query and await use_session(desk.ports, desk.times, visit.session_secret):
        return redirect(onward)
    attempt, cookie = desk.new_attempt(visit, "sign-in", onward)
    options = json_text(request_options(as_site(visit.site), challenge=attempt.challenge)) if keeps_passkeys(visit.site) else ""
    page = rendered(
        "sign_in.html", title="Sign in", options=options, named_url=named(visit.site) + SIGN_IN,
        openid_path=f"{SIGN_IN}/openid?{urlencode({'next': onward})}" if desk.openid else "",
        openid_name=desk.openid.name if desk.openid else "", signed_out=SIGNED_OUT in visit.query,
    )  # fmt: skip
    return html(OK, page, cookie)


async def use_passkey(desk: Desk, visit: Visit) -> Answer:
    """A session for who holds the passkey."""
    attempt = desk.attempt_of(visit, "sign-in")
    answer = visit.fields.get("credential", "")
    start = await desk.start(visit, attempt, "passkey")
    signed_in = await sign_in_with_passkey(desk.ports, desk.times, as_site(visit.site), answer, attempt.challenge, start)
    return await desk.welcome(visit, signed_in, start, attempt.next)


async def show_invitation(desk: Desk, visit: Visit) -> Answer:
    """The form in which a passkey is made. Nothing is used up by looking: mail programs look, too."""
    invitation = await opened_invitation(desk.ports, visit.path.removeprefix(INVITATION))
    if not keeps_passkeys(visit.site):
        return redirect(named(visit.site) + visit.path)
    attempt, cookie = desk.new_attempt(visit, _purpose(invitation), ACCOUNT)
    options = json_text(await passkey_wanted(desk.ports, as_site(visit.site), attempt, invitation.person))
    page = rendered("invitation.html", title="Make a passkey", person=invitation.person, path=visit.path, options=options)
    return html(OK, page, cookie)


async def make_first_passkey(desk: Desk, visit: Visit) -> Answer:
    """The person exists, has the passkey, and is signed in; the invitation is used."""
    invitation = await opened_invitation(desk.ports, visit.path.removeprefix(INVITATION))
    attempt = desk.attempt_of(visit, _purpose(invitation))
    start = await desk.start(visit, attempt, "passkey")
    made = NewPasskey(site=as_site(visit.site), answer=visit.fields.get("credential", ""), attempt=attempt, label=label_of(visit))
    person = visit.fields.get("person", "")
    signed_in = await accept_invitation(desk.ports, desk.times, invitation, person, made, start)
    return await desk.welcome(visit, signed_in, start, attempt.next)


async def show_sign_out(desk: Desk, visit: Visit) -> Answer:
    """A button: a link alone, which any page can make a browser follow, signs no one out."""
    found = await find_session(desk.ports, visit.session_secret)
    if found is None:
        return redirect(SIGN_IN)
    page = rendered("sign_out.html", title="Sign out", person=found.person.name.person, form_token=form_token(visit.session_secret))
    return html(OK, page)


async def sign_out(desk: Desk, visit: Visit) -> Answer:
    """The session is over, here and in the database."""
    found = await find_session(desk.ports, visit.session_secret)
    if found is not None:
        visit.require_form_token()
        await end_session(desk.ports, found.session.name)
        log.info("session.ended", person=found.person.name.person, session=found.session.name.session)
    there = found is not None and found.session.how == "openid" and await _has_sign_out(desk)
    return redirect(f"{SIGN_IN}?{SIGNED_OUT}=openid" if there else SIGN_IN, without_session(visit))


async def _has_sign_out(desk: Desk) -> bool:
    """Whether the identity provider has a page that signs people out there; one that does not answer now: no."""
    with contextlib.suppress(ProviderUnreachable):
        return desk.openid is not None and await desk.openid.sign_out_url("") != ""
    return False


def label_of(visit: Visit) -> str:
    """What a new passkey is called: as its owner says, else by the browser that made it."""
    return visit.fields.get("label", "").strip() or browser_name(visit.user_agent)


def _purpose(invitation: Invitation) -> str:
    return f"invitations/{invitation.name.invitation}"
