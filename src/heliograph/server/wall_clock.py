"""The wall clock as it is now, for what others have dated by theirs: callers' JSON Web Tokens."""

import time


def wall_now_us() -> int:
    """The machine's time: it steps when the clock is set, so it must not measure anything that only goes forward."""
    return time.time_ns() // 1_000
