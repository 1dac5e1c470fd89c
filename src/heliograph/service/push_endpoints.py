"""Push endpoints of enterprises: made, read, changed, deleted, tried out; their secrets; and the end of one that is gone."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import structlog

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.names import EnterpriseName, PushEndpointName
from heliograph.domain.notification import TEST
from heliograph.domain.push_endpoint import (
    ID_PATTERN,
    OUTPUT_ONLY,
    PushEndpoint,
    PushEndpointRecord,
    PushEndpointState,
    schemes_of,
    settable,
    violations,
)
from heliograph.protojson.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Violation, Violations
from heliograph.protojson.field_mask import apply_mask, set_fields
from heliograph.protojson.messages import encode_message
from heliograph.service.not_found import enterprise_absence
from heliograph.service.outbox import Publish
from heliograph.service.paging import page_of
from heliograph.service.ports import Delete, Held, Lane, Page, Ports, Put
from heliograph.service.record_rules import RecordDecision, Records, RecordWrite
from heliograph.service.signing_keys import ensure_signing_key
from heliograph.service.tenant_bounds import require_room_for_push_endpoint, require_size
from heliograph.service.webhook_keys import GRACE_MOST_US, GRACE_US, new_webhook_keys, with_webhook_keys

log = structlog.get_logger()

BY_CALLER = "It was disabled by a caller."


class PushEndpointNotFound(NotFound):
    """The enterprise has no such push endpoint: `heliograph notifications endpoints list` shows those that it has."""

    reason = "PUSH_ENDPOINT_NOT_FOUND"


class PushEndpointDisabled(FailedPrecondition):
    """The push endpoint is disabled: enable it first."""

    reason = "PUSH_ENDPOINT_DISABLED"


class NoWebhookSecret(FailedPrecondition):
    """The push endpoint is not signed by Standard Webhooks, so it has no secret: set signing.standardWebhooks first."""

    reason = "NO_WEBHOOK_SECRET"


class Shown(NamedTuple):
    """An endpoint, and its secret if that was just made."""

    record: PushEndpointRecord
    secret: str = ""


async def create_push_endpoint(ports: Ports, enterprise: EnterpriseName, endpoint: PushEndpoint, *, endpoint_id: str, issuer: str) -> Shown:
    """The endpoint is durable, and gets what happens from now on. `issuer`: who its tokens are from, this server's address.

    Raises: EnterpriseNotAuthorized; InvalidArgument; AlreadyExists; TooManyPushEndpoints.
    """
    name = PushEndpointName(enterprise.enterprise, endpoint_id or f"e{ports.ids.device_id()}")
    if not ID_PATTERN.fullmatch(name.push_endpoint):
        description = "push_endpoint_id must have 1 to 63 small letters, digits and -, begin with a letter, and not end with -."
        raise InvalidArgument(violations=[Violation("push_endpoint_id", description)])
    wanted = _checked(ports, endpoint)
    keys = new_webhook_keys(ports, name) if schemes_of(wanted) else None

    def rule(records: Records) -> RecordDecision[PushEndpointRecord | None]:
        owner = records.one(EnterpriseRecord, enterprise)
        if owner is None:
            return RecordDecision(None)
        if records.one(PushEndpointRecord, name) is not None:
            raise AlreadyExists(f"{name} exists already.")
        require_room_for_push_endpoint(holding, ports.limits)
        record = PushEndpointRecord(
            name=name, created_us=records.now_us, resource=_resource(ports, wanted), issuer=issuer,
            keys=(keys.sealed,) if keys is not None else (),
        )  # fmt: skip
        record = _in_state(record, endpoint.state, now_us=records.now_us)
        return RecordDecision(record, _writes(owner, record))

    async with ports.turns.adding(ports.store, enterprise, Held.PUSH_ENDPOINTS, most=ports.limits.push_endpoints_most) as holding:
        created = await ports.store.decide_records((enterprise, name), rule)
    if created is None:
        raise await enterprise_absence(ports, enterprise) or EnterpriseNotAuthorized()
    await _publish_key(ports, created)
    return Shown(created, keys.secret if keys is not None else "")


async def get_push_endpoint(ports: Ports, name: PushEndpointName) -> PushEndpointRecord:
    """The endpoint.  Raises: EnterpriseNotAuthorized, PushEndpointNotFound."""
    record = await ports.store.record(PushEndpointRecord, name)
    if record is None:
        raise await enterprise_absence(ports, name.parent) or PushEndpointNotFound()
    return record


async def list_push_endpoints(
    ports: Ports, enterprise: EnterpriseName, *, page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[PushEndpointRecord], str]:
    """A page of the enterprise's endpoints, oldest first, and the next page's token.

    Raises: EnterpriseNotAuthorized; InvalidArgument: page size or token.
    """

    async def read(after: str, limit: int) -> Page[PushEndpointRecord]:
        return await ports.store.records(PushEndpointRecord, *enterprise, after=after, limit=limit)

    records, next_page_token = await page_of(ports, f"{enterprise}/pushEndpoints", read, page_size=page_size, page_token=page_token)
    if not records and (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    return records, next_page_token


async def patch_push_endpoint(
    ports: Ports, name: PushEndpointName, patch: PushEndpoint, mask: tuple[str, ...] | None, *, issuer: str
) -> Shown:
    """The endpoint with the fields that `mask` (proto paths) names taken from `patch`; without a mask, those that are set there.

    A scheme that it was not signed by before gets new keys; the secret is in the answer.

    Raises: EnterpriseNotAuthorized, PushEndpointNotFound; InvalidArgument.
    """
    paths = set_fields(patch) if mask is None else mask
    wanted = [path for path in paths if path.partition(".")[0] not in OUTPUT_ONLY]
    keys = new_webhook_keys(ports, name) if any(path.startswith("signing") for path in wanted) else None

    def rule(records: Records) -> RecordDecision[Shown | None]:
        owner, old = records.one(EnterpriseRecord, name.parent), records.one(PushEndpointRecord, name)
        if owner is None or old is None:
            return RecordDecision(None)
        before = old.message
        changed = _checked(ports, apply_mask(before, patch, [path for path in wanted if path != "state"]))
        record = msgspec.structs.replace(old, resource=_resource(ports, changed), issuer=old.issuer or issuer)
        secret = ""
        if not schemes_of(changed):
            record = msgspec.structs.replace(record, keys=())
        elif keys is not None and not set(schemes_of(changed)) <= set(schemes_of(before)):
            record, secret = with_webhook_keys(record, keys.sealed, now_us=records.now_us), keys.secret
        if "state" in wanted:
            record = _in_state(record, patch.state, now_us=records.now_us)
        return RecordDecision(Shown(record, secret), _writes(owner, record))

    shown = await ports.store.decide_records((name.parent, name), rule)
    if shown is None:
        raise await enterprise_absence(ports, name.parent) or PushEndpointNotFound()
    await _publish_key(ports, shown.record)
    return shown


async def rotate_webhook_secret(ports: Ports, name: PushEndpointName, *, grace_us: int = GRACE_US) -> Shown:
    """New keys for Standard Webhooks; for `grace_us`, requests are signed with those before, too.

    Raises: EnterpriseNotAuthorized, PushEndpointNotFound, NoWebhookSecret; InvalidArgument: a grace period out of range.
    """
    if not 0 <= grace_us <= GRACE_MOST_US:
        raise InvalidArgument(violations=[Violation("grace_period", f"grace_period must be from 0s to {GRACE_MOST_US // 1_000_000}s.")])
    keys = new_webhook_keys(ports, name)

    def rule(records: Records) -> RecordDecision[PushEndpointRecord | None]:
        old = records.one(PushEndpointRecord, name)
        if old is None:
            return RecordDecision(None)
        if not schemes_of(old.message):
            raise NoWebhookSecret
        record = with_webhook_keys(old, keys.sealed, now_us=records.now_us, grace_us=grace_us)
        return RecordDecision(record, (Put(record),))

    rotated = await ports.store.decide_records((name,), rule)
    if rotated is None:
        raise await enterprise_absence(ports, name.parent) or PushEndpointNotFound()
    return Shown(rotated, keys.secret)


async def delete_push_endpoint(ports: Ports, name: PushEndpointName) -> None:
    """Nothing goes to the endpoint any more; what waits for it becomes dead letters.

    Raises: EnterpriseNotAuthorized, PushEndpointNotFound.
    """

    def rule(records: Records) -> RecordDecision[bool]:
        owner, there = records.one(EnterpriseRecord, name.parent), records.one(PushEndpointRecord, name) is not None
        if owner is None or not there:
            return RecordDecision(answer=False)
        return RecordDecision(answer=True, writes=(Delete(name), Put(_without(owner, name))))

    if not await ports.store.decide_records((name.parent, name), rule):
        raise await enterprise_absence(ports, name.parent) or PushEndpointNotFound()


async def send_test_message(ports: Ports, name: PushEndpointName) -> None:
    """A message of type `test` waits for the endpoint, as any other does.

    Raises: EnterpriseNotAuthorized, PushEndpointNotFound, PushEndpointDisabled.
    """

    def rule(records: Records) -> RecordDecision[bool]:
        record = records.one(PushEndpointRecord, name)
        if record is None:
            return RecordDecision(answer=False)
        if not record.enabled:
            raise PushEndpointDisabled(f"{name} is disabled: {record.disabled_reason} Enable it first.")
        return RecordDecision(answer=True, writes=(Publish(TEST, str(name), name.enterprise),))

    if not await ports.store.decide_records((name,), rule):
        raise await enterprise_absence(ports, name.parent) or PushEndpointNotFound()


async def close_push_endpoint(ports: Ports, name: PushEndpointName, *, url: str, reason: str) -> None:
    """The endpoint is DISABLED, if it still has this URL: what answers there wants no more messages."""

    def rule(records: Records) -> RecordDecision[bool]:
        owner, old = records.one(EnterpriseRecord, name.parent), records.one(PushEndpointRecord, name)
        if owner is None or old is None or not old.enabled or old.message.url != url:
            return RecordDecision(answer=False)
        record = msgspec.structs.replace(old, disabled_us=records.now_us, disabled_reason=reason)
        return RecordDecision(answer=True, writes=_writes(owner, record))

    if await ports.store.decide_records((name.parent, name), rule, lane=Lane.TIMERS):
        ports.publishing.closed += 1
        log.error("push_endpoint.disabled", push_endpoint=str(name), reason=reason)


async def pushes_to_any_endpoint(ports: Ports) -> bool:
    """Whether any enterprise has an enabled endpoint: it reads all of them."""
    after, page = "", None
    while page is None or page.more:
        page = await ports.store.enterprises(after=after, limit=1_000)
        if any(record.push_targets for record in page.items):
            return True
        after = page.items[-1].position if page.items else ""
    return False


def _in_state(record: PushEndpointRecord, state: PushEndpointState, *, now_us: int) -> PushEndpointRecord:
    if state is not PushEndpointState.DISABLED:
        return msgspec.structs.replace(record, disabled_us=0, disabled_reason="")
    return msgspec.structs.replace(record, disabled_us=now_us, disabled_reason=BY_CALLER) if record.enabled else record


def _writes(owner: EnterpriseRecord, record: PushEndpointRecord) -> Sequence[RecordWrite]:
    """The endpoint, and its enterprise if what that says of it has changed."""
    changed = _without(owner, record.name)
    if record.enabled:
        changed = msgspec.structs.replace(changed, push_targets=(*changed.push_targets, record.target))
    return (Put(record),) if set(changed.push_targets) == set(owner.push_targets) else (Put(record), Put(changed))


def _without(owner: EnterpriseRecord, name: PushEndpointName) -> EnterpriseRecord:
    kept = tuple(target for target in owner.push_targets if target.push_endpoint != name.push_endpoint)
    return msgspec.structs.replace(owner, push_targets=kept)


async def _publish_key(ports: Ports, record: PushEndpointRecord) -> None:
    """Receivers find the key before the first token comes."""
    signing = record.message.signing
    if signing is not None and signing.oidc is not None:
        await ensure_signing_key(ports)


def _checked(ports: Ports, endpoint: PushEndpoint) -> PushEndpoint:
    """What a caller may set of it, valid.  Raises: InvalidArgument with every violation."""
    if found := Violations(violations(endpoint, ports.push_addresses)):
        raise InvalidArgument(violations=found)
    return settable(endpoint)


def _resource(ports: Ports, endpoint: PushEndpoint) -> bytes:
    """Raises: InvalidArgument."""
    resource = encode_message(endpoint)
    require_size(len(resource), ports.limits, what="push endpoint", path="push_endpoint")
    return resource
