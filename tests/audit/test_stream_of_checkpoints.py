"""Checkpoints stand alone in their stream: no caller writes there, whatever enterprise it names; what stands there all the same is skipped.

An older server recorded a refusal there that named the enterprise `*`, and ended when it read its newest checkpoint.
"""

import asyncio
from pathlib import Path

import pytest

from heliograph.domain.audit import CHECKPOINT_STREAM, ActorType, AuditEntry
from heliograph.domain.audit_check import Attack
from heliograph.service.audit import sweep_trail
from heliograph.service.audit_log import AddAuditEntry
from heliograph.service.limits import Limits
from heliograph.service.ports import Sees, Store
from tests.api.live import live_server, settings_for
from tests.audit.trails import Kept, signer_of
from tests.storage.records import write

REFUSAL = AuditEntry(actor_type=ActorType.ANYBODY, method="enterprises.delete", resource="enterprises/*", outcome="NOT_FOUND")
DAY_S = 86_400


async def record_refusal(store: Store) -> int:
    """As an older server did; the number of its block."""
    await store.decide(Sees(), write(AddAuditEntry(CHECKPOINT_STREAM, REFUSAL)))
    return (await store.audit_state()).head.number


async def signed_beyond(store: Store, number: int) -> None:
    """A checkpoint signs a block after this one."""
    while (newest := (await store.audit_state()).checkpoint) is None or newest.number <= number:  # noqa: ASYNC110 - no event says so
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("path", ["enterprises/{}", "enterprises/{}/policies/p", "enterprises/{}/devices/d"])
@pytest.mark.parametrize("enterprise", [CHECKPOINT_STREAM, "%2A"])
def test_a_refusal_in_an_enterprise_named_as_that_stream_is_the_servers_matter(tmp_path: Path, path: str, enterprise: str) -> None:
    with live_server(settings_for(tmp_path)) as live:
        before = live.run(live.ports.store.audit_state()).head

        answer = live.call("DELETE", f"/v1/{path.format(enterprise)}")

        assert 400 <= answer.status < 500
        state = live.run(live.ports.store.audit_state())
        assert state.head.number > before.number
        blocks = live.run(live.ports.store.audit_blocks("", before=state.head.number + 1, limit=1))
        assert b'"enterprises/*' in blocks[0].entries


def test_a_server_starts_and_signs_though_a_refusal_stands_where_it_looks_for_its_newest_checkpoint(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with live_server(settings) as live:
        number = live.run(record_refusal(live.ports.store))

    with live_server(settings) as live:
        live.run(signed_beyond(live.ports.store, number))

        assert 200 == live.call("GET", "/healthz").status


async def test_verification_names_what_is_not_a_checkpoint_until_its_retention_ends(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    kept = Kept(folder, tmp_path / "witness.jsonl")
    await kept.change(4)
    async with kept.served() as (served, _):
        number = await record_refusal(served.ports.store)
    await kept.change(4)

    (finding,) = kept.verdict().findings
    async with kept.served() as (served, _):
        served.clock.advance((Limits().audit_retention_days + 1) * DAY_S)
        await sweep_trail(served.ports, signer_of(folder))

    assert Attack.UNREADABLE is finding.attack
    assert finding.message.startswith(f"Block {number} (")
    assert () == kept.verdict().findings
