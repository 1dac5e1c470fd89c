"""The thread that keeps the log short ends when it should, at whichever moment that is."""

import threading
from pathlib import Path

import apsw
import pytest

from heliograph.storage.sqlite.checkpointer import Checkpointer
from tests.patience import PATIENCE_S


class EndsMeanwhile(threading.Event):
    """The end comes while a wait for it runs out: as `threading.Event` may, that wait returns False although this is set by then."""

    def __init__(self, checkpointer: Checkpointer) -> None:
        super().__init__()
        self.stopping = threading.Thread(target=checkpointer.stop, daemon=True)
        self._grown = checkpointer._grown  # noqa: SLF001 - a moment that cannot be met from outside

    def wait(self, timeout: float | None = None) -> bool:
        if self.is_set():
            return True
        self.stopping.start()
        super().wait(PATIENCE_S)
        self._grown.wait(PATIENCE_S)  # the last that `stop` sets
        return False


def test_an_end_while_the_pause_before_a_checkpoint_runs_out_is_not_missed(tmp_path: Path) -> None:
    writer, own = apsw.Connection(str(tmp_path / "db")), apsw.Connection(str(tmp_path / "db"))
    checkpointer = Checkpointer(writer, own, on_fatal=lambda error: pytest.fail(repr(error)))
    checkpointer._closing = ends = EndsMeanwhile(checkpointer)  # noqa: SLF001
    checkpointer._grown.set()  # noqa: SLF001

    checkpointer.start()

    assert threading.Event.wait(ends, PATIENCE_S)
    ends.stopping.join(PATIENCE_S)
    assert not ends.stopping.is_alive()
