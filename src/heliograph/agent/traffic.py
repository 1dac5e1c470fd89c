"""What is under way between one phone and its server: who runs both in one process can see when nothing is."""

import contextlib
from collections.abc import Iterator


class Traffic:
    """Counts, over all lives of a phone's agent. Event loop only."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        """Messages, connections and disconnections that the phone began, and those that came to an end: an answer, or none."""
        self.frames = 0
        """What came from the server since the phone connected last: answers, offers, news."""

    @contextlib.contextmanager
    def exchange(self) -> Iterator[None]:
        """Something is under way until the block ends."""
        self.begun += 1
        try:
            yield
        finally:
            self.ended += 1
