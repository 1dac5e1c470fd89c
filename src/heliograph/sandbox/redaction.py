"""Requests as they may be kept: what the schema marks SECRET is sealed, and so is everything of which the schema says nothing.

A password in the wrong place is a password still, so a value is shown only where the schema has a field of its kind.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from heliograph.api.http.authorization import TOKEN_PARAMETERS
from heliograph.api.http.query import COMMON_PARAMETERS, MOST_PARAMETERS
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import SigninDetail
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.parser import MALFORMED, reject_depth
from heliograph.protojson.schema import EnumKind, Field, Kind, ListKind, MapKind, MessageKind, Scalar, shape_of
from heliograph.protojson.times import DURATION_PATTERN, TIMESTAMP_PATTERN

SEALED: Final = "<sealed>"
SECRET_PARAMETERS = TOKEN_PARAMETERS | {"key", "enterpriseToken"}
CREDENTIAL_FIELDS: Mapping[type[msgspec.Struct], frozenset[str]] = {
    EnrollmentToken: frozenset({"value", "qr_code"}),
    SigninDetail: frozenset({"signin_enrollment_token", "qr_code"}),
}
"""What phones enrol with. AMAPI shows it, so it carries no mark; a journal that goes into a bug report should not."""
_TEXTS: Mapping[Scalar, re.Pattern[str]] = {
    Scalar.DURATION: re.compile(DURATION_PATTERN),
    Scalar.TIMESTAMP: re.compile(TIMESTAMP_PATTERN),
    Scalar.INT64: re.compile(r"^-?[0-9]{1,19}\Z"),
}
_DEEPEST = 100
SHORTEST_CHARS = 4


class Sealing:
    """Seals the values of one request, and remembers the texts that it sealed: an error that quotes one is sealed as well."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def body(self, body: bytes, cls: type[msgspec.Struct] | None) -> Any:  # noqa: ANN401 - JSON
        """The JSON body as it may be kept; None: it was empty. Of one that is not JSON, or deeper than the API reads, only its length."""
        if not body.strip():
            return None
        try:
            reject_depth(body.decode())
            value = msgspec.json.decode(body)
        except (*MALFORMED, InvalidArgument):
            return f"<{len(body)} bytes that are not JSON>"
        return self._hidden(value) if cls is None else self._message(value, cls, 0)

    def text(self, text: str) -> str:
        """The text without what was sealed elsewhere in this request."""
        for sealed in sorted(self._texts, key=len, reverse=True):
            # A short one is a part of many a word: only where it is quoted.
            short = len(sealed) < SHORTEST_CHARS
            text = text.replace(f'"{sealed}"', f'"{SEALED}"') if short else text.replace(sealed, SEALED)
        return text

    def anywhere(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        """JSON without any text that was sealed elsewhere in this request."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.anywhere(item) for item in value]
            case dict():
                return {self.text(name): self.anywhere(item) for name, item in value.items()}
        return value

    def query(self, query: bytes, cls: type[msgspec.Struct] | None) -> str:
        """The query string as it may be kept: tokens are sealed, and parameters that the method has not."""
        try:
            pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
        except ValueError:
            return SEALED
        own = {name.partition(".")[0] for field in (shape_of(cls).fields if cls else ()) for name in (field.name, field.json_name)}
        shown = (COMMON_PARAMETERS | own) - SECRET_PARAMETERS
        return urlencode([(name, value if name.partition(".")[0] in shown else self._seal(value)) for name, value in pairs], safe="<>*/,")

    def _message(self, value: Any, cls: type[msgspec.Struct], depth: int) -> Any:  # noqa: ANN401 - JSON
        if not isinstance(value, dict) or depth > _DEEPEST:
            return self._hidden(value)
        shape = shape_of(cls)
        kept = {}
        for name, item in value.items():
            field = shape.by_name.get(name)
            if field is None or _is_sealed(cls, field):
                kept[name] = self._hidden(item, flags=field is None)
            else:
                kept[name] = self._of_kind(item, field.kind, depth + 1)
        return kept

    def _of_kind(self, value: Any, kind: Kind, depth: int) -> Any:  # noqa: ANN401 - JSON
        match kind:
            case MessageKind():
                return self._message(value, kind.cls, depth)
            case ListKind() if isinstance(value, list):
                return [self._of_kind(item, kind.item, depth) for item in value]
            case MapKind() if isinstance(value, dict):
                return {name: self._of_kind(item, kind.value, depth) for name, item in value.items()}
            case EnumKind() | Scalar() if _is_of(kind, value):
                return value
        return self._hidden(value)

    def _hidden(self, value: Any, *, flags: bool = True) -> Any:  # noqa: ANN401 - JSON
        """The value with every text and number in it sealed; names, and with `flags` true, false and null, stay."""
        match value:
            case dict():
                return {name: self._hidden(item, flags=flags) for name, item in value.items()}
            case list():
                return [self._hidden(item, flags=flags) for item in value]
            case None | bool() if flags:
                return value
        return self._seal(value if isinstance(value, str) else str(value))

    def _seal(self, text: str) -> str:
        if text:
            self._texts.add(text)
        return SEALED


def without_credentials(value: Any, cls: type[msgspec.Struct]) -> Any:  # noqa: ANN401 - JSON
    """A message of the server's, as JSON, without the secrets and credentials in it."""
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, item in value.items():
        field = shape_of(cls).by_name.get(name)
        kept[name] = item if field is None else SEALED if _is_sealed(cls, field) else _answered(item, field.kind)
    return kept


def _answered(value: Any, kind: Kind) -> Any:  # noqa: ANN401 - JSON
    match kind:
        case MessageKind():
            return without_credentials(value, kind.cls)
        case ListKind() if isinstance(value, list):
            return [_answered(item, kind.item) for item in value]
        case MapKind() if isinstance(value, dict):
            return {name: _answered(item, kind.value) for name, item in value.items()}
    return value


def _is_sealed(cls: type[msgspec.Struct], field: Field) -> bool:
    return field.secret or field.name in CREDENTIAL_FIELDS.get(cls, ())


def _is_of(kind: Kind, value: object) -> bool:
    """Whether a field of this kind takes such a value."""
    match kind:
        case EnumKind():
            return isinstance(value, str) and value in kind.by_name
        case Scalar.VALUE | Scalar.STRUCT:
            return True
        case Scalar.BOOL:
            return isinstance(value, bool)
        case Scalar.STRING | Scalar.BYTES:
            return isinstance(value, str)
        case Scalar.DURATION | Scalar.TIMESTAMP | Scalar.INT64 if isinstance(value, str):
            return bool(_TEXTS[kind].match(value))
    return isinstance(value, int | float)
