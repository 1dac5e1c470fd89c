"""One file over HTTP: whole, in part, or not at all if the caller has it already.

Source: RFC 9110 §13 (conditions), §14 (ranges).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

OK, PARTIAL, NOT_MODIFIED, PRECONDITION_FAILED, UNSATISFIABLE = 200, 206, 304, 412, 416
_ONE_RANGE = re.compile(r"bytes\s*=\s*(?P<first>\d{0,18})\s*-\s*(?P<last>\d{0,18})\s*,?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What is served. `entity_tag`: a strong one, in its quotes."""

    content: bytes
    media_type: str
    entity_tag: str
    name: str
    """Under which a browser saves it."""


def file_response(file: File, asked: Mapping[str, str]) -> Response:
    """The answer to a GET or HEAD with the headers `asked`; several ranges at once are answered with the whole."""
    headers = {"etag": file.entity_tag, "accept-ranges": "bytes", "cache-control": "no-cache", "x-content-type-options": "nosniff"}
    if "if-match" in asked and not _names(asked["if-match"], file.entity_tag):
        return Response(status_code=PRECONDITION_FAILED, headers=headers)
    if "if-none-match" in asked and _names(asked["if-none-match"], file.entity_tag):
        return Response(status_code=NOT_MODIFIED, headers=headers)
    headers |= {"content-type": file.media_type, "content-disposition": f'attachment; filename="{file.name}"'}
    size = len(file.content)
    wanted = asked.get("range", "") if asked.get("if-range", file.entity_tag) == file.entity_tag else ""
    part = _part(wanted, size)
    if part is None:
        return Response(file.content, OK, headers)
    if not part:
        return Response(status_code=UNSATISFIABLE, headers={**headers, "content-range": f"bytes */{size}"})
    headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    return Response(file.content[part.start : part.stop], PARTIAL, headers)


def _names(header: str, entity_tag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or entity_tag in tags


def _part(header: str, size: int) -> range | None:
    """The bytes that a Range header wants; empty: there are none of them; None: all, or it is not one range."""
    found = _ONE_RANGE.fullmatch(header.strip())
    if found is None or not (found["first"] or found["last"]):
        return None
    if not found["first"]:
        return range(max(0, size - int(found["last"])), size)
    first, last = int(found["first"]), int(found["last"] or size)
    return None if last < first else range(first, max(first, min(last + 1, size)))
