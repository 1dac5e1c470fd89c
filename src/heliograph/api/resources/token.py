"""`POST /token`: the token endpoint of Google's clients.

Source: RFC 6749 §5, RFC 7523; amapi.md §8.3.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import structlog

from heliograph.api.http.audited import Audited
from heliograph.api.http.authorization import OwnUrls
from heliograph.api.http.errors import http_status
from heliograph.api.http.request_body import read_form
from heliograph.asgi import Asgi, ClientGone, Message, Receive, Send, indented, send_whole
from heliograph.domain.jwt_claims import GrantRejected
from heliograph.protojson.errors import Code, HeliographError
from heliograph.service.callers import AccessToken, SignIn, issue_access_token

log = structlog.get_logger()


PATHS = frozenset({"/token", "/oauth2/v4/token"})
"""The second is Google's former endpoint: clients with only their host replaced ask there."""

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"

HEADERS = [
    (b"content-type", b"application/json; charset=utf-8"),
    (b"cache-control", b"no-cache, no-store, max-age=0, must-revalidate"),
    (b"pragma", b"no-cache"),
    (b"x-content-type-options", b"nosniff"),
]

OK, UNAUTHORIZED = 200, 401
SIGN_IN = "signIn"


def token_app(sign_in: SignIn, audited: Audited, *, own_urls: OwnUrls, otherwise: Asgi) -> Asgi:
    """The ASGI app that answers the token endpoint, and hands every other request on; `audited` records who signed in."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in PATHS:
            return await otherwise(scope, receive, send)
        try:
            token = await _granted(sign_in, await read_form(receive), own_urls(scope))
            await audited.signed_in(token.caller, SIGN_IN, scope)
            status, said = OK, {"access_token": token.text, "expires_in": token.expires_in_s, "token_type": "Bearer"}
        except HeliographError as error:
            status, said = _rejection(error)
            await audited.rejected(error, SIGN_IN, scope)
            address = audited.address_of(scope)
            log.info("token.refused", http_status=status, error=said["error"], why=said["error_description"], address=address)
        except ClientGone:
            return None
        return await send_whole(send, status, indented(msgspec.json.encode(said)), HEADERS)

    return answer


async def _granted(sign_in: SignIn, fields: Mapping[str, str], own_urls: Collection[str]) -> AccessToken:
    """The token.  Raises: GrantRejected."""
    grant_type = fields.get("grant_type", "")
    if not grant_type:
        raise GrantRejected("invalid_request", "Required parameter is missing: grant_type")
    if grant_type != GRANT_TYPE:
        raise GrantRejected("unsupported_grant_type", f"Invalid grant_type: {grant_type[:128]}")
    return await issue_access_token(sign_in, fields.get("assertion", ""), own_urls=own_urls)


def _rejection(error: HeliographError) -> tuple[int, dict[str, Any]]:
    """Status and body. What may go well the next time is called so: Google's clients try again."""
    if isinstance(error, GrantRejected):
        status, word = UNAUTHORIZED if error.error == "unauthorized_client" else http_status(error), error.error
    else:
        status = http_status(error)
        word = "temporarily_unavailable" if error.code in {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED} else "invalid_request"
    return status, {"error": word, "error_description": error.message}
