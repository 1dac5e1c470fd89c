"""How a store ends the process when it cannot continue."""

import os

import structlog

EX_SOFTWARE = 70
"""The exit code of a server whose storage failed (sysexits.h)."""


def exit_at_once(error: BaseException) -> None:
    """End the process at once, without a word to anyone: the disk holds the truth, and a restart reads it."""
    structlog.get_logger().critical("storage.failed", error=repr(error), exc_info=error)
    os._exit(EX_SOFTWARE)
