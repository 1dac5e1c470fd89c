"""`POST /sign-in/openid/back-channel-logout`: the identity provider says that a session there is over, or every session of an account.

No browser calls it: who calls shows nothing but the token, which the provider signed. Whatever is wrong with that, the answer is the same.

Source: OpenID Connect Back-Channel Logout 1.0 §2.5 (request), §2.8 (response).
"""

from typing import Final

import msgspec
import structlog

from heliograph.api.http.request_body import read_form
from heliograph.api.sign_in.desk import Desk
from heliograph.api.sign_in.openid_pages import provider_of
from heliograph.asgi import JSON, ClientGone, Receive, Scope, Send, send_whole
from heliograph.domain.access import ANYBODY
from heliograph.domain.audit import Acting
from heliograph.protojson.errors import Code, HeliographError
from heliograph.service.acting import ACTING
from heliograph.service.audit import record_rejection
from heliograph.service.openid import end_at_provider

log = structlog.get_logger()

PATH: Final = "/sign-in/openid/back-channel-logout"
OK, BAD_REQUEST = 200, 400
HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


async def answer_logout(desk: Desk, scope: Scope, receive: Receive, send: Send) -> None:
    """200 once the sessions are over at every server, also if there were none; 400 if not, as §2.8 wants it."""
    address = desk.addresses.of_client(scope)
    ACTING.set(Acting.caller(ANYBODY, method="signIn.end_at_provider", address=address))
    try:
        token = (await read_form(receive)).get("logout_token", "")
        ended = await end_at_provider(desk.ports, await provider_of(desk).logout(token))
    except HeliographError as error:
        await record_rejection(desk.ports, ACTING.get(), error, resource="")
        log.info("openid.logout_refused", reason=error.reason or error.code.name, claim=error.metadata.get("claim", ""), address=address)
        word = "temporarily_unavailable" if error.code is Code.UNAVAILABLE else "invalid_request"
        body = msgspec.json.encode({"error": word, "error_description": error.message})
        return await send_whole(send, BAD_REQUEST, body, [JSON, *HEADERS])
    except ClientGone:
        return None
    for session in ended:
        log.info("session.ended", person=session.person, session=session.session)
    return await send_whole(send, OK, b"", HEADERS)
