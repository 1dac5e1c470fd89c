"""What a process counts of its sockets and of its log, whatever server it runs; `/metrics` reads it (api/process_metrics.py).

One for the process, as its file descriptors and its standard error are.
"""

from collections import Counter


class ProcessCounts:
    """Since the process started. Changed on the event loop, but for the log's, which its own lock guards."""

    def __init__(self) -> None:
        self.connections_open = 0
        """Sockets that callers and phones hold."""
        self.connections_crowded: Counter[str] = Counter()
        """Connections beyond a bound, by which: `full`, `address`, `descriptors`."""
        self.requests_refused: Counter[str] = Counter()
        """Requests that no method saw, by why."""
        self.request_bytes = 0
        """What is held of requests under way."""
        self.log_lines_dropped = 0
        """Lines that nobody read in time."""
        self.log_lines_folded = 0
        """Lines that stand in the log as a number only."""


PROCESS = ProcessCounts()
