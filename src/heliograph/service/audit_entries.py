"""Reading the audit trail: its entries, page by page or one alone, and how far it is signed."""

import asyncio
import re
from collections.abc import Sequence
from typing import NamedTuple

from heliograph.domain.audit import AuditEntry, Block, Checkpoint, entries_of
from heliograph.domain.filters import TIME, Field, Filter, Vocabulary, parse_filter_of, parse_time
from heliograph.domain.names import EnterpriseName
from heliograph.domain.paging import coerce_page_size, decode_page_token, encode_page_token
from heliograph.protojson.errors import FailedPrecondition, NotFound
from heliograph.service.audit_book import WitnessState
from heliograph.service.ports import Ports

PAGE_DEFAULT, PAGE_MOST = 50, 1_000
SCANNED_MOST = 1_000
"""Blocks that are read for one page: a filter that wants little gives short pages, and a token to go on with."""
READ_AT_ONCE = 16
"""Others get their turn between two reads: a block has at most some hundred entries, which take a millisecond."""
EVERY_ENTERPRISE = "-"
"""AIP-159: entries of every enterprise, and the server's own."""
_ENTRY_ID = re.compile(r"(\d{1,18})-(\d{1,9})", re.ASCII)
"""The block's number, and the entry's place in it."""


class AuditOff(FailedPrecondition):
    """This server keeps no audit trail: start it with --audit-retention-days above 0."""

    reason = "AUDIT_OFF"


class ListedEntry(NamedTuple):
    """An entry with its name and time."""

    name: str
    create_us: int
    entry: AuditEntry


def _text(read_name: str, *, wire: str = "") -> Field[ListedEntry]:
    return Field(read=lambda listed: getattr(listed.entry, read_name) or None, ordered=False, name=wire or read_name, wildcards=True)


_VOCABULARY: Vocabulary[ListedEntry] = Vocabulary(
    fields={
        "createTime": Field(read=lambda listed: listed.create_us * 1_000, parse=parse_time, expected=TIME),
        "create_time": Field(read=lambda listed: listed.create_us * 1_000, parse=parse_time, expected=TIME),
        "actorType": Field(read=lambda listed: listed.entry.actor_type.value, ordered=False),
        "actor": _text("actor"),
        "keyId": _text("key_id", wire="keyId"),
        "address": _text("address"),
        "method": _text("method"),
        "resource": _text("resource"),
        "type": _text("type"),
        "outcome": _text("outcome"),
        "reason": _text("reason"),
    },
    possible='Possible: actor="…", actorType=DEVICE, keyId, address, method="enterprises.devices.issueCommand", resource, type=WIPE, '
    'outcome!=OK, reason, createTime>"2026-01-31T00:00:00Z"; AND, OR, NOT, parentheses; a * at the start or end of a text.',
)


async def list_audit_entries(
    ports: Ports, enterprise: EnterpriseName, *, filter_text: str = "", page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[ListedEntry], str]:
    """A page of the enterprise's entries, the newest first, and the next page's token (empty after the last).

    `enterprises/-`: of every enterprise, and the server's own. A deleted enterprise's entries are kept.

    Raises: AuditOff; InvalidArgument: filter, page size or token.
    """
    if not ports.store.audited:
        raise AuditOff
    wanted = parse_filter_of(_VOCABULARY, filter_text)
    limit = coerce_page_size(page_size, default=PAGE_DEFAULT, maximum=PAGE_MOST)
    query = f"{enterprise}/auditEntries?{filter_text}"
    place = decode_page_token(ports.page_secret, query, token=page_token) or f"{2**62}.0"
    number, _, index = place.partition(".")
    stream = None if enterprise.enterprise == EVERY_ENTERPRISE else enterprise.enterprise
    found, more_from = await _scan(ports, stream, wanted, place=(int(number), int(index)), limit=limit)
    return found, encode_page_token(ports.page_secret, query, position=f"{more_from[0]}.{more_from[1]}") if more_from else ""


class EntryNotFound(NotFound):
    """No such audit entry: its retention has ended, or the name is wrong."""


async def get_audit_entry(ports: Ports, enterprise: EnterpriseName, entry_id: str) -> ListedEntry:
    """The entry of this id, as its name in a list ends: `412-0`. `enterprises/-`: of any enterprise, or the server's own.

    Raises: AuditOff, EntryNotFound.
    """
    if not ports.store.audited:
        raise AuditOff
    found = _ENTRY_ID.fullmatch(entry_id)
    if found is None:
        raise EntryNotFound
    number, index = int(found[1]), int(found[2])
    stream = None if enterprise.enterprise == EVERY_ENTERPRISE else enterprise.enterprise
    block = next(iter(await ports.store.audit_blocks(stream, before=number + 1, limit=1)), None)
    entries = entries_of(block) if block is not None and block.number == number else []
    if block is None or index >= len(entries):
        raise EntryNotFound
    return _listed(block, entries, index)


def _listed(block: Block, entries: Sequence[AuditEntry], index: int) -> ListedEntry:
    name = f"enterprises/{block.stream or EVERY_ENTERPRISE}/auditEntries/{block.number}-{index}"
    return ListedEntry(name, block.created_us, entries[index])


class TrailState(NamedTuple):
    """How far the trail is signed, and who has confirmed it: what `heliograph audit verify` checks."""

    blocks: int
    """The number of the newest block."""
    unsigned: bool
    """Whether something was recorded since the last checkpoint; at most CHECKPOINT_EVERY_S long."""
    checkpoint: Checkpoint | None
    """The newest one; None: nothing is signed yet."""
    witnesses: Sequence[WitnessState]
    """Of this server; none: it has none."""


async def trail_state(ports: Ports) -> TrailState:
    """Raises: AuditOff."""
    if not ports.store.audited:
        raise AuditOff
    state = await ports.store.audit_state()
    return TrailState(state.head.number, state.unsigned, state.checkpoint, tuple(ports.audit.witnesses.values()))


async def _scan(
    ports: Ports, stream: str | None, wanted: Filter[ListedEntry], *, place: tuple[int, int], limit: int
) -> tuple[Sequence[ListedEntry], tuple[int, int] | None]:
    """The page's entries, and the place where the next page starts (None: no next page).

    A place is a block's number and how many of its newest entries came before.
    """
    found: list[ListedEntry] = []
    number, passed = place
    for _ in range(SCANNED_MOST // READ_AT_ONCE):
        blocks = await ports.store.audit_blocks(stream, before=number + 1, limit=READ_AT_ONCE)
        for block in blocks:
            entries = entries_of(block)
            for index in range(len(entries) - (passed if block.number == number else 0) - 1, -1, -1):
                listed = _listed(block, entries, index)
                if wanted.matches(listed):
                    if len(found) == limit:
                        return found, (block.number, len(entries) - 1 - index)
                    found.append(listed)
        if len(blocks) < READ_AT_ONCE:
            return found, None
        await asyncio.sleep(0)
        number, passed = blocks[-1].number - 1, 0
    return found, (number, 0)
