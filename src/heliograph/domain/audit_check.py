"""Whether an audit trail is the one that was written: read once, block by block, without the server.

What a witness' checkpoint says is compared with the trail; without one, a cut tail and a rollback of the whole database may go unnoticed
(docs/audit.md says what is found with what).
"""

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from heliograph.domain.audit import (
    CHECKPOINT_STREAM,
    NOTHING_BEFORE,
    Block,
    Checkpoint,
    checkpoint_of,
    digest_of,
    entries_of,
)
from heliograph.protojson.parser import MALFORMED
from heliograph.protojson.times import format_timestamp

NEWER_US = 2_000_000
"""A row may be so much newer than the last block: ids of operations are times that must rise."""
LOOKED_AT_MOST = 200
"""Broken blocks whose contents are compared with each other, to find out whether they changed places."""


class Attack(enum.Enum):
    """What was done to a trail."""

    EDITED = "EDITED"
    DELETED = "DELETED"
    REORDERED = "REORDERED"
    TRUNCATED = "TRUNCATED"
    ROLLED_BACK = "ROLLED_BACK"
    FORGED = "FORGED"
    """A checkpoint was not signed by the server's key."""
    UNREADABLE = "UNREADABLE"


class Finding(NamedTuple):
    """Something that shows an attack."""

    attack: Attack
    message: str
    """What was found, and where."""


class Verdict(NamedTuple):
    """What a trail is, and what was found."""

    findings: Sequence[Finding]
    blocks: int
    entries: int
    first: int
    last: int
    last_us: int
    signed: int
    """The newest block that a valid checkpoint signs; 0: no block is."""
    signed_us: int
    witnessed: int
    """The newest block that a witness has confirmed; 0: no witness was asked, or it had seen none of these."""


class _Broken(NamedTuple):
    """A block whose digest is not that of its content after the block before."""

    block: Block
    previous: bytes


class _Trail:
    """What is remembered while the trail is read."""

    def __init__(self, is_signed: Callable[[Checkpoint], bool], witnessed: Mapping[int, Checkpoint]) -> None:
        self.is_signed = is_signed
        self.witnessed = witnessed
        self.first: Block | None = None
        self.last: Block | None = None
        self.blocks = self.entries = 0
        self.broken: list[_Broken] = []
        self.gaps: list[tuple[int, int]] = []
        self.misplaced: dict[int, int] = {}
        """Numbers of blocks that stand behind a later one, and that one's."""
        self.unsigned: dict[int, bytes] = {}
        """Digests of the blocks since the newest signed one."""
        self.signed = self.signed_us = self.confirmed = 0
        self.floors: list[Checkpoint] = []
        self.diverged: Checkpoint | None = None
        """The first of the witness' checkpoints that the trail contradicts."""
        self.linked_again = False
        """A checkpoint contradicts the trail; that all later ones do, too, says nothing new."""
        self.found: list[Finding] = []

    def note(self, attack: Attack, message: str) -> None:
        self.found.append(Finding(attack, message))

    def take(self, block: Block) -> None:
        """The next block of the trail."""
        last = self.last
        if last is not None and block.number <= last.number:
            self.misplaced[block.number] = last.number
            return
        if last is None:
            self.first = block
        elif block.number > last.number + 1:
            self.gaps.append((last.number + 1, block.number - 1))
        elif not _continues(block, last.digest):
            self.broken.append(_Broken(block, last.digest))
        self.last = block
        self.blocks += 1
        self.unsigned[block.number] = block.digest
        if (seen := self.witnessed.get(block.number)) is not None:
            self._compare_with_witness(block, seen)
        self._read(block)

    def _compare_with_witness(self, block: Block, seen: Checkpoint) -> None:
        if seen.digest == block.digest.hex():
            self.confirmed = block.number
        elif self.diverged is None:
            self.diverged = seen

    def _read(self, block: Block) -> None:
        if block.stream == CHECKPOINT_STREAM:
            if (checkpoint := checkpoint_of(block)) is not None:
                self._checkpoint(block, checkpoint)
            else:
                self.note(Attack.UNREADABLE, f"Block {block.number} ({_time(block)}) stands among the checkpoints and does not hold one.")
            return
        try:
            self.entries += len(entries_of(block))
        except MALFORMED:
            self.note(Attack.UNREADABLE, f"Block {block.number} ({_time(block)}) is not JSON of this version.")

    def _checkpoint(self, block: Block, checkpoint: Checkpoint) -> None:
        if not self.is_signed(checkpoint):
            self.note(
                Attack.FORGED,
                f"The checkpoint in block {block.number} ({_time(block)}) is not signed by a key that you trust; it names key "
                f"{checkpoint.key_id[:64]!r}.",
            )
            return
        if checkpoint.retention:
            self.floors.append(checkpoint)
        if (digest := self.unsigned.get(checkpoint.number)) is not None:
            if self.linked_again:
                return
            if digest.hex() != checkpoint.digest:
                self.linked_again = True
                self.note(
                    Attack.EDITED,
                    f"The checkpoint in block {block.number} signs another digest of block {checkpoint.number} than it has now: one of "
                    f"blocks {self.signed + 1} to {checkpoint.number} was edited, deleted or moved, and the chain was linked again.",
                )
                return
            self.signed, self.signed_us = checkpoint.number, checkpoint.signed_us
            self.unsigned = {number: digest for number, digest in self.unsigned.items() if number >= checkpoint.number}
        elif not checkpoint.retention and self.first is not None and checkpoint.number >= self.first.number:
            missing = not any(low <= checkpoint.number <= high for low, high in self.gaps)
            if missing and checkpoint.number > self.signed:
                self.note(
                    Attack.DELETED,
                    f"The checkpoint in block {block.number} signs block {checkpoint.number}, which is not before it.",
                )


def check_trail(
    blocks: Iterable[Block],
    *,
    is_signed: Callable[[Checkpoint], bool],
    witnessed: Iterable[Checkpoint] = (),
    newest_us: int | None = None,
) -> Verdict:
    """What the trail is, and every sign of an attack on it, named.

    `blocks`: in the order in which they stand there. `is_signed`: whether a trusted key signed the checkpoint. `witnessed`: what
    witnesses kept, in their order. `newest_us`: when the database's newest command was issued; None: only the trail is there.
    """
    seen = [checkpoint for checkpoint in witnessed if not checkpoint.retention]
    # The first counts: a server that goes on after a rollback sends the same numbers again.
    trail = _Trail(is_signed, {checkpoint.number: checkpoint for checkpoint in reversed(seen)})
    for checkpoint in seen:
        if not is_signed(checkpoint):
            trail.note(Attack.FORGED, f"The witness' checkpoint of block {checkpoint.number} is not signed by a key that you trust.")
    for block in blocks:
        trail.take(block)
    _judge_beginning(trail)
    _judge_order(trail)
    _judge_broken(trail)
    _judge_end(trail, max((checkpoint for checkpoint in seen), key=lambda checkpoint: checkpoint.number, default=None), newest_us)
    first, last = trail.first, trail.last
    return Verdict(
        tuple(trail.found),
        trail.blocks,
        trail.entries,
        first.number if first is not None else 0,
        last.number if last is not None else 0,
        last.created_us if last is not None else 0,
        trail.signed,
        trail.signed_us,
        trail.confirmed,
    )


def _judge_beginning(trail: _Trail) -> None:
    first = trail.first
    if first is None:
        return
    before = first.number - 1
    previous = NOTHING_BEFORE if before == 0 else None
    if before and not any(floor.number >= before for floor in trail.floors):
        trail.note(
            Attack.DELETED,
            f"The trail begins with block {first.number}: blocks 1 to {before} are missing, and no signed checkpoint says that their "
            "retention ended.",
        )
        return
    previous = next((bytes.fromhex(floor.digest) for floor in trail.floors if floor.number == before), previous)
    if previous is not None and not _continues(first, previous):
        trail.broken.insert(0, _Broken(first, previous))


def _judge_order(trail: _Trail) -> None:
    for number, behind in trail.misplaced.items():
        trail.note(Attack.REORDERED, f"Block {number} stands behind block {behind}.")
    for low, high in trail.gaps:
        if gone := [number for number in range(low, high + 1) if number not in trail.misplaced]:
            trail.note(Attack.DELETED, f"{_blocks(gone[0], gone[-1])} missing between blocks {low - 1} and {high + 1}.")


def _judge_broken(trail: _Trail) -> None:
    moved = dict(_moves(trail.broken[:LOOKED_AT_MOST]))
    for number, source in moved.items():
        trail.note(Attack.REORDERED, f"The content of block {number} stands in block {source}.")
    for block, _ in trail.broken:
        if not {block.number, block.number - 1}.isdisjoint((*moved, *moved.values())):
            continue
        trail.note(
            Attack.EDITED,
            f"Block {block.number} ({_time(block)}, {_stream(block)}) does not continue block {block.number - 1}: its content or its "
            f"digest, or that of block {block.number - 1}, was changed.",
        )


def _moves(broken: Sequence[_Broken]) -> Iterator[tuple[int, int]]:
    """Numbers of blocks, and of those that hold their content."""
    for block, previous in broken:
        for other, _ in broken:
            here = other._replace(number=block.number)
            if other is not block and (_continues(here, previous) or _continues(here._replace(digest=block.digest), previous)):
                yield block.number, other.number


def _judge_end(trail: _Trail, newest: Checkpoint | None, newest_us: int | None) -> None:
    last_number, last_us = (trail.last.number, trail.last.created_us) if trail.last is not None else (0, 0)
    ends = f"The trail ends with block {last_number}" + (f" ({format_timestamp(last_us)})" if last_us else "")
    is_newer = newest_us is not None and newest_us > last_us + NEWER_US
    if trail.diverged is not None:
        _judge_divergence(trail, trail.diverged)
    elif newest is not None and newest.number > last_number:
        saw = f"but the witness saw block {newest.number} at {format_timestamp(newest.signed_us)}"
        if newest_us is None or is_newer:
            trail.note(Attack.TRUNCATED, f"{ends}, {saw}: blocks {last_number + 1} to {newest.number} were cut off.")
        else:
            trail.note(Attack.ROLLED_BACK, f"{ends}, and nothing in the database is newer, {saw}: the whole database is an older one.")
    elif is_newer and newest_us is not None:
        trail.note(
            Attack.TRUNCATED,
            f"{ends}, but the database has commands of {format_timestamp(newest_us)}: the trail's end was cut off, or "
            "its server was started without a trail.",
        )


def _judge_divergence(trail: _Trail, seen: Checkpoint) -> None:
    where = f"Block {seen.number} is another than the one that the witness saw at {format_timestamp(seen.signed_us)}"
    if trail.signed >= seen.number:
        trail.note(
            Attack.ROLLED_BACK,
            f"{where}, and the server's key has signed it: an older database was put back after block {trail.confirmed}, and the server "
            "went on from there; or someone with the key file has written the trail again.",
        )
    else:
        trail.note(Attack.EDITED, f"{where}: blocks after {trail.confirmed} were edited, deleted or moved, and the chain was linked again.")


def _continues(block: Block, previous: bytes) -> bool:
    number, created_us, stream, entries, digest = block
    return digest == digest_of(previous, number=number, created_us=created_us, stream=stream, entries=entries)


def _time(block: Block) -> str:
    return format_timestamp(block.created_us)


def _stream(block: Block) -> str:
    return f"enterprises/{block.stream}" if block.stream not in {"", CHECKPOINT_STREAM} else "the server's own"


def _blocks(first: int, last: int) -> str:
    return f"Block {first} is" if first == last else f"Blocks {first} to {last} are"
