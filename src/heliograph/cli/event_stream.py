"""An enterprise's events from a cursor on, over as many connections as it takes (docs/events.md)."""

import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Final

from heliograph.backoff import Backoff
from heliograph.cli.api_client import ApiClient, Json, failure_of
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.domain.names import EnterpriseName

JSON_LINES: Final = "application/jsonl"
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 10.0
OLDEST: Final = ""
LATEST: Final = "latest"
EVENTS_GONE: Final = "EVENTS_GONE"


class EventStream:
    """Each event once, in order: a lost connection is opened again where it broke off."""

    def __init__(self, client: ApiClient, enterprise: EnterpriseName, after: str) -> None:
        """`after`: a cursor, OLDEST or LATEST.  Raises: Failure: the server cannot be reached; not a cursor."""
        self._client = client
        self._path = f"/heliograph/v1/{enterprise}/events"
        # The number that "latest" stands for now: a connection that is opened again must not pass over what came meanwhile.
        self.cursor: str = json.loads(client.get(self._path, {"after": after}))["cursor"] if after == LATEST else after
        """Of the newest event that was taken; before the first one, where to begin."""

    def events(self, on_change: Callable[[str], None]) -> Iterator[bytes]:
        """Every event as the server wrote it, one line of JSON without its end, for ever; `on_change` gets sentences for people.

        Raises: Failure: one that a new connection does not help against: the events are gone, the enterprise was deleted.
        """
        backoff = Backoff(random.random, first_s=FIRST_PAUSE_S, most_s=LONGEST_PAUSE_S)
        connected = lost = False
        while True:
            reason = "the server ended the stream"
            try:
                for line in self._client.lines(self._path, {"after": self.cursor}, accept=JSON_LINES):
                    if lost:
                        on_change(f"Connected again, after event {self.cursor or 0}.")
                    connected, lost = True, False
                    backoff.reset()
                    if line.strip():
                        yield self._taken(line)
            except Failure as failure:
                if connected and _start_over(failure, self.cursor):
                    on_change(failure.message)
                    self.cursor = OLDEST
                    continue
                if not connected or failure.exit_code is not ExitCode.UNAVAILABLE:
                    raise
                reason = failure.message
            if not lost:
                on_change(f"Lost the server, connecting again: {reason}")
            lost = True
            time.sleep(backoff.next_s())

    def _taken(self, line: bytes) -> bytes:
        """Raises: Failure: the line is an error."""
        event: Json = json.loads(line)
        if "error" in event:
            raise failure_of(int(event["error"].get("code", 0)), line)
        self.cursor = event["cursor"]
        return line.rstrip()


def _start_over(failure: Failure, cursor: str) -> bool:
    """Whether the server says that the oldest event it keeps comes before what was read: the sandbox was reset."""
    try:
        details = json.loads(failure.body)["error"]["details"]
        oldest = next(detail["metadata"]["oldestCursor"] for detail in details if detail.get("reason") == EVENTS_GONE)
    except (ValueError, KeyError, TypeError, StopIteration):
        return False
    return int(oldest) < int(cursor or 1)
