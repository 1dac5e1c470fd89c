"""How a caller got on with the quota: its calls by method, what was refused, how long it had to wait, what it gave up.

`--quota amapi` sets Google's: see `api/http/quota.py`. The report counts with any quota, and with planned 429s.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from heliograph.protojson.times import format_duration, format_timestamp
from heliograph.sandbox.request_journal import CUT, RequestRecord

PENDING_MOST: Final = 100_000
"""Refused calls that are remembered until they are repeated; past that the oldest are."""
NS_PER_US: Final = 1_000


@dataclass(slots=True)
class _Rejected:
    """A call that got 429 and has not succeeded yet."""

    since_us: int
    last_us: int
    times: int = 1


class QuotaReport:
    """The report of one world."""

    def __init__(self, *, now_us: Callable[[], int], per_minute: int, together: bool) -> None:
        """`per_minute`: the quota, 0: none; `together`: all callers share it, as one project does."""
        self._now_us = now_us
        self._per_minute = per_minute
        self._together = together
        self._calls: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._pending: dict[tuple[str, str, str, str], _Rejected] = {}
        self._worst_us = 0
        self._worst_request = ""

    def count(self, record: RequestRecord) -> None:
        """The call was answered."""
        self._calls[record.method] += 1
        kind = str(record.request_body.get("type", "")) if isinstance(record.request_body, dict) else ""
        key = (record.method, record.resource, kind, record.caller)
        now_us = self._now_us()
        if record.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._refused[record.method] += 1
            earlier = self._pending.get(key)
            if earlier is None:
                while len(self._pending) >= PENDING_MOST:
                    del self._pending[next(iter(self._pending))]
                self._pending[key] = _Rejected(now_us, now_us)
            else:
                earlier.times, earlier.last_us = earlier.times + 1, now_us
        elif CUT < record.status < HTTPStatus.BAD_REQUEST:
            waited = self._pending.pop(key, None)
            if waited is not None and now_us - waited.since_us >= self._worst_us:
                self._worst_us, self._worst_request = now_us - waited.since_us, record.name

    def view(self) -> dict[str, Any]:
        """The report as JSON; times by the world's clock."""
        methods = [
            {"method": method, "calls": calls, "refused": self._refused[method]} for method, calls in sorted(self._calls.items())
        ]  # fmt: skip
        quota: dict[str, Any] = {"requestsPerMinute": self._per_minute, "consumer": "project" if self._together else "caller"}
        return {
            "quota": quota if self._per_minute else {"requestsPerMinute": 0},
            "calls": self._calls.total(),
            "refused": self._refused.total(),
            "methods": methods,
            "worstWait": format_duration(self._worst_us * NS_PER_US),
            **({"worstWaitRequest": self._worst_request} if self._worst_request else {}),
            "givenUp": [self._given_up(key, refused) for key, refused in self._pending.items() if key[0].endswith(".issueCommand")],
        }

    def _given_up(self, key: tuple[str, str, str, str], refused: _Rejected) -> dict[str, Any]:
        """A command that was refused and, until now, not issued successfully."""
        _method, device, kind, caller = key
        view = {
            "device": device, "type": kind, "caller": caller, "refused": refused.times,
            "firstRefusedTime": format_timestamp(refused.since_us), "lastRefusedTime": format_timestamp(refused.last_us),
        }  # fmt: skip
        return {name: value for name, value in view.items() if value != ""}
