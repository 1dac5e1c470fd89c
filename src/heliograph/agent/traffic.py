"""Messages in progress between one phone and its server: a process that runs both can see when there are none."""

import contextlib
from collections.abc import Iterator


class Traffic:
    """Counts, over all lives of a phone's agent. Event loop only."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        """Messages, connections and disconnections that the phone began, and those that ended: with an answer, or without."""
        self.frames = 0
        """What came from the server since the phone connected last: answers, offers, news."""

    @contextlib.contextmanager
    def exchange(self) -> Iterator[None]:
        """Something is in progress until the block ends."""
        self.begun += 1
        try:
            yield
        finally:
            self.ended += 1
