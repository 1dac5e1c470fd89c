"""A new enrolment token."""

import msgspec

from heliograph.domain.device import EnrollmentTokenRecord
from heliograph.domain.enrollment import DEFAULT_DURATION, EnrollmentToken, qr_code, violations
from heliograph.domain.errors import EnterpriseNotAuthorized, InvalidArgument, Violations
from heliograph.domain.names import EnrollmentTokenName, EnterpriseName
from heliograph.domain.wire import encode_message
from heliograph.domain.wire_time import format_duration, format_timestamp, parse_duration_ns
from heliograph.service._absence import enterprise_absence
from heliograph.service._policy_names import full_policy_name
from heliograph.service._tenant_bounds import require_room_for_token, require_size
from heliograph.service.ports import Decision, Facts, Held, Ports, PutToken, Sees

DEFAULT_POLICY = "default"  # disc, EnrollmentToken.policyName


async def create_enrollment_token(
    ports: Ports, enterprise: EnterpriseName, token: EnrollmentToken, *, server_url: str = "", device_id: str = ""
) -> EnrollmentTokenRecord:
    """The token is durable; its `resource` is the whole EnrollmentToken, with what only the server knows.

    `server_url` is what the QR code tells phones; `device_id` is the id that its device shall have where that is free.

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
        qr_code=qr_code(value, server_url),
        user=None,
    )

    def rule(facts: Facts) -> Decision[EnrollmentTokenRecord | None]:
        if facts.enterprise is None:
            return Decision(None)
        record = _record(given, name, facts.now_us, device_id=device_id)
        require_room_for_token(holding, limits)
        require_size(len(record.resource), limits, what="token", path="enrollment_token")
        return Decision(record, (PutToken(record),))

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
