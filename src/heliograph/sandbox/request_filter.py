"""The filter of the request journal: comparisons, all of which must hold. A subset of AIP-160 without OR and NOT.

`method="enterprises.devices.issueCommand" status>=400 phone=pixel8-a15-fully-managed "some text"`. `AND` may stand between them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from heliograph.domain.filters import OPERATORS
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.sandbox.calls import short_method_id
from heliograph.sandbox.request_journal import RequestRecord

MAX_CHARS: Final = 2_048
EXAMPLE: Final = 'method="enterprises.devices.issueCommand" status>=400 phone=pixel8-a15-fully-managed "some text"'
_TERM = re.compile(r"""(?:(?P<field>[A-Za-z]+)\s*(?P<operator><=|>=|!=|[=<>:])\s*)?(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+))(?:\s+|\Z)""")

FIELDS: Final[Mapping[str, Callable[[RequestRecord], str]]] = {
    "method": lambda record: short_method_id(record.method),
    "phone": lambda record: record.device,
    "resource": lambda record: record.resource,
    "operation": lambda record: record.operation,
    "caller": lambda record: record.caller,
    "fault": lambda record: record.fault,
    "httpMethod": lambda record: record.http_method,
    "text": lambda record: msgspec.json.encode(record.view()).decode(),
}


class _Comparison(NamedTuple):
    field: str
    operator: str
    value: str

    def holds(self, record: RequestRecord) -> bool:
        if self.field == "status":
            return OPERATORS[self.operator](record.status, int(self.value))
        found = FIELDS[self.field](record)
        if self.operator == ":" or self.field == "text":
            return self.value.lower() in found.lower() if self.value != "*" else bool(found)
        return (found == self.value) is (self.operator == "=")


RequestFilter = Callable[[RequestRecord], bool]


def parse_request_filter(text: str) -> RequestFilter:
    """The filter that `text` is; an empty text wants every request.

    Raises: InvalidArgument with the position of the first fault and what could stand there.
    """
    if len(text) > MAX_CHARS:
        raise _invalid(f"it has {len(text)} characters; at most {MAX_CHARS} are read")
    comparisons, position = [], len(text) - len(text.lstrip())
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise _invalid(f"at character {position + 1}: expected a comparison or a text")
        if match[0].strip() != "AND":
            comparisons.append(_comparison(match))
        position = match.end()
    return lambda record: all(comparison.holds(record) for comparison in comparisons)


def _comparison(match: re.Match[str]) -> _Comparison:
    field, sign = match["field"] or "text", match["operator"] or ":"
    value = match["quoted"] if match["quoted"] is not None else match["plain"]
    where = f"at character {match.start() + 1}: "
    if field == "status":
        if not (value.isascii() and value.isdecimal() and len(value) < 10):  # noqa: PLR2004 - an HTTP status has three digits
            raise _invalid(f"{where}status is compared with a number")
        return _Comparison(field, sign, value)
    if field not in FIELDS:
        raise _invalid(f"{where}{field[:64]!r} is not a field to filter by; there are status, {', '.join(FIELDS)}")
    if sign not in {"=", "!=", ":"}:
        raise _invalid(f"{where}{field} can only be compared with =, != and :")
    return _Comparison(field, sign, short_method_id(value) if field == "method" else value)


def _invalid(why: str) -> InvalidArgument:
    return InvalidArgument(violations=[Violation("filter", f"Invalid filter: {why}; as in {EXAMPLE}.")])
