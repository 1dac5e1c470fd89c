"""The enrollmentTokens resource."""

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Call
from heliograph.api.resources.answers import EMPTY, list_body
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.messages import Message
from heliograph.domain.names import EnrollmentTokenName, EnterpriseName
from heliograph.protojson.messages import encode_message
from heliograph.service.enrollment_tokens import (
    create_enrollment_token,
    delete_enrollment_token,
    get_enrollment_token,
    list_enrollment_tokens,
)


class ListEnrollmentTokensResponse(Message):
    """Source: disc, ListEnrollmentTokensResponse."""

    enrollment_tokens: tuple[EnrollmentToken, ...] = ()
    next_page_token: str = ""


async def create(call: Call) -> bytes:
    """The new token with its value and QR code.  Source: disc, enrollmentTokens.create."""
    wanted = await call.message(EnrollmentToken, root="enrollment_token")
    return (await create_enrollment_token(call.ports, EnterpriseName(*call.ids), wanted, server_url=call.url_for_phones())).resource


async def get(call: Call) -> bytes:
    """The token.  Source: disc, enrollmentTokens.get."""
    return encode_message(await get_enrollment_token(call.ports, EnrollmentTokenName(*call.ids)))


async def list_(call: Call) -> bytes:
    """One page of an enterprise's tokens, oldest first.  Source: disc, enrollmentTokens.list."""
    query: PageQuery = call.query
    tokens, next_page_token = await list_enrollment_tokens(
        call.ports, EnterpriseName(*call.ids), page_size=query.page_size, page_token=query.page_token
    )
    return list_body("enrollmentTokens", map(encode_message, tokens), next_page_token)


async def delete(call: Call) -> bytes:
    """An empty answer: no more devices can enrol with the token.  Source: disc, enrollmentTokens.delete."""
    await delete_enrollment_token(call.ports, EnrollmentTokenName(*call.ids))
    return EMPTY
