"""The audit trail: who did what to what, from where; and the chain that shows whether anyone changed it.

Entries that one commit adds to one stream are a *block*. Every block's digest covers its content and the digest before it, so a change of
any block changes all digests after it. A *checkpoint* is a signed statement on the chain's digest at one block.

An entry holds names, enum values and numbers, never a value that a caller sent: so there is nothing in it to redact.

Source: docs/audit.md, docs/adr/0053.
"""

import enum
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from heliograph.domain.access import Caller
from heliograph.domain.names import DeviceName, OperationName
from heliograph.protojson.parser import MALFORMED

SERVER_STREAM = ""
"""What concerns no single enterprise: sign-ins, keys, the server's own start."""
CHECKPOINT_STREAM = "*"
"""Checkpoints; `*` is no enterprise's id."""
DIGEST_BYTES = 32
NOTHING_BEFORE = bytes(DIGEST_BYTES)
"""The digest before the first block."""
NAMED_MOST = 16
"""Resources that an entry names; of the others it says how many."""
OK = "OK"


class ActorType(enum.Enum):
    """What kind of party acted."""

    ANYBODY = "ANYBODY"
    """Someone unknown: no credential was needed, or none was valid."""
    SERVICE_ACCOUNT = "SERVICE_ACCOUNT"
    PERSON = "PERSON"
    """A human, by a session or by a key that names its person."""
    DEVICE = "DEVICE"
    """A phone."""
    OPERATOR = "OPERATOR"
    """Those who can read the server's data directory: `heliograph keys`."""
    SERVER = "SERVER"
    """The server itself, by its timers."""


class Acting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The party that acts now, and the method by which it does."""

    actor_type: ActorType
    actor: str = ""
    """The person if known, else the account; a phone's resource name."""
    key_id: str = ""
    address: str = ""
    """The IP address; behind trusted proxies, the one that they give."""
    method: str = ""
    telemetry: bool = False
    """Whether the method only says how things are: recorded only if an operation or the device itself comes or goes by it."""
    silent: bool = False
    """Whether an operator has chosen not to record this."""

    @classmethod
    def caller(cls, caller: Caller, *, method: str, address: str) -> "Acting":
        """The caller of a method."""
        kind = ActorType.PERSON if caller.person else ActorType.SERVICE_ACCOUNT if caller.email else ActorType.ANYBODY
        return cls(actor_type=kind, actor=caller.actor, key_id=caller.key_id, address=address, method=method)

    @classmethod
    def server(cls, method: str) -> "Acting":
        """The server itself."""
        return cls(actor_type=ActorType.SERVER, method=f"server.{method}")


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """One entry as it is stored. When it was recorded, its block says."""

    actor_type: ActorType
    actor: str = ""
    key_id: str = ""
    address: str = ""
    method: str = ""
    resource: str = ""
    """The name of what was changed, or was not."""
    also: tuple[str, ...] = ()
    """Other resources that were changed with it."""
    more: int = 0
    """How many others beyond those."""
    type: str = ""
    """Of a command: its type."""
    outcome: str = OK
    """`OK`, or the code with which it was refused: a google.rpc.Code."""
    reason: str = ""
    """The error's reason, in UPPER_SNAKE_CASE."""
    fields: tuple[str, ...] = ()
    """Paths of fields: those that were at fault."""
    count: int = 1
    """How often it happened: the same refusal again within a minute is counted."""


class KeyAddressName(NamedTuple):
    """A key and an address that it was used from."""

    key_id: str
    address: str


class KeyAddress(msgspec.Struct, frozen=True, kw_only=True):
    """That a key was used from an address: from then on it is not new."""

    name: KeyAddressName
    since_us: int


class Block(NamedTuple):
    """The entries that one commit added to one stream, linked into the chain."""

    number: int
    """1, 2, 3, … in the order of the chain."""
    created_us: int
    stream: str
    """An enterprise's id, SERVER_STREAM or CHECKPOINT_STREAM."""
    entries: bytes
    """A JSON array of StoredEntry; of a checkpoint, its JSON object."""
    digest: bytes


class Head(NamedTuple):
    """The end of a chain."""

    number: int = 0
    digest: bytes = NOTHING_BEFORE


def digest_of(previous: bytes, *, number: int, created_us: int, stream: str, entries: bytes) -> bytes:
    """A block's digest. PostgreSQL computes the same (storage/postgres/link_audit.sql)."""
    content = hashlib.sha256(entries).hexdigest()
    text = f"heliograph audit block\n{previous.hex()}\n{number}\n{created_us}\n{stream}\n{content}\n"
    return hashlib.sha256(text.encode()).digest()


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A signed statement: at this block, the chain had this digest."""

    number: int
    digest: str
    """Hex."""
    signed_us: int
    key_id: str
    """The beginning of the SHA-256 of the public key: which key signed."""
    retention: bool = False
    """Whether the blocks up to this one were removed when their retention ended."""
    signature: str = ""
    """Ed25519, hex."""

    @property
    def text(self) -> bytes:
        """What is signed."""
        kind = "retention" if self.retention else "checkpoint"
        return f"heliograph audit {kind}\n{self.number}\n{self.digest}\n{self.signed_us}\n".encode()


StoredCommand = tuple[str, int, str]
"""Device and operation, as ids in the block's stream, and the command's type."""


class StoredEntry(AuditEntry, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """One or more entries, as a block has them: a party's commands by one method stand together, with what differs only."""

    operations: Sequence[StoredCommand] = ()
    """In place of `resource` and `type`, an entry each."""


encode_entries = msgspec.json.Encoder().encode
decode_checkpoint = msgspec.json.Decoder(Checkpoint).decode
_decode_stored = msgspec.json.Decoder(list[StoredEntry]).decode


def checkpoint_of(block: Block) -> Checkpoint | None:
    """The checkpoint in a block of CHECKPOINT_STREAM; None: something else stands there, which this version never writes."""
    try:
        return decode_checkpoint(block.entries)
    except MALFORMED:
        return None


def entries_of(block: Block) -> list[AuditEntry]:
    """The entries of a block; of a checkpoint, none.  Raises: MALFORMED."""
    if block.stream == CHECKPOINT_STREAM:
        return []
    entries: list[AuditEntry] = []
    for stored in _decode_stored(block.entries):
        plain = AuditEntry(**{name: getattr(stored, name) for name in AuditEntry.__struct_fields__})
        for device, create_ms, of_type in stored.operations:
            name = OperationName(DeviceName(block.stream, device), create_ms)
            entries.append(msgspec.structs.replace(plain, resource=str(name), type=of_type))
        if not stored.operations:
            entries.append(plain)
    return entries
