"""The wall clock as it is now, for what others have dated by theirs: callers' JSON Web Tokens."""

import time


def wall_now_us() -> int:
    """The machine's time: it steps when somebody sets the clock, so nothing that must only go forward may be measured by it."""
    return time.time_ns() // 1_000
