"""The `fields` parameter."""

import pytest

from heliograph.api.partial_response import parse_fields, select_fields
from heliograph.domain.errors import InvalidArgument

BODY = b'{"devices":[{"name":"d1","hardwareInfo":{"model":"Pixel 8","brand":"google"}},{"name":"d2","state":"ACTIVE"}],"nextPageToken":"t"}'


@pytest.mark.parametrize(
    "fields, expected",
    [
        ("nextPageToken,devices/name", b'{"devices":[{"name":"d1"},{"name":"d2"}],"nextPageToken":"t"}'),
        ("devices(name,state)", b'{"devices":[{"name":"d1"},{"name":"d2","state":"ACTIVE"}]}'),
        ("devices(hardwareInfo(model))", b'{"devices":[{"hardwareInfo":{"model":"Pixel 8"}},{}]}'),
        ("devices/hardwareInfo/model", b'{"devices":[{"hardwareInfo":{"model":"Pixel 8"}},{}]}'),
        ("devices/*/brand", b'{"devices":[{"hardwareInfo":{"brand":"google"}},{}]}'),
        ("*", BODY),
        (" nextPageToken , devices ( name ) ", b'{"devices":[{"name":"d1"},{"name":"d2"}],"nextPageToken":"t"}'),
        ("operations", b"{}"),
    ],
)
def test_only_what_was_selected_is_answered(fields: str, expected: bytes) -> None:
    assert expected == select_fields(BODY, parse_fields(fields))


@pytest.mark.parametrize("fields", [",", "a,", "a(", "a(b", "a)b", "a//b", "/a", "a()", "(a)", "a b", "a(" * 40 + "b" + ")" * 40])
def test_a_selector_that_is_none_is_refused(fields: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid field selection"):
        parse_fields(fields)
