"""JSON answers that several methods share."""

from collections.abc import Iterable

import msgspec

EMPTY = b"{}"


def list_body(field: str, resources: Iterable[bytes], next_page_token: str) -> bytes:
    """One page of a list. Empty fields are left out: a client loops for ever on an empty nextPageToken (amapi.md §2.8, §2.9)."""
    joined = b",".join(resources)
    parts = []
    if joined:
        parts.append(b'"%s":[%s]' % (field.encode(), joined))
    if next_page_token:
        parts.append(b'"nextPageToken":' + msgspec.json.encode(next_page_token))
    return b"{%s}" % b",".join(parts)
