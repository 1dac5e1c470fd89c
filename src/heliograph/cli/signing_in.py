"""The key file given with `heliograph --key`, the same for every command."""

from contextvars import ContextVar
from pathlib import Path

KEY_FILE: ContextVar[Path | None] = ContextVar("KEY_FILE", default=None)
