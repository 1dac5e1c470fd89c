"""Enterprises: read, created, changed, and deleted with all that is in them."""

import asyncio
from collections.abc import Collection, Sequence

import msgspec

from heliograph.domain import signin_details
from heliograph.domain.access import Caller
from heliograph.domain.approval import DELETE_ENTERPRISE, Approval, ApprovalRulesRecord, rule_for
from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.enrollment import qr_code
from heliograph.domain.enterprise import OUTPUT_ONLY, ContactInfo, Enterprise, violations
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.names import ID_PATTERN, ApprovalRulesName, DeviceName, EnterpriseName
from heliograph.domain.rights import Permit
from heliograph.domain.sealed_text import opened
from heliograph.domain.sign_up import EnterpriseToken, enterprise_id_of
from heliograph.domain.tally import Tally
from heliograph.protojson.errors import AlreadyExists, InvalidArgument, NotFound, Violation, Violations
from heliograph.protojson.field_mask import apply_mask, set_fields
from heliograph.protojson.messages import encode_message, stored_message
from heliograph.service.approval_gate import ApprovalRequired, Gate, Passage
from heliograph.service.devices import delete_device
from heliograph.service.not_found import enterprise_absence
from heliograph.service.notifications import topic_tried_out
from heliograph.service.paging import page_of
from heliograph.service.ports import Decision, Delete, Facts, Page, Ports, Put, Sees
from heliograph.service.sign_up import sign_up_key
from heliograph.service.tenant_bounds import require_size

DELETED_AT_ONCE = 100
"""Devices deleted at a time: one commit holds many, and others get their turn between two."""


async def get_enterprise(ports: Ports, name: EnterpriseName) -> EnterpriseRecord:
    """The enterprise.  Raises: EnterpriseNotAuthorized."""
    record = await ports.store.enterprise(name)
    if record is None:
        raise await enterprise_absence(ports, name) or EnterpriseNotAuthorized()
    return record


async def list_enterprises(
    ports: Ports, *, page_size: int | None = None, page_token: str = "", only: Collection[str] | None = None
) -> tuple[Sequence[EnterpriseRecord], str]:
    """A page of the enterprises, oldest first, and the next page's token; only those with ids in `only`, or all (None).

    Raises: InvalidArgument: page size or token.
    """

    async def read(after: str, limit: int) -> Page[EnterpriseRecord]:
        if only is None:
            return await ports.store.enterprises(after=after, limit=limit)
        # Few: a key names at most a hundred.
        found = [await ports.store.enterprise(EnterpriseName(enterprise)) for enterprise in only]
        rest = sorted((record for record in found if record and record.position > after), key=lambda record: record.position)
        return Page(items=rest[:limit], more=len(rest) > limit)

    return await page_of(
        ports,
        "enterprises" if only is None else f"enterprises {sorted(only)}",
        read,
        page_size=page_size,
        page_token=page_token,
    )


async def create_enterprise(ports: Ports, enterprise: Enterprise, *, enterprise_id: str = "", server_url: str = "") -> EnterpriseRecord:
    """The enterprise is durable, under the given id or one that the server makes; output-only fields given are ignored.

    With a pubsubTopic, a test message goes to it. `server_url` goes into the QR codes of its sign-in details.

    Raises: InvalidArgument; AlreadyExists: the id is taken; NothingPublishes: a topic, and this server cannot publish to it.
    """
    if enterprise_id and not ID_PATTERN.fullmatch(enterprise_id):
        raise InvalidArgument(f"Invalid enterprise id {enterprise_id[:128]!r}: use letters, digits and ._~- only.")
    _checked(enterprise)
    enterprise = _with_signin_details(ports, enterprise, stored=Enterprise(), new_tokens=_tokens(ports, enterprise), server_url=server_url)
    name = EnterpriseName(enterprise_id or ports.ids.enterprise_id())

    def rule(facts: Facts) -> Decision[EnterpriseRecord]:
        if facts.enterprise is not None:
            raise AlreadyExists(f"{name} exists already.")
        record = EnterpriseRecord(name=name, created_us=facts.now_us, resource=_resource_of(name, enterprise))
        require_size(len(record.resource), ports.limits, what="enterprise", path="enterprise")
        return Decision(record, (Put(record), *topic_tried_out(ports, record)))

    return await ports.store.decide(Sees(enterprise=name), rule)


class EnterpriseTokenUsed(AlreadyExists):
    """The enterprise token was used."""

    reason = "ENTERPRISE_TOKEN_USED"


async def create_signed_up_enterprise(
    ports: Ports, enterprise: Enterprise, *, signup_url_name: str, enterprise_token: str, server_url: str = ""
) -> EnterpriseRecord:
    """The one enterprise of this sign-up; if the caller gives no name or contact, what its admin wrote is used.

    Raises: InvalidArgument: not a token of that sign-up, or expired; EnterpriseTokenUsed: the enterprise exists already.
    """
    key = sign_up_key(ports)
    token = _token(ports, key, signup_url_name=signup_url_name, enterprise_token=enterprise_token)
    enterprise_id = enterprise_id_of(token.id, key=key)
    try:
        own = _with_admins_words(enterprise, token)
        return await create_enterprise(ports, own, enterprise_id=enterprise_id, server_url=server_url)
    except AlreadyExists:
        message = f"The enterprise token was already used for enterprises/{enterprise_id}."
        raise EnterpriseTokenUsed(message, metadata={"enterprise": f"enterprises/{enterprise_id}"}) from None


def _token(ports: Ports, key: bytes, *, signup_url_name: str, enterprise_token: str) -> EnterpriseToken:
    token = opened(enterprise_token, EnterpriseToken, key=key, now_us=ports.clock.now_us())
    if token is None:
        description = "enterprise_token is invalid or older than an hour: sign up again with a new sign-up URL."
        raise InvalidArgument(violations=[Violation("enterprise_token", description)])
    if signup_url_name != f"signupUrls/{token.id}":
        description = "signup_url_name differs from the sign-up of the enterprise token: send the name that signupUrls.create returned."
        raise InvalidArgument(violations=[Violation("signup_url_name", description)])
    return token


def _with_admins_words(enterprise: Enterprise, token: EnterpriseToken) -> Enterprise:
    contact = enterprise.contact_info
    if token.admin_email and not (contact and contact.contact_email):
        contact = msgspec.structs.replace(contact or ContactInfo(), contact_email=token.admin_email)
    name = enterprise.enterprise_display_name or token.display_name
    return msgspec.structs.replace(enterprise, enterprise_display_name=name, contact_info=contact)


async def patch_enterprise(
    ports: Ports, name: EnterpriseName, patch: Enterprise, mask: tuple[str, ...] | None, *, server_url: str = ""
) -> EnterpriseRecord:
    """The enterprise with the fields that `mask` (proto paths) names taken from `patch`; without a mask, those that are set there.

    Fields that are output only stay as they are. Setting a pubsubTopic, also to what it was, sends a test message (amapi.md §5.4).
    `server_url` goes into the QR codes of new sign-in details.

    Raises: EnterpriseNotAuthorized; InvalidArgument; NothingPublishes: a topic, and this server cannot publish to it.
    """
    paths = set_fields(patch) if mask is None else mask
    wanted = [path for path in paths if path.partition(".")[0] not in OUTPUT_ONLY]
    new_tokens = _tokens(ports, patch)

    def rule(facts: Facts) -> Decision[EnterpriseRecord | None]:
        if facts.enterprise is None:
            return Decision(None)
        before = _message_of(facts.enterprise)
        changed = apply_mask(before, patch, wanted)
        _checked(changed)
        if "signin_details" in wanted:
            changed = _with_signin_details(ports, changed, stored=before, new_tokens=new_tokens, server_url=server_url)
        record = msgspec.structs.replace(facts.enterprise, resource=encode_message(changed))
        require_size(len(record.resource), ports.limits, what="enterprise", path="enterprise")
        test = topic_tried_out(ports, record) if "pubsub_topic" in wanted else ()
        return Decision(record, (Put(record), *test))

    record = await ports.store.decide(Sees(enterprise=name), rule)
    if record is None:
        raise await enterprise_absence(ports, name) or EnterpriseNotAuthorized()
    return record


async def delete_enterprise(ports: Ports, name: EnterpriseName, *, caller: Caller | None = None, permit: Permit | None = None) -> None:
    """Delete the enterprise first, so that nothing can be added; then each device as by devices.delete, with its own last order.

    After a crash in between, `finish_deletions` deletes the rest before the server answers any request.

    `caller`: who asks, by whom the approval rules are judged; None: the server itself. An approval is of exactly the devices that the
    enterprise had when it was asked for: with others, it must be asked for again. If `permit` counts, all its devices take a place, in
    the transaction that deletes the enterprise. One that enrols between the look at them and the deletion is not seen.

    Raises: EnterpriseNotAuthorized; ApprovalRequired, ApprovalDeclined; BlastRadiusReached.
    """
    counting = permit if permit is not None and permit.counts_destroyed else None
    doomed = [] if counting is None else await _device_names(ports, name, most=counting.blast_radius + 1)
    gate = None if caller is None else Gate(DELETE_ENTERPRISE, name, str(name), caller, devices=await _bound_devices(ports, name))

    def rule(facts: Facts) -> Decision[Approval | bool]:
        if facts.enterprise is None:
            return Decision(answer=False)
        counts = () if counting is None or not doomed else (Put(counting.destroy(doomed, facts.record(Tally), now_us=facts.now_us)),)
        passage = Passage() if gate is None else gate.judge(facts)
        if passage.blocked_by is not None:
            return Decision(passage.blocked_by, passage.writes)
        return Decision(answer=True, writes=(Delete(name), *counts))

    tallies = () if counting is None else (counting.blast_name,)
    answer = await ports.store.decide(Sees(enterprise=name, records=(*(gate.sees if gate else ()), *tallies)), rule)
    if isinstance(answer, Approval):
        raise ApprovalRequired(answer)
    if not answer:
        raise await enterprise_absence(ports, name) or EnterpriseNotAuthorized()
    while devices := (await ports.store.devices(name, after="", limit=DELETED_AT_ONCE)).items:
        await _delete_all(ports, [device.name for device in devices])


async def _bound_devices(ports: Ports, name: EnterpriseName) -> tuple[str, ...]:
    """Every device of an enterprise whose deletion needs approval; none, unread, if it needs none."""
    record = await ports.store.record(ApprovalRulesRecord, ApprovalRulesName(name.enterprise))
    if record is None or rule_for(record.rules, what=DELETE_ENTERPRISE) is None:
        return ()
    return tuple(await _device_names(ports, name))


async def _device_names(ports: Ports, enterprise: EnterpriseName, *, most: int | None = None) -> list[str]:
    """The names of the enterprise's devices, at most `most` of them."""
    names: list[str] = []
    after, more = "", True
    while more and (most is None or len(names) < most):
        limit = DELETED_AT_ONCE if most is None else min(DELETED_AT_ONCE, most - len(names))
        page = await ports.store.devices(enterprise, after=after, limit=limit)
        names += [str(device.name) for device in page.items]
        after, more = (page.items[-1].position if page.items else ""), page.more
    return names


async def finish_deletions(ports: Ports) -> None:
    """Finish deletions that a crash interrupted: no device is left without its enterprise. Called before the first request."""
    while orphans := await ports.store.orphans(limit=DELETED_AT_ONCE):
        await _delete_all(ports, orphans)


async def _delete_all(ports: Ports, devices: Sequence[DeviceName]) -> None:
    results = await asyncio.gather(*(delete_device(ports, device) for device in devices), return_exceptions=True)
    for result in results:
        # One that another deletion, or its own wipe, took away meanwhile is gone as well; its enterprise is gone anyhow.
        if result is not None and not isinstance(result, (NotFound, EnterpriseNotAuthorized)):
            raise result


def _checked(enterprise: Enterprise) -> None:
    """Validate the enterprise.  Raises: InvalidArgument with every violation."""
    if found := Violations(violations(enterprise)):
        raise InvalidArgument(violations=found)


def _tokens(ports: Ports, enterprise: Enterprise) -> Sequence[str]:
    """A token for each of its sign-in details, since a rule makes none."""
    return [ports.ids.token_value() for _ in enterprise.signin_details]


def _with_signin_details(
    ports: Ports, enterprise: Enterprise, *, stored: Enterprise, new_tokens: Sequence[str], server_url: str
) -> Enterprise:
    """The enterprise with what the server alone says in its sign-in details.  Raises: InvalidArgument."""
    wanted, before = enterprise.signin_details, stored.signin_details
    if found := Violations(signin_details.violations(wanted, before)):
        raise InvalidArgument(violations=found)
    own = signin_details.completed(wanted, before, new_tokens=new_tokens, qr_code_of=lambda token: qr_code(token, server_url, ports.agent))
    return msgspec.structs.replace(enterprise, signin_details=own)


def _resource_of(name: EnterpriseName, enterprise: Enterprise) -> bytes:
    """The canonical resource; what a caller says in fields that are output only is dropped."""
    own = apply_mask(enterprise, Enterprise(name=str(name)), OUTPUT_ONLY)
    return encode_message(own)


def _message_of(record: EnterpriseRecord) -> Enterprise:
    """The message in the record."""
    return stored_message(Enterprise, record.resource)
