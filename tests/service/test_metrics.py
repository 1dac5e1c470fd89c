"""How an end is called, and which bucket a value falls into."""

from itertools import accumulate

import msgspec
import pytest
from structlog.testing import capture_logs

from heliograph.domain import operation as life
from heliograph.domain.operation import Operation
from heliograph.domain.outcome import ERROR_OF, ErrorCode
from heliograph.service.metrics import OUTCOMES, Happened, Histogram, StoreCounts, outcome_of
from tests.storage.records import START_US, device_name, operation

QUEUED = operation(device_name(1), START_US // 1_000)
ACKNOWLEDGED = life.acknowledge(QUEUED, "ab" * 16, START_US, result_timeout_s=60)
UNSUPPORTED = ERROR_OF[ErrorCode.UNSUPPORTED]

ENDS = {
    "succeeded": life.finish(ACKNOWLEDGED, 1, START_US, status=b"", error_code=None, error=None),
    "failed": life.finish(ACKNOWLEDGED, 1, START_US, status=b"", error_code=ErrorCode.UNSUPPORTED, error=UNSUPPORTED),
    "refused": life.finish(QUEUED, 1, START_US, status=b"", error_code=ErrorCode.UNSUPPORTED, error=UNSUPPORTED),
    "cancelled": life.cancel(QUEUED, START_US),
    "expired": life.expire(QUEUED, START_US),
    "timed_out": life.time_out(ACKNOWLEDGED, START_US),
    "device_deleted": life.device_deleted(ACKNOWLEDGED, START_US),
}


def test_every_outcome_has_an_end_here() -> None:
    assert set(OUTCOMES) == set(ENDS)


@pytest.mark.parametrize("outcome", ENDS)
def test_an_end_is_called_by_how_it_came(outcome: str) -> None:
    assert outcome == outcome_of(ENDS[outcome])


def test_a_value_falls_into_the_bucket_of_the_first_bound_that_is_not_below_it() -> None:
    counted = Histogram((1.0, 2.0, 4.0))

    for value in (0.5, 1.0, 1.5, 4.0, 9.0):
        counted.observe(value)

    assert [2, 3, 4, 5] == list(accumulate(counted.counts))
    assert 16.0 == counted.total


def test_bounds_that_do_not_grow_are_refused() -> None:
    with pytest.raises(ValueError, match="must grow"):
        Histogram((1.0, 1.0))


def committed(counts: StoreCounts, *, ended: list[Operation], commit_s: float = 0.001) -> list[dict[str, object]]:
    """The log's lines about a batch in which these operations ended."""
    happened = Happened()
    happened.ended = ended
    with capture_logs() as logs:
        counts.committed(happened, rules=1, commit_s=commit_s)
    return [dict(line) for line in logs]


def test_a_commit_of_more_than_a_second_is_a_line_in_the_log() -> None:
    (line,) = committed(StoreCounts(), ended=[], commit_s=1.5)

    assert ("store.commit_slow", "warning", 1_500) == (line["event"], line["log_level"], line["commit_ms"])


def test_commands_that_expire_in_bulk_are_one_line_and_a_few_are_none() -> None:
    many = [msgspec.structs.replace(ENDS["expired"], create_ms=number) for number in range(1, 151)]

    (line,) = committed(StoreCounts(), ended=many)

    assert ("commands.expired_in_bulk", "warning", 150, 1) == (line["event"], line["log_level"], line["count"], line["devices"])
    assert str(many[0].name) == line["operation"]
    assert [] == committed(StoreCounts(), ended=many[:49])
    assert [] == committed(StoreCounts(), ended=[ENDS["succeeded"]] * 150)


def test_each_change_of_a_command_is_a_line_only_where_that_was_asked_for() -> None:
    counts = StoreCounts()
    assert [] == committed(counts, ended=[ENDS["failed"]])

    counts.log_commands = True
    (line,) = committed(counts, ended=[ENDS["failed"]])

    told = {"event": "command.ended", "log_level": "debug", "operation": str(QUEUED.name), "device": str(QUEUED.device), "type": "LOCK"}
    assert told | {"outcome": "failed"} == line
