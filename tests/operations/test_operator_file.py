"""What lets in the operator is there before the server answers anyone: a script that waits for /readyz creates a key next."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from heliograph import server
from heliograph.settings import Settings
from heliograph.storage.operator_file import read_operator_file


async def test_who_sees_that_the_server_is_ready_finds_its_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    serving = server.serving

    @contextlib.asynccontextmanager
    async def watched(*parts: Any, **more: Any) -> AsyncIterator[object]:  # noqa: ANN401 - as they come
        found.append(read_operator_file(tmp_path).url)
        async with serving(*parts, **more) as listener:
            yield listener

    def ready(url: str) -> None:
        found.append(url)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(server, "serving", watched)

    await asyncio.create_task(server.serve(Settings(data_dir=tmp_path, port=0, durable=False), ready=ready))

    assert 2 == len(found)
    assert found[0] == found[1]
    assert not (tmp_path / "operator.json").exists()
