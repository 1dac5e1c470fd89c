"""A whole audit trail as a file: lines of JSON, which are verified without a database (docs/audit.md).

The first line says what the file is; then each block is a line. A block's entries stand in it byte for byte as they are stored, because
its digest is theirs.
"""

from collections.abc import Iterable, Iterator

import msgspec

from heliograph.domain.audit import Block
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.parser import MALFORMED

FORMAT = 1


class ExportHead(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The first line."""

    heliograph_audit_trail: int
    """The version of the form."""
    exported_us: int
    newest_us: int = 0
    """When the database's newest command was issued; 0: there is none."""
    waiting: int = 0
    """Blocks of PostgreSQL that waited for their link."""
    public_key: str = ""
    """What signs the checkpoints, as the exporting machine had it; to trust it, compare it with one from elsewhere."""


class _Line(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    number: int
    created_us: int
    stream: str
    digest: str
    entries: msgspec.Raw


class NotAnExport(InvalidArgument):
    """This is not an export of an audit trail."""


def export_lines(head: ExportHead, blocks: Iterable[Block]) -> Iterator[bytes]:
    """The file, line by line."""
    yield msgspec.json.encode(head) + b"\n"
    for number, created_us, stream, entries, digest in blocks:
        line = _Line(number=number, created_us=created_us, stream=stream, digest=digest.hex(), entries=msgspec.Raw(entries))
        yield msgspec.json.encode(line) + b"\n"


def read_export_head(line: bytes) -> ExportHead:
    """What the first line says.  Raises: NotAnExport."""
    try:
        head = msgspec.json.decode(line, type=ExportHead)
    except MALFORMED:
        raise NotAnExport("The first line is not that of an exported audit trail: make one with heliograph audit export.") from None
    if head.heliograph_audit_trail != FORMAT:
        raise NotAnExport(f"The export has form {head.heliograph_audit_trail}, this Heliograph reads {FORMAT}: use a newer one.")
    return head


def read_export_blocks(lines: Iterable[bytes]) -> Iterator[Block]:
    """The blocks of the lines after the first.  Raises: NotAnExport, with the line's number."""
    for place, line in enumerate(lines, 2):
        try:
            read = msgspec.json.decode(line, type=_Line)
            yield Block(read.number, read.created_us, read.stream, bytes(read.entries), bytes.fromhex(read.digest))
        except (*MALFORMED, ValueError):
            raise NotAnExport(f"Line {place} is not a block of an audit trail: the file was damaged or edited.") from None
