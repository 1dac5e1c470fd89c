"""What an operator may change."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Numbers an operator may change; the defaults are the documented ones."""

    open_operations_most: int = 1_000
    """Commands of one device that are neither finished nor expired."""
    quota_per_minute: int = 0
    """Requests a caller may send in a minute; 0: as many as it likes."""
    tombstone_days: int = 30
    retention_days: int = 30
    operations_of_deleted_devices: str = "keep"
    """`keep`, or `404` as clients of the real AMAPI may see it (amapi.md §6.11)."""
    behaviour: str = "documented"
    """`documented`, or `as-observed` (service/quirks.py)."""
