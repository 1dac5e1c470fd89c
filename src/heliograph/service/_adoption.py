"""A phone has begun under an acknowledgement that the server does not know: a restored backup, a failover that lost the newest commits.

The phone is the only witness. Were it not believed, it would drop its entry, be offered the command again, and run it twice (ADR 0016).
"""

import structlog

from heliograph.commands import COMMANDS
from heliograph.domain import operation as life
from heliograph.domain.operation import Operation, State
from heliograph.service.counts import about

log = structlog.get_logger()


def may_adopt(operation: Operation) -> bool:
    """Whether the server has issued the command and knows of nobody who acknowledged it.

    One that is over stays as it is: its end was shown to callers.
    """
    return operation.state is State.QUEUED and not operation.ack_id


def adopted(operation: Operation, ack_id: str, now_us: int) -> Operation:
    """The operation with the acknowledgement that its phone knows; `may_adopt`, and its row is not final at ack."""
    return life.adopt(operation, ack_id, now_us, result_timeout_s=COMMANDS[operation.type].result_timeout_s)


def log_adoption(operation: Operation) -> None:
    """A line in the log: seen without a restored backup or a failover, it names an agent that never acknowledges."""
    log.warning("command.adopted", **about(operation))
