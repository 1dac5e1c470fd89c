"""The server that agents are checked against refuses no one because the machine stood still."""

import asyncio
import threading
from pathlib import Path

from heliograph.agent_check.stand import stand_in
from heliograph.service.ports import Decision, Facts, Sees
from heliograph.storage.queue.lanes import WAITS_MOST_S
from tests.patience import PATIENCE_S


async def test_what_waits_for_the_store_longer_than_users_servers_let_it_is_done_all_the_same(tmp_path: Path) -> None:
    began, goes_on = threading.Event(), threading.Event()

    def stands_still(_: Facts) -> Decision[None]:
        began.set()
        goes_on.wait(PATIENCE_S)
        return Decision(None)

    async with stand_in(tmp_path) as stand:
        still = asyncio.create_task(stand._ports.store.decide(Sees(), stands_still))  # noqa: SLF001 - no case stops the store
        await asyncio.to_thread(began.wait, PATIENCE_S)
        asked = asyncio.create_task(stand.token())
        _, waiting = await asyncio.wait({asked}, timeout=2 * WAITS_MOST_S)
        goes_on.set()

        assert {asked} == waiting
        assert await asked
        await still
