"""Requests that cost their sender nothing and once cost the server seconds, by name. A server must not notice them.

Paths and bodies are whole but for `{enterprise}` and `{device}` (resource names), for which `aimed_at` puts a caller's own.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

MIB = 1_024 * 1_024
BATCH = {"Content-Type": "multipart/mixed; boundary=b"}
JSON = {"Content-Type": "application/json"}


class Hostile(NamedTuple):
    """One request."""

    http_method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = {}
    takes_caller: bool = True
    """Whether it means harm only with the credential of a caller who may do something."""

    def aimed_at(self, device: str) -> "Hostile":
        """The same for this device and its enterprise."""
        enterprise = "/".join(device.split("/")[:2])
        path = self.path.replace("{device}", device).replace("{enterprise}", enterprise)
        body = self.body.replace(b"{device}", device.encode()).replace(b"{enterprise}", enterprise.encode())
        return self._replace(path=path, body=body)


def batch_of(parts: Iterator[bytes] | list[bytes]) -> bytes:
    """A batch of these HTTP requests."""
    return b"".join(b"--b\nContent-Type: application/http\n\n" + part + b"\n" for part in parts) + b"--b--\n"


def names(count: int, first: int = 0) -> bytes:
    """So many members of an object that no message has."""
    return b",".join(b'"unknown%d":1' % number for number in range(first, first + count))


def _many(element: bytes, size: int) -> bytes:
    """A JSON list of about this size."""
    return b"[" + b",".join([element] * (size // (len(element) + 1))) + b"]"


_ISSUE = "/v1/{device}:issueCommand"
_SPACES = b"+" * 8_000
_LANE_MOST = 3_500
"""Bytes of a body: with its head it still comes in one slice (http_protocol.py); what comes in more never takes the hot lane."""

HOSTILE: Mapping[str, Hostile] = {
    # Before anybody is known.
    "a batch's header of spaces": Hostile(
        "POST", "/batch", b"--b\nContent-Type: application/http\nX: y" + b" " * 32_000 + b"x\n\nGET /\n--b--", BATCH, takes_caller=False
    ),
    "sixteen megabytes of boundaries": Hostile("POST", "/batch", b"--b" * (16 * MIB // 3), BATCH, takes_caller=False),
    "fields of spaces": Hostile("GET", "/v1/enterprises?fields=a" + _SPACES.decode(), takes_caller=False),
    "a batch of fields of spaces": Hostile(
        "POST", "/batch", batch_of([b"GET /v1/enterprises?fields=a" + _SPACES] * 5), BATCH, takes_caller=False
    ),
    "fields of names": Hostile("GET", "/v1/enterprises?fields=" + "a," * 7_000 + "a", takes_caller=False),
    "a query of parameters": Hostile("GET", "/v1/enterprises?" + "a&" * 8_000, takes_caller=False),
    "a discovery page with many parameters": Hostile("GET", "/$discovery/rest?" + "&".join(["a=1"] * 65), takes_caller=False),
    "a URL of 60 KB": Hostile("GET", "/v1/enterprises?a=" + "a" * 60_000, takes_caller=False),
    "an enrolment of unknown names": Hostile(
        "POST", "/device/v1/enroll", b'{"report":{"hardwareInfo":{' + names(12_000) + b"}}}", JSON, takes_caller=False
    ),
    "an enrolment of wrong elements": Hostile(
        "POST", "/device/v1/enroll", b'{"report":{"hardwareInfo":{"model":' + _many(b"{}", 200_000) + b"}}}", JSON, takes_caller=False
    ),
    "a grant of parameters": Hostile(
        "POST", "/token", b"a=1&" * 4_000, {"Content-Type": "application/x-www-form-urlencoded"}, takes_caller=False
    ),
    "a grant of dots": Hostile(
        "POST",
        "/token",
        b"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=" + b"." * 16_000,
        {"Content-Type": "application/x-www-form-urlencoded"},
        takes_caller=False,
    ),
    # By a caller who may do something.
    "unknown names": Hostile("POST", _ISSUE, b"{" + names(60_000) + b"}", JSON),
    "one name twice among 12,000": Hostile("POST", _ISSUE, b"{" + names(12_000) + b"," + names(1) + b"}", JSON),
    "every name twice": Hostile("POST", _ISSUE, b"{" + names(30_000) + b"," + names(30_000) + b"}", JSON),
    "wrong flags": Hostile("POST", _ISSUE, b'{"resetPasswordFlags":' + _many(b'"x"', MIB - 100) + b"}", JSON),
    "numbers for flags": Hostile("POST", _ISSUE, b'{"resetPasswordFlags":' + _many(b"1.5", MIB - 100) + b"}", JSON),
    "objects for flags": Hostile("POST", _ISSUE, b'{"resetPasswordFlags":' + _many(b"{}", MIB - 100) + b"}", JSON),
    "brackets": Hostile("POST", _ISSUE, b"[" * (MIB - 100), JSON),
    "languages": Hostile(
        "POST",
        _ISSUE,
        b'{"startLostModeParams":{"lostMessage":{"defaultMessage":"x","localizedMessages":{'
        + b",".join(b'"q%d":""' % number for number in range(80_000))
        + b"}}}}",
        JSON,
    ),
    "one package 20,000 times": Hostile(
        "PATCH", "/v1/{enterprise}/policies/default", b'{"applications":' + _many(b'{"packageName":"a"}', 400_000) + b"}", JSON
    ),
    "a deep configuration": Hostile(
        "PATCH",
        "/v1/{enterprise}/policies/default",
        b'{"applications":[{"managedConfiguration":{"a":' + b"[" * 400_000 + b"]" * 400_000 + b"}}]}",
        JSON,
    ),
    "terms without texts": Hostile("PATCH", "/v1/{enterprise}", b'{"termsAndConditions":' + _many(b"1", MIB - 100) + b"}", JSON),
    "a mask of names": Hostile("PATCH", "/v1/{device}?updateMask=" + "a," * 7_000, b"{}", JSON),
    "a filter of parentheses": Hostile("GET", "/v1/{device}/operations?filter=" + "(" * 2_000),
    "a batch of long calls": Hostile(
        "POST", "/batch", batch_of([b"POST /v1/{device}:issueCommand\n\n{" + names(1_000) + b"}"] * 200), BATCH
    ),
}

SHORT: Mapping[str, Hostile] = {
    name: Hostile("POST", _ISSUE, body, JSON)
    for name, body in {
        "few unknown names": b"{" + names(_LANE_MOST // 16) + b"}",
        "one name twice among few": b"{" + names(_LANE_MOST // 20) + b"," + names(1) + b"}",
        "every name twice, few": b"{" + names(_LANE_MOST // 32) + b"," + names(_LANE_MOST // 32) + b"}",
        "few wrong flags": b'{"resetPasswordFlags":' + _many(b'"x"', _LANE_MOST - 100) + b"}",
        "few numbers for flags": b'{"resetPasswordFlags":' + _many(b"1.5", _LANE_MOST - 100) + b"}",
        "few objects for flags": b'{"resetPasswordFlags":' + _many(b"{}", _LANE_MOST - 100) + b"}",
        "few brackets": b"[" * _LANE_MOST,
        "few languages": b'{"startLostModeParams":{"lostMessage":{"defaultMessage":"x","localizedMessages":{'
        + b",".join(b'"q%d":""' % number for number in range(_LANE_MOST // 12))
        + b"}}}}",
        "a long duration": b'{"type":"LOCK","duration":"' + b"9" * (_LANE_MOST - 100) + b's"}',
        "a number of digits": b'{"type":' + b"9" * (_LANE_MOST - 100) + b"}",
        "escapes": b'{"type":"' + b"\\u0000" * (_LANE_MOST // 7) + b'"}',
    }.items()
}
"""As much of issueCommand's as the hot lane takes: longer ones go to the app."""
