"""The file of a recorded history: what is written is read, and a file that is not a history is refused with the reason."""

from pathlib import Path

import pytest

from heliograph.agent import executor
from heliograph.history.events import Deed, FaultKind, Moment
from heliograph.history.file import BadHistory, History, read_history
from heliograph.history.recorded import Header
from tests.history.tale import good_tale

HEADER = b'{"format":"heliograph history","version":1}\n'
FAULT = b'{"event":"fault","atUs":1,"what":"disk full"}\n'


def kept(path: Path) -> History:
    """The good tale, recorded."""
    history = History(path, now_us=iter(range(10_000)).__next__, faults=[FaultKind.SERVER_KILLED], deeds=[Deed.CANCELLED], about="a test")
    for event in good_tale().recorded().events:
        history.record(event)
    history.close()
    return history


def written(path: Path, *lines: bytes) -> Path:
    """The path of a file of these lines."""
    path.write_bytes(b"".join(lines))
    return path


def test_a_kept_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    history = kept(tmp_path / "history.jsonl")

    assert history.recorded == read_history(history.path)


def test_a_last_line_that_is_cut_off_is_left_out_and_said(tmp_path: Path) -> None:
    recorded = read_history(written(tmp_path / "history.jsonl", HEADER, FAULT, FAULT[:-10]))

    assert (1, True) == (len(recorded.events), recorded.cut)


def test_a_last_line_without_its_end_of_line_is_whole_if_it_is_an_event(tmp_path: Path) -> None:
    recorded = read_history(written(tmp_path / "history.jsonl", HEADER, FAULT, FAULT[:-1]))

    assert (2, False) == (len(recorded.events), recorded.cut)


@pytest.mark.parametrize(
    "lines, why",
    [
        ([], "The first line is not a header"),
        ([FAULT], "The first line says ''"),
        ([HEADER.replace(b"1}", b"2}")], "version 2"),
        ([b"\xff\xfe\n"], "The first line is not a header"),
        ([HEADER, FAULT, b"nonsense\n", FAULT], "Line 3 is not an event"),
        ([HEADER, FAULT.replace(b"disk full", b"flood")], "Line 2 is not an event"),
        ([HEADER, FAULT, b"\n"], "Line 3 is not an event"),
    ],
)
def test_what_is_no_history_is_refused_with_the_line_and_the_reason(lines: list[bytes], why: str, tmp_path: Path) -> None:
    with pytest.raises(BadHistory, match=why):
        read_history(written(tmp_path / "history.jsonl", *lines))


def test_the_first_line_says_what_the_run_was_made_for(tmp_path: Path) -> None:
    header = read_history(kept(tmp_path / "history.jsonl").path).header

    assert (
        Header(
            format="heliograph history", version=1, faults=(FaultKind.SERVER_KILLED,), deeds=(Deed.CANCELLED,), about="a test"
        )
        == header
    )  # fmt: skip


def test_every_moment_of_an_agent_can_be_recorded() -> None:
    assert {moment.name for moment in executor.Moment} <= {moment.name for moment in Moment}
