"""What a store does that cannot go on."""

import os

import structlog

EX_SOFTWARE = 70
"""The exit code of a server whose storage failed (sysexits.h)."""


def exit_at_once(error: BaseException) -> None:
    """The process ends without another word to anybody: what stands on disk is the truth, and a restart reads it."""
    structlog.get_logger().critical("storage.failed", error=repr(error), exc_info=error)
    os._exit(EX_SOFTWARE)
