"""Enrolment tokens: created, read and deleted."""

from collections.abc import Sequence

import msgspec

from heliograph.domain.device import EnrollmentTokenRecord
from heliograph.domain.enrollment import DEFAULT_DURATION, EnrollmentToken, qr_code, violations
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.names import EnrollmentTokenName, EnterpriseName
from heliograph.protojson.errors import InvalidArgument, NotFound, Violations
from heliograph.protojson.messages import encode_message, stored_message
from heliograph.protojson.times import format_duration, format_timestamp, parse_duration_ns
from heliograph.service.not_found import enterprise_absence
from heliograph.service.paging import MOST, page_of
from heliograph.service.policies import full_policy_name
from heliograph.service.ports import Decision, Delete, Facts, Held, Page, Ports, Put, Sees
from heliograph.service.tenant_bounds import require_room_for_token, require_size

DEFAULT_POLICY = "default"  # disc, EnrollmentToken.policyName


async def create_enrollment_token(
    ports: Ports, enterprise: EnterpriseName, token: EnrollmentToken, *, server_url: str = "", device_id: str = ""
) -> EnrollmentTokenRecord:
    """The token is durable; its `resource` is the whole EnrollmentToken, with what only the server knows.

    `server_url` goes into the QR code for phones; `device_id` is the id that its device gets if that is free.

    Raises: EnterpriseNotAuthorized; InvalidArgument; TooManyEnrollmentTokens.
    """
    if found := Violations(violations(token)):
        raise InvalidArgument(violations=found)
    name = EnrollmentTokenName(enterprise.enterprise, ports.ids.token_id())
    value = ports.ids.token_value()
    given = msgspec.structs.replace(
        token,
        name=str(name),
        value=value,
        duration=format_duration(parse_duration_ns(token.duration or DEFAULT_DURATION)),
        policy_name=full_policy_name(enterprise, token.policy_name or DEFAULT_POLICY, path="enrollment_token.policy_name"),
        qr_code=qr_code(value, server_url, ports.agent),
        user=None,
    )

    def rule(facts: Facts) -> Decision[EnrollmentTokenRecord | None]:
        if facts.enterprise is None:
            return Decision(None)
        record = _record(given, name, facts.now_us, device_id=device_id)
        require_room_for_token(holding, limits)
        require_size(len(record.resource), limits, what="token", path="enrollment_token")
        return Decision(record, (Put(record),))

    limits = ports.limits
    async with ports.turns.adding(ports.store, enterprise, Held.ENROLLMENT_TOKENS, most=limits.enrollment_tokens_most) as holding:
        record = await ports.store.decide(Sees(enterprise=enterprise), rule)
    if record is None:
        raise await enterprise_absence(ports, enterprise) or EnterpriseNotAuthorized()
    return record


def _record(token: EnrollmentToken, name: EnrollmentTokenName, now_us: int, *, device_id: str) -> EnrollmentTokenRecord:
    expires_us = now_us + parse_duration_ns(token.duration) // 1_000
    whole = msgspec.structs.replace(token, expiration_timestamp=format_timestamp(expires_us))
    return EnrollmentTokenRecord(
        enterprise=name.parent,
        token_id=name.enrollment_token,
        value=token.value,
        expires_us=expires_us,
        one_time_only=token.one_time_only,
        allow_personal_usage=token.allow_personal_usage,
        policy_name=token.policy_name,
        additional_data=token.additional_data,
        created_us=now_us,
        resource=encode_message(whole),
        device_id=device_id,
    )


async def get_enrollment_token(ports: Ports, name: EnrollmentTokenName) -> EnrollmentToken:
    """A partial view of the token: name, value, expirationTimestamp, allowPersonalUsage, qrCode.

    Raises: EnterpriseNotAuthorized; NotFound: it does not exist, or is used or expired.
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


async def delete_enrollment_token(ports: Ports, name: EnrollmentTokenName) -> None:
    """No phone enrols with the token any more; devices that did stay.  Raises: EnterpriseNotAuthorized, NotFound."""

    def rule(facts: Facts) -> Decision[bool]:
        return Decision(answer=False) if facts.token is None else Decision(answer=True, writes=(Delete(name),))

    if not await ports.store.decide(Sees(token_name=name), rule):
        raise await enterprise_absence(ports, name.parent) or NotFound()
