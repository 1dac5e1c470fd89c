"""Logs on stderr: lines of JSON for machines, colours on a terminal."""

import logging
import sys

import structlog


def log_to_stderr(*, level: int = logging.INFO) -> None:
    """Events of the server from `level` on stand on stderr, those of uvicorn and other libraries from WARNING on."""
    terminal = sys.stderr.isatty()
    # Without the frames' local variables, which structlog shows where it is not told otherwise: secrets of commands are among them.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer = console if terminal else structlog.processors.JSONRenderer()
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    errors = () if terminal else (structlog.processors.ExceptionRenderer(tracebacks),)
    stamp = structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, stamp, *errors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_log_level, stamp],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *errors, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
