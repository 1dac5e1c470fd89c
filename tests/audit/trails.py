"""Audit trails as tests need them: written by the real store, signed by the real signer, kept by a real witness."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from heliograph.domain.audit import NOTHING_BEFORE, Block, Checkpoint, decode_checkpoint, digest_of
from heliograph.domain.audit_check import Attack, Verdict, check_trail
from heliograph.domain.names import DeviceName
from heliograph.notifications.witnesses import FileWitness
from heliograph.service.audit import sign_trail
from heliograph.service.audit_signing import PURPOSE, CheckpointSigner, is_signed_by, read_public_key
from heliograph.storage.sqlite.file import audit_trail
from heliograph.storage.vault import FileVault
from tests.service.world import START_US, CountedIds, World, world

SIGNED_EVERY = 3


@dataclass
class Kept:
    """A data directory with its trail, and what a witness has."""

    folder: Path
    witness: Path
    ids: CountedIds = field(default_factory=CountedIds)
    device: DeviceName | None = None
    lived_s: float = 0.0
    """Time goes on from life to life."""

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "heliograph.db"

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[tuple[World, DeviceName]]:
        """The server's inside, which records changes, and a phone of it."""
        async with world(self.folder, ids=self.ids, watches_deadlines=False) as served:
            served.ports.store.audited = True
            served.clock.advance(self.lived_s)
            self.device = self.device or (await served.phone()).name
            yield served, self.device
            self.lived_s = (served.clock.now_us() - START_US) / 1_000_000

    async def change(self, times: int) -> None:
        """So many commands were issued; the trail was signed and witnessed meanwhile and in the end."""
        signer = signer_of(self.folder)
        async with self.served() as (served, device):
            for number in range(1, times + 1):
                served.clock.advance(60)
                await served.issue(device)
                if number % SIGNED_EVERY == 0 or number == times:
                    await sign_and_witness(served, signer, self.witness)

    def blocks(self) -> list[Block]:
        """The trail as it stands in the file."""
        with audit_trail(self.database) as trail:
            return list(trail.blocks)

    def verdict(self, *, witness: bool = True) -> Verdict:
        """What is found in the file."""
        with audit_trail(self.database) as trail:
            witnessed = witnessed_in(self.witness) if witness else ()
            return check_trail(trail.blocks, is_signed=trusted(self.folder), witnessed=witnessed, newest_us=trail.newest_us)

    def write(self, statement: str, *values: object) -> None:
        """What an intruder with the database does."""
        with contextlib.closing(apsw.Connection(str(self.database))) as connection:
            connection.execute(statement, values)

    def replace(self, blocks: Iterable[Block]) -> None:
        """These blocks stand there instead."""
        with contextlib.closing(apsw.Connection(str(self.database))) as connection, connection:
            connection.execute("DELETE FROM audit_blocks")
            connection.executemany("INSERT INTO audit_blocks (number, created_us, stream, entries, digest) VALUES (?, ?, ?, ?, ?)", blocks)


async def sign_and_witness(served: World, signer: CheckpointSigner, witness: Path) -> None:
    """As the server's timer does."""
    checkpoint = await sign_trail(served.ports, signer)
    assert checkpoint is not None
    await FileWitness(witness).witness(checkpoint)


def signer_of(folder: Path) -> CheckpointSigner:
    """Who signs with the folder's key file."""
    return CheckpointSigner(FileVault(folder / "heliograph.key").derive(PURPOSE))


def trusted(folder: Path) -> Callable[[Checkpoint], bool]:
    """Whether the folder's key signed a checkpoint."""
    key = read_public_key(signer_of(folder).public_key)
    return lambda checkpoint: is_signed_by(key, checkpoint)


def witnessed_in(path: Path) -> Sequence[Checkpoint]:
    """What the witness has."""
    return [decode_checkpoint(line) for line in path.read_bytes().splitlines()]


def linked_again(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks with numbers and digests as if they had always stood so: what a careful intruder does."""
    digest = NOTHING_BEFORE
    for number, block in enumerate(blocks, 1):
        digest = digest_of(digest, number=number, created_us=block.created_us, stream=block.stream, entries=block.entries)
        yield block._replace(number=number, digest=digest)


def attacks(verdict: Verdict) -> set[Attack]:
    """What was found."""
    return {finding.attack for finding in verdict.findings}
