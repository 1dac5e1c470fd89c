"""The command types: one file, one row each. Code that needs a type reads `COMMANDS`; no other file names one."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from heliograph.commands.wipe import last_order_of_delete
from heliograph.domain.command import CommandType
from heliograph.domain.envelope import Envelope

__all__ = ["COMMANDS", "ENVELOPE", "last_order_of_delete"]


def _rows() -> Mapping[str, CommandType]:
    files = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    rows = [importlib.import_module(f"{__name__}.{file}").COMMAND for file in files]
    return MappingProxyType({row.name: row for row in sorted(rows, key=lambda row: row.number)})


COMMANDS: Mapping[str, CommandType] = _rows()
"""Every command type by its name, in the order of the reference page."""

ENVELOPE = Envelope(COMMANDS)
"""The Command message of all types."""
