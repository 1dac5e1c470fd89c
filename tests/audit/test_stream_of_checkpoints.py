"""No caller writes where checkpoints stand, whatever enterprise it names: a server that reads its newest one would find something else."""

from pathlib import Path

import pytest

from heliograph.domain.audit import CHECKPOINT_STREAM
from tests.api.live import live_server, settings_for


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
