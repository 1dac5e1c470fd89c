"""Test your EMM: a whole Android Management API for each test, with phones, a clock and faults of its own (docs/testing.md).

    with heliograph.testing.sandbox() as amapi:
        ...

With pytest, the fixture `amapi` is the same. What is named here is a public API: it changes only as docs/testing.md promises.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heliograph.testing.clock import Clock, Due
    from heliograph.testing.connection import Refused
    from heliograph.testing.faults import Fault, Faults
    from heliograph.testing.notifications import Notification, Notifications
    from heliograph.testing.operations import Operation
    from heliograph.testing.phones import Phone, Phones
    from heliograph.testing.requests import Requests, SentRequest
    from heliograph.testing.world import Amapi, sandbox

_PLACES = {
    "Amapi": "world",
    "Clock": "clock",
    "Due": "clock",
    "Fault": "faults",
    "Faults": "faults",
    "Notification": "notifications",
    "Notifications": "notifications",
    "Operation": "operations",
    "Phone": "phones",
    "Phones": "phones",
    "Refused": "connection",
    "Requests": "requests",
    "SentRequest": "requests",
    "sandbox": "world",
}

__all__ = [
    "Amapi", "Clock", "Due", "Fault", "Faults", "Notification", "Notifications", "Operation", "Phone", "Phones", "Refused", "Requests",
    "SentRequest", "sandbox",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Loaded when first used: pytest imports this package in every run, also where no test wants it."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value
