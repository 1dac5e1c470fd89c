"""The way over the identity provider: to it, and back.  Source: OpenID Connect Core 1.0 §3.1.2."""

import hmac

from heliograph.api.sign_in.desk import Answer, Desk, redirect
from heliograph.api.sign_in.sign_in_pages import ACCOUNT, SIGN_IN
from heliograph.api.sign_in.visit import Visit
from heliograph.domain.openid import person_of
from heliograph.domain.session import safe_path
from heliograph.protojson.errors import NotFound
from heliograph.service.openid import IdentityProvider, ProviderAnswerRejected, sign_in_with_openid

BEGIN, CALLBACK, LEAVE = "/sign-in/openid", "/sign-in/openid/callback", "/sign-out/openid"
PURPOSE = "openid"
SHOWN_MOST = 64


class NoProvider(NotFound):
    """This server has no identity provider: sign in with a passkey."""


async def go_to_provider(desk: Desk, visit: Visit) -> Answer:
    """The browser goes to the provider. By a link, not by a form: a form's redirect would have to be allowed by the page's policy."""
    provider = provider_of(desk)
    attempt, cookie = desk.new_attempt(visit, PURPOSE, safe_path(visit.query.get("next", ""), otherwise=ACCOUNT))
    return redirect(await provider.authorization_url(attempt, _redirect_uri(visit)), cookie)


async def leave_provider(desk: Desk, visit: Visit) -> Answer:
    """The browser goes to where the provider signs people out, and then comes back; at once if the provider has no such page.

    The provider asks first, since no ID token goes along as a hint: this server keeps none. So a link is harmless on any page.

    Source: OpenID Connect RP-Initiated Logout 1.0 §2.
    """
    return redirect(await provider_of(desk).sign_out_url(visit.site.origin + SIGN_IN) or SIGN_IN)


async def come_back(desk: Desk, visit: Visit) -> Answer:
    """A session for whom the provider knows, if one of its groups may sign in."""
    provider = provider_of(desk)
    attempt = desk.attempt_of(visit, PURPOSE)
    answer = visit.query
    if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
        raise ProviderAnswerRejected("This answer belongs to another sign-in, perhaps one of another window. Start again.")
    if "error" in answer:
        raise ProviderAnswerRejected(f"The identity provider did not sign you in: {answer['error'][:SHOWN_MOST]}.")
    claims = await provider.claims(answer, attempt, _redirect_uri(visit))
    who = person_of(claims, groups_claim=provider.groups_claim, rules=provider.rules)
    start = await desk.start(visit, attempt, "openid", rights=who.rights)
    return await desk.welcome(visit, await sign_in_with_openid(desk.ports, desk.times, who, start), start, attempt.next)


def _redirect_uri(visit: Visit) -> str:
    """What the provider must have in its list."""
    return visit.site.origin + CALLBACK


def provider_of(desk: Desk) -> IdentityProvider:
    """Who says who people are.  Raises: NoProvider."""
    if desk.openid is None:
        raise NoProvider
    return desk.openid
