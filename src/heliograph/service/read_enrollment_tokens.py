"""Enrolment tokens that a phone can still use, one or a page of them."""

from collections.abc import Sequence

from heliograph.domain.device import EnrollmentTokenRecord
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.errors import NotFound
from heliograph.domain.names import EnrollmentTokenName, EnterpriseName
from heliograph.domain.wire import stored_message
from heliograph.service._absence import enterprise_absence
from heliograph.service._pages import MOST, page_of
from heliograph.service.ports import Page, Ports


async def get_enrollment_token(ports: Ports, name: EnrollmentTokenName) -> EnrollmentToken:
    """A partial view of the token: name, value, expirationTimestamp, allowPersonalUsage, qrCode.

    Raises: EnterpriseNotAuthorized; NotFound: there is none, or it is used or expired.
    Source: disc, enrollmentTokens.get ("an active, unexpired enrollment token. A partial view …").
    """
    record = await ports.store.token(name)
    if record is None or not _usable(record, ports.clock.now_us()):
        raise await enterprise_absence(ports, name.parent) or NotFound()
    return _partial(record)


async def list_enrollment_tokens(
    ports: Ports, enterprise: EnterpriseName, *, page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[EnrollmentToken], str]:
    """A page of the enterprise's usable tokens, oldest first, partial views; and the next page's token.

    Raises: EnterpriseNotAuthorized; InvalidArgument: page size or token.
    """
    query = f"{enterprise}/enrollmentTokens"

    async def usable(after: str, limit: int) -> Page[EnrollmentTokenRecord]:
        return await _usable_page(ports, enterprise, after=after, limit=limit)

    records, next_page_token = await page_of(ports, query, usable, page_size=page_size, page_token=page_token)
    if not records and (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    return [_partial(record) for record in records], next_page_token


async def _usable_page(ports: Ports, enterprise: EnterpriseName, *, after: str, limit: int) -> Page[EnrollmentTokenRecord]:
    now_us = ports.clock.now_us()
    found: list[EnrollmentTokenRecord] = []
    while True:
        page = await ports.store.tokens(enterprise, after=after, limit=MOST)
        found += [record for record in page.items if _usable(record, now_us)]
        if len(found) > limit or not page.more:
            return Page(items=found[:limit], more=len(found) > limit)
        after = page.items[-1].position


def _usable(record: EnrollmentTokenRecord, now_us: int) -> bool:
    return now_us < record.expires_us and not record.used_by


def _partial(record: EnrollmentTokenRecord) -> EnrollmentToken:
    whole = stored_message(EnrollmentToken, record.resource)
    return EnrollmentToken(
        name=whole.name,
        value=whole.value,
        expiration_timestamp=whole.expiration_timestamp,
        qr_code=whole.qr_code,
        allow_personal_usage=whole.allow_personal_usage,
    )
