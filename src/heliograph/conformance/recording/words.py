"""The words that a recording shows of a sentence: those of known error texts, and AMAPI's names. No other word, no number."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

from heliograph.conformance.recording.schemas import document, methods, schemas
from heliograph.protojson.errors import Code
from heliograph.protojson.types import proto_name

HIDDEN: Final = "<hidden>"
_SENTENCES: Final = """
Invalid JSON payload received. Unknown name at: Cannot find field. Cannot bind query parameter. Field could not be found in request
message. Proto field is not repeating, cannot start list. Expected a value, string, object, list, number. Unexpected token. Root element
must be a message. Invalid value at (type.googleapis.com/google.android.devicemanagement.v1.Command.CommandType), (TYPE_STRING) (TYPE_BOOL)
(TYPE_INT32) (TYPE_INT64) (TYPE_FLOAT) (TYPE_MESSAGE) (TYPE_ENUM) google.protobuf.Duration google.protobuf.Timestamp; Illegal duration
format; duration must end with 's'. oneof field is already set. Cannot set. Invalid resource name: is not an id. Request contains an
invalid argument. The command is invalid. Caller is not authorized to manage enterprise. Device is no longer being managed. Operation
not found. Choose a valid operation id. Requested entity was not found. Requested entity already exists. The caller does not have
permission. Method not found. Not Found. The requested URL was not found on this server. With another HTTP method it would be. Method is
not implemented. Internal error encountered. The service is currently unavailable. The deadline was exceeded. Deadline expired before
operation could complete. The operation was cancelled. Request had invalid authentication credentials. Expected OAuth 2 access token,
login cookie or other valid authentication credential. Request is missing required authentication credential. Request had insufficient
authentication scopes. API key not valid. Quota exceeded for quota metric and limit of service for consumer. Queries per minute. Rate
limit exceeded. Resource has been exhausted. The enterprise does not exist. The device does not exist. The policy does not exist. The
page token is invalid. Precondition check failed. The request body must be empty; is too large. A value is required, must be set, must
not be set, must be one of, at least, at most, only if. global badRequest backendError deadlineExceeded notFound alreadyExists forbidden
rateLimitExceeded failedPrecondition aborted notImplemented authError required invalid ACCESS_TOKEN_EXPIRED
ACCESS_TOKEN_SCOPE_INSUFFICIENT ACCESS_TOKEN_TYPE_UNSUPPORTED ACCOUNT_STATE_INVALID CREDENTIALS_MISSING RATE_LIMIT_EXCEEDED
SERVICE_DISABLED API_KEY_INVALID androidmanagement.googleapis.com heliograph
"""
"""Source: amapi.md §4; google.rpc.Code; protobuf's protostream_objectwriter.cc."""
_WORD: Final = re.compile(r"[^\W\d]\w*")
_MARKS: Final = frozenset("""'"()[],;:.=<>*-""")


def known_words(text: str, hidden: Iterable[str]) -> str:
    """The sentence with only its known words: whatever holds another word or a digit is hidden, and the texts of `hidden` first.

    A text that is hidden elsewhere is hidden in here too, even if all its words are known ones.
    """
    hidden = sorted({text.strip() for text in hidden} - {""}, key=len, reverse=True)
    if hidden:
        text = re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, hidden))})(?!\w)", " \0 ", text, flags=re.IGNORECASE)
    return " ".join(_shown(part) for part in text.split())


def _shown(part: str) -> str:
    """A piece without spaces: whole, or hidden but for the marks around it."""
    if "\0" in part:
        return HIDDEN
    inner = part.strip("".join(_MARKS))
    begin = part[: part.index(inner)] if inner else part
    end = part[len(begin) + len(inner) :]
    known = all(word in vocabulary() for word in re.split(r"[./:()\[\]'\"]+", inner) if word)
    marks = all(character in _MARKS or character == "/" or character.isalnum() or character == "_" for character in part)
    return part if known and marks else f"{begin}{HIDDEN}{end}"


@cache
def vocabulary() -> frozenset[str]:
    """Every word that may be shown."""
    words = set(_WORD.findall(_SENTENCES)) | {code.name for code in Code}
    for name, schema in schemas().items():
        words |= {*_WORD.findall(name), *_names_in(schema)}
    for method in methods().values():
        words |= {*_WORD.findall(method["id"]), *_names_in({"properties": method["parameters"]})}
    words |= {*_names_in({"properties": document()["parameters"]})}
    return frozenset(
        words
        | {proto_name(word) for word in words if word[:1].islower()}
        | {word[:1].lower() + word[1:] for word in words}
        | {word[:1].upper() + word[1:] for word in words}
    )


def _names_in(schema: Any) -> Iterator[str]:  # noqa: ANN401 - a piece of a schema
    """Names of fields, and values of enums."""
    if not isinstance(schema, dict):
        return
    yield from schema.get("enum", ())
    for name, of in schema.get("properties", {}).items():
        yield name
        yield from _names_in(of)
    for inner in ("items", "additionalProperties"):
        yield from _names_in(schema.get(inner))
