"""What a phone must not forget: its credential, and how far it is with each command. One file; each line stands before its step.

Lines are only appended. A restart reads them in order, the newest line about an operation counting; a line that a crash left unfinished
is ignored, because its step was not taken. No secret of a command is ever in it.

Source: design.md §4, the table of what a phone does after a restart.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

import msgspec

from heliograph.domain.device import LastOrder
from heliograph.domain.evidence import Facts
from heliograph.machine import BYTES, CLOSE_ON_EXEC, sync_folder
from heliograph.protocol import InFlight, InFlightState, Report
from heliograph.protojson.parser import MALFORMED

COMPACT_FROM_LINES = 256
"""Below this a journal is never rewritten: it is smaller than a page or two of flash."""
MODE = 0o600


class JournalDamaged(Exception):
    """The journal has a line that no agent wrote, so what was executed is unknown: restore or remove the file by hand."""


class Identity(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Who the phone is to its server. `name` is empty until the enrolment was answered."""

    credential: str
    installation_id: str
    name: str = ""
    private_key: str = ""
    """What secrets are opened with, in hex (sealed_commands.py); empty: an agent that opened none wrote this."""

    def __repr__(self) -> str:
        return f"Identity(name={self.name!r})"


class Entry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How far the phone is with one operation."""

    operation: str
    ack_id: str
    state: InFlightState
    type: str = ""
    params: msgspec.Raw = msgspec.Raw(b"{}")
    """The params message without its secrets, from EXECUTING on."""
    boot_id: str = ""
    """Under which the execution began."""
    before: Facts | None = None
    """What shows whether the command was executed, as it was before that began."""
    asking: bool = False
    """Whether the phone waits for its user and has done nothing yet."""
    probe_blind: bool = False
    """Whether the phone was as the command asks before the execution began: then a check afterwards proves nothing."""
    seq: int = 0
    """No report with a higher number was sent yet."""
    report: Report | None = None
    """The terminal report, once there is one."""


class FinalOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The order that ends the phone's management, and whether it was executed."""

    order: LastOrder
    carried_out: bool = False


class _Line(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    identity: Identity | None = None
    entry: Entry | None = None
    dropped: str = ""
    final_order: FinalOrder | None = None


class Journal:
    """The lines of one phone. Everything that a method wrote is there after a restart, and with `durable` after a power cut too."""

    def __init__(self, path: Path | None, *, durable: bool = True) -> None:
        """Reads the file, if it exists. `path` None: kept in memory, for phones that need not outlive their process.

        Raises: JournalDamaged, OSError.
        """
        self._path = path
        self._durable = durable
        self._file: int | None = None
        self._lines = 0
        self._torn = False
        """Whether a line that the disk did not take whole may stand at the end."""
        self.identity: Identity | None = None
        self.final_order: FinalOrder | None = None
        self._entries: dict[str, Entry] = {}
        if path is not None and path.exists():
            self._read(path)

    @classmethod
    def in_memory(cls) -> Self:
        """A journal that dies with its process."""
        return cls(None)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The operations that the phone is not done with, oldest first."""
        return tuple(self._entries.values())

    def in_flight(self) -> tuple[InFlight, ...]:
        """The operations for Hello."""
        return tuple(InFlight(operation=entry.operation, ack_id=entry.ack_id, state=entry.state) for entry in self._entries.values())

    def identify(self, identity: Identity) -> None:
        """The phone has this identity; the previous one, with all its operations, is forgotten."""
        self.identity, self.final_order, self._entries = identity, None, {}
        self._rewrite()

    def renew(self, identity: Identity) -> None:
        """The same phone, which has more to remember; its operations go on."""
        self.identity = identity
        self._rewrite()

    def resume(self, identity: Identity | None, entries: Iterable[Entry], final_order: FinalOrder | None) -> None:
        """The phone goes on where another like it stood."""
        self.identity, self.final_order = identity, final_order
        self._entries = {entry.operation: entry for entry in entries}
        self._rewrite()

    def put(self, entry: Entry) -> None:
        """The phone is so far with the operation."""
        self._entries[entry.operation] = entry
        self._append(_Line(entry=entry))

    def amend(self, entry: Entry, **changes: object) -> None:
        """Change these fields of the operation's newest line, or of `entry` if there is none; other writers' changes stay."""
        self.put(msgspec.structs.replace(self._entries.get(entry.operation, entry), **changes))

    def drop(self, operation: str) -> None:
        """The phone is done with the operation."""
        if self._entries.pop(operation, None) is not None:
            self._append(_Line(dropped=operation))

    def order(self, final_order: FinalOrder) -> None:
        """This is the phone's last order; nothing else counts any more."""
        self.final_order = final_order
        self._append(_Line(final_order=final_order))

    def forget(self) -> None:
        """The phone is no longer managed: credential and operations are gone."""
        self.identity, self.final_order, self._entries = None, None, {}
        self.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._sync_folder(self._path.parent)

    def close(self) -> None:
        """The file is closed; a further line opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _read(self, path: Path) -> None:
        lines = path.read_bytes().split(b"\n")
        decode: Callable[[bytes], _Line] = msgspec.json.Decoder(_Line).decode
        for number, text in enumerate(lines[:-1], start=1):
            try:
                self._take(decode(text))
            except MALFORMED as error:
                message = f"{path}, line {number}: {error}. The journal is damaged; it cannot show what was executed."
                raise JournalDamaged(message) from None
        # What follows the last newline is the line that a crash left unfinished; rewriting takes it away before anything is appended.
        self._rewrite()

    def _take(self, line: _Line) -> None:
        if line.identity is not None:
            self.identity = line.identity
        if line.entry is not None:
            self._entries[line.entry.operation] = line.entry
        if line.dropped:
            self._entries.pop(line.dropped, None)
        if line.final_order is not None:
            self.final_order = line.final_order

    def _append(self, line: _Line) -> None:
        if self._path is None:
            return
        self._lines += 1
        if self._torn or self._lines > COMPACT_FROM_LINES + 4 * len(self._entries):
            self._rewrite()
            return
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | BYTES | CLOSE_ON_EXEC, MODE)
        try:
            self._write(self._file, msgspec.json.encode(line) + b"\n")
        except OSError:
            self._torn = True
            raise

    def _rewrite(self) -> None:
        """The file holds the newest line of each and no other; the old file stays whole until the new one is."""
        if self._path is None:
            return
        self.close()
        lines = [_Line(identity=self.identity), *(_Line(entry=entry) for entry in self._entries.values())]
        if self.final_order is not None:
            lines.append(_Line(final_order=self.final_order))
        beside = self._path.with_name(self._path.name + ".new")
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BYTES | CLOSE_ON_EXEC, MODE)
        try:
            self._write(file, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        finally:
            os.close(file)
        beside.replace(self._path)
        self._sync_folder(self._path.parent)
        self._lines, self._torn = len(lines), False

    def _write(self, file: int, data: bytes) -> None:
        written = os.write(file, data)
        if written != len(data):
            raise OSError(f"{self._path}: the disk wrote {written} of {len(data)} bytes")
        if self._durable:
            os.fsync(file)

    def _sync_folder(self, folder: Path) -> None:
        if self._durable:
            sync_folder(folder)
