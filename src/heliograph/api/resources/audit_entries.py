"""`/heliograph/v1/enterprises/*/auditEntries`: who did what to an enterprise's resources.  Heliograph's own: not in AMAPI."""

import msgspec

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Call
from heliograph.api.resources.answers import list_body
from heliograph.domain.audit import OK, ActorType
from heliograph.domain.names import EnterpriseName
from heliograph.protojson.times import format_timestamp
from heliograph.service.audit_entries import ListedEntry, get_audit_entry, list_audit_entries


class ListAuditEntriesQuery(PageQuery):
    """`filter`: AIP-160."""

    filter: str = ""


class AuditEntryView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One entry of the audit trail."""

    name: str
    """`enterprises/*/auditEntries/*`; with `-` for the enterprise, one of the server's own."""
    create_time: str
    actor_type: ActorType
    actor: str = ""
    """The person if known, else the account; of a phone, its device."""
    key_id: str = ""
    address: str = ""
    method: str = ""
    resource: str = ""
    """What was changed, or would have been."""
    also_changed: tuple[str, ...] = ()
    """Other resources that were changed with it, the first of them."""
    more_changed: int = 0
    """How many others beyond those."""
    type: str = ""
    """Of a command: its type."""
    outcome: str
    """`OK`, or the code with which it was refused."""
    reason: str = ""
    fields: tuple[str, ...] = ()
    """Paths of the fields that were at fault."""
    count: int = 1
    """How often it happened: the same refusal again within a minute is counted."""


class ListAuditEntriesResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page, the newest entry first."""

    audit_entries: tuple[AuditEntryView, ...] = ()
    next_page_token: str = ""


async def list_(call: Call) -> bytes:
    """One page of an enterprise's audit entries, the newest first."""
    query: ListAuditEntriesQuery = call.query
    entries, next_page_token = await list_audit_entries(
        call.ports, EnterpriseName(*call.ids), filter_text=query.filter, page_size=query.page_size, page_token=query.page_token
    )
    return list_body("auditEntries", (msgspec.json.encode(_view(listed)) for listed in entries), next_page_token)


async def get(call: Call) -> bytes:
    """The entry."""
    enterprise, entry = call.ids
    return msgspec.json.encode(_view(await get_audit_entry(call.ports, EnterpriseName(enterprise), entry)))


def _view(listed: ListedEntry) -> AuditEntryView:
    entry = listed.entry
    return AuditEntryView(
        name=listed.name,
        create_time=format_timestamp(listed.create_us),
        actor_type=entry.actor_type,
        actor=entry.actor,
        key_id=entry.key_id,
        address=entry.address,
        method=entry.method,
        resource=entry.resource,
        also_changed=entry.also,
        more_changed=entry.more,
        type=entry.type,
        outcome=entry.outcome or OK,
        reason=entry.reason,
        fields=entry.fields,
        count=entry.count,
    )
