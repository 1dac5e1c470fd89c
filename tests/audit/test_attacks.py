"""Five attacks on a trail, each by someone careless and by someone careful: each is found, and called by its name."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from heliograph.domain.audit import CHECKPOINT_STREAM, Block, Head, decode_checkpoint
from heliograph.domain.audit_check import Attack, Verdict, check_trail
from heliograph.domain.audit_export import FORMAT, ExportHead, NotAnExport, export_lines, read_export_blocks, read_export_head
from heliograph.storage.sqlite.file import audit_trail
from tests.audit.trails import Kept, attacks, linked_again, signer_of, trusted, witnessed_in
from tests.patience import PATIENCE_S

WITHOUT_WITNESS = [pytest.param(False, id="without a witness"), pytest.param(True, id="with a witness")]


@pytest.fixture
async def kept(tmp_path: Path) -> Kept:
    """A trail of two lives of its server."""
    folder = tmp_path / "data"
    folder.mkdir()
    trail = Kept(folder, tmp_path / "witness.jsonl")
    await trail.change(10)
    return trail


def innocent(block: Block) -> Block:
    """The block as if another had done it."""
    return block._replace(entries=block.entries.replace(b"server.unknown", b"server.another"))


async def test_an_untouched_trail_is_sound(kept: Kept) -> None:
    verdict = kept.verdict()

    assert () == verdict.findings
    assert (1, len(kept.blocks())) == (verdict.first, verdict.last)
    assert verdict.last - 1 == verdict.signed == verdict.witnessed


@pytest.mark.parametrize("witness", WITHOUT_WITNESS)
async def test_an_edited_entry_is_found_where_it_is(kept: Kept, witness: bool) -> None:  # noqa: FBT001
    edited = innocent(kept.blocks()[4])
    kept.write("UPDATE audit_blocks SET entries = ? WHERE number = ?", edited.entries, edited.number)

    (finding,) = kept.verdict(witness=witness).findings

    assert Attack.EDITED is finding.attack
    assert finding.message.startswith("Block 5 (")


@pytest.mark.parametrize("witness", WITHOUT_WITNESS)
async def test_an_edited_entry_is_found_though_the_chain_was_linked_again(kept: Kept, witness: bool) -> None:  # noqa: FBT001
    blocks = kept.blocks()
    kept.replace(linked_again([*blocks[:4], innocent(blocks[4]), *blocks[5:]]))

    verdict = kept.verdict(witness=witness)

    assert {Attack.EDITED} == attacks(verdict)
    assert "signs another digest of block" in verdict.findings[0].message


async def test_an_edited_entry_is_found_by_the_witness_though_every_later_checkpoint_was_removed(kept: Kept) -> None:
    blocks = kept.blocks()
    rest = [block for block in blocks[5:] if block.stream != CHECKPOINT_STREAM]
    kept.replace(linked_again([*blocks[:4], innocent(blocks[4]), *rest]))

    assert () == kept.verdict(witness=False).findings, "the last checkpoint is older"
    assert {Attack.EDITED} == attacks(kept.verdict())


@pytest.mark.parametrize("witness", WITHOUT_WITNESS)
async def test_a_deleted_block_is_named(kept: Kept, witness: bool) -> None:  # noqa: FBT001
    kept.write("DELETE FROM audit_blocks WHERE number IN (6, 7)")

    findings = kept.verdict(witness=witness).findings

    assert (Attack.DELETED, "Blocks 6 to 7 are missing between blocks 5 and 8.") in findings


@pytest.mark.parametrize("witness", WITHOUT_WITNESS)
async def test_a_deleted_block_is_found_though_the_chain_was_linked_again(kept: Kept, witness: bool) -> None:  # noqa: FBT001
    blocks = kept.blocks()
    kept.replace(linked_again([*blocks[:5], *blocks[6:]]))

    assert attacks(kept.verdict(witness=witness)) & {Attack.EDITED, Attack.DELETED}


async def test_a_deleted_beginning_is_no_retention(kept: Kept) -> None:
    """Not even up to a block that a checkpoint signs: only a checkpoint that says so ends a retention."""
    kept.write("DELETE FROM audit_blocks WHERE number <= 5")

    assert Attack.DELETED in attacks(kept.verdict(witness=False))


@pytest.mark.parametrize("witness", WITHOUT_WITNESS)
async def test_contents_that_changed_places_are_named(kept: Kept, witness: bool) -> None:  # noqa: FBT001
    blocks = kept.blocks()
    one, other = blocks[3], blocks[7]
    for block, content in ((one, other), (other, one)):
        kept.write(
            "UPDATE audit_blocks SET created_us = ?, stream = ?, entries = ? WHERE number = ?",
            content.created_us, content.stream, content.entries, block.number,
        )  # fmt: skip

    verdict = kept.verdict(witness=witness)

    assert Attack.REORDERED in attacks(verdict)
    assert "The content of block 4 stands in block 8." in [finding.message for finding in verdict.findings]


@pytest.mark.parametrize("witness", WITHOUT_WITNESS)
async def test_blocks_that_changed_numbers_are_named(kept: Kept, witness: bool) -> None:  # noqa: FBT001
    kept.write("UPDATE audit_blocks SET number = CASE number WHEN 4 THEN -8 WHEN 8 THEN -4 END WHERE number IN (4, 8)")
    kept.write("UPDATE audit_blocks SET number = -number WHERE number < 0")

    assert Attack.REORDERED in attacks(kept.verdict(witness=witness))


async def test_a_cut_tail_is_found_by_the_witness(kept: Kept) -> None:
    """The database shows that there was more, too: it has commands that are newer than the trail's end."""
    blocks = kept.blocks()
    kept.write("DELETE FROM audit_blocks WHERE number > ?", len(blocks) - 6)

    with_witness, alone = kept.verdict(), kept.verdict(witness=False)

    assert {Attack.TRUNCATED} == attacks(with_witness) == attacks(alone)
    assert f"The trail ends with block {len(blocks) - 6} (" in with_witness.findings[0].message
    assert f"the witness saw block {len(blocks) - 1} at " in with_witness.findings[0].message


async def test_a_database_that_was_put_back_whole_is_found_by_the_witness_alone(kept: Kept, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    shutil.copy(kept.database, old)
    await kept.change(10)
    shutil.copy(old, kept.database)

    assert () == kept.verdict(witness=False).findings, "an old database is sound in itself"
    assert {Attack.ROLLED_BACK} == attacks(kept.verdict())


async def test_a_server_that_went_on_after_a_rollback_is_found_too(kept: Kept, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    shutil.copy(kept.database, old)
    await kept.change(10)
    shutil.copy(old, kept.database)
    await kept.change(20)

    verdict = kept.verdict()

    assert {Attack.ROLLED_BACK} == attacks(verdict)
    assert "an older database was put back" in verdict.findings[0].message


async def test_a_checkpoint_of_another_key_is_a_forgery(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    forger = signer_of(tmp_path / "other")
    blocks = kept.blocks()
    forged = []
    for block in linked_again([*blocks[:4], innocent(blocks[4]), *blocks[5:]]):
        forged.append(block)
        if block.stream == CHECKPOINT_STREAM:
            signed = decode_checkpoint(block.entries)
            head = forged[signed.number - 1]
            again = forger.sign(Head(head.number, head.digest), now_us=signed.signed_us)
            forged[-1] = block._replace(entries=msgspec.json.encode(again))
    kept.replace(linked_again(forged))

    assert Attack.FORGED in attacks(kept.verdict(witness=False))


class TestExports:
    """The same in an exported file, whose lines anyone can edit."""

    @pytest.fixture
    def lines(self, kept: Kept) -> list[bytes]:
        """The lines of an export."""
        with audit_trail(kept.database) as trail:
            return list(export_lines(ExportHead(heliograph_audit_trail=FORMAT, exported_us=1, newest_us=trail.newest_us), trail.blocks))

    def verdict(self, kept: Kept, lines: list[bytes], *, witness: bool = False) -> Verdict:
        """What is found in the lines."""
        head = read_export_head(lines[0])
        witnessed = witnessed_in(kept.witness) if witness else ()
        return check_trail(read_export_blocks(lines[1:]), is_signed=trusted(kept.folder), witnessed=witnessed, newest_us=head.newest_us)

    def test_is_as_sound_as_the_trail(self, kept: Kept, lines: list[bytes]) -> None:
        assert kept.verdict() == self.verdict(kept, lines, witness=True)

    def test_the_program_on_the_page_verifies_them(self, lines: list[bytes], tmp_path: Path) -> None:
        page = (Path(__file__).parents[2] / "docs/audit.md").read_text(encoding="utf-8")
        (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)

        def ran(*written: bytes) -> int:
            (tmp_path / "trail.jsonl").write_bytes(b"".join(written))
            return subprocess.run(
                [sys.executable, "-c", program], cwd=tmp_path, check=False, capture_output=True, timeout=PATIENCE_S
            ).returncode

        assert [0, 1] == [ran(*lines), ran(*lines[:4], lines[4].replace(b"server.unknown", b"server.another"), *lines[5:])]

    def test_an_edited_line_is_found(self, kept: Kept, lines: list[bytes]) -> None:
        lines[5] = lines[5].replace(b"server.unknown", b"server.another")

        (finding,) = self.verdict(kept, lines).findings

        assert Attack.EDITED is finding.attack
        assert finding.message.startswith("Block 5 (")

    def test_a_removed_line_is_found(self, kept: Kept, lines: list[bytes]) -> None:
        del lines[5]

        assert (Attack.DELETED, "Block 5 is missing between blocks 4 and 6.") in self.verdict(kept, lines).findings

    def test_lines_in_another_order_are_found(self, kept: Kept, lines: list[bytes]) -> None:
        lines[5], lines[6] = lines[6], lines[5]

        (finding,) = self.verdict(kept, lines).findings

        assert (Attack.REORDERED, "Block 5 stands behind block 6.") == finding

    def test_missing_lines_at_the_end_are_found(self, kept: Kept, lines: list[bytes]) -> None:
        assert {Attack.TRUNCATED} == attacks(self.verdict(kept, lines[:-4]))
        assert {Attack.TRUNCATED} == attacks(self.verdict(kept, lines[:-4], witness=True))

    async def test_an_older_export_is_found_by_the_witness(self, kept: Kept, lines: list[bytes]) -> None:
        await kept.change(5)

        assert {Attack.ROLLED_BACK} == attacks(self.verdict(kept, lines, witness=True))

    def test_a_damaged_line_is_named(self, lines: list[bytes]) -> None:
        with pytest.raises(NotAnExport, match="Line 4 is not a block"):
            list(read_export_blocks([*lines[1:3], lines[3][:-9], *lines[4:]]))
