"""Logs on stderr: lines of JSON for machines, colours on a terminal. Logging never waits, even if nothing reads the lines."""

import logging
import sys
import time
from collections.abc import Hashable, Iterator, MutableMapping
from typing import Any

import structlog

from heliograph.cli.folding import Folding
from heliograph.cli.outlet import Outlet
from heliograph.service.metrics import PROCESS

OF_KIND = ("event", "method", "http_status")
"""What lines of one kind have in common; each has few values, whatever callers send."""
NEVER_FOLDED = frozenset({"debug", "critical"})
"""At debug every step is wanted; critical lines come once."""

Event = MutableMapping[str, Any]


class OutletLogger:
    """What structlog writes to."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def msg(self, message: str) -> None:
        self._outlet.put(message + "\n")

    debug = info = warning = error = log = msg

    def critical(self, message: str) -> None:
        """The last line of a process that ends at once."""
        self._outlet.put_last(message + "\n")


class OutletHandler(logging.Handler):
    """What the standard library's loggers write to."""

    def __init__(self, outlet: Outlet, folding: Folding) -> None:
        super().__init__()
        self._outlet = outlet
        self._folding = folding

    def emit(self, record: logging.LogRecord) -> None:
        about: dict[str, object] = {"event": record.msg if isinstance(record.msg, str) else record.name, "level": record.levelname.lower()}
        if _admitted(self._folding, (record.name, record.pathname, record.lineno), about):
            self._outlet.put(self.format(record) + "\n")


def log_to_stderr(*, level: int = logging.INFO) -> None:
    """Log the server's events from `level` on to stderr, those of uvicorn and other libraries from WARNING on.

    Lines are limited per kind and in all within ten seconds; then a line says how many more there were. Lines not read in time are
    dropped, and a line says so.
    """
    terminal = sys.stderr.isatty()
    # Leave out the frames' local variables, which structlog shows by default: they hold secrets of commands.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer = console if terminal else structlog.processors.JSONRenderer()
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    errors = () if terminal else (structlog.processors.ExceptionRenderer(tracebacks),)
    stamp = structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal)
    folding = Folding(time.monotonic)

    def line(about: dict[str, object]) -> str:
        return str(renderer(None, "", stamp(None, "", about))) + "\n"

    def dropped(number: int) -> str:
        return line({"event": "log.dropped", "lines": number, "level": "warning"})

    def folded(at_end: bool) -> Iterator[str]:  # noqa: FBT001 - as an outlet asks
        return map(line, folding.folded(at_once=at_end))

    outlet = Outlet(sys.stderr.fileno(), dropped=dropped, on_drop=_count_dropped, more=folded)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _folded_by(folding), stamp, *errors, renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: OutletLogger(outlet),
        cache_logger_on_first_use=True,
    )  # fmt: skip
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_log_level, stamp],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *errors, renderer],
    )
    handler = OutletHandler(outlet, folding)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


def _folded_by(folding: Folding) -> structlog.types.Processor:
    def fold(_logger: object, _name: str, event: Event) -> Event:
        if event["level"] not in NEVER_FOLDED:
            about = {key: event[key] for key in (*OF_KIND, "level") if key in event}
            if not _admitted(folding, tuple(about.values()), about):
                raise structlog.DropEvent
        return event

    return fold


def _admitted(folding: Folding, kind: Hashable, about: dict[str, object]) -> bool:
    admitted = folding.admits(kind, about)
    if not admitted:
        PROCESS.log_lines_folded += 1
    return admitted


def _count_dropped() -> None:
    PROCESS.log_lines_dropped += 1
