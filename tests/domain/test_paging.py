"""Page sizes are coerced, tokens hold for their query only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.paging import coerce_page_size, decode_page_token, encode_page_token
from heliograph.protojson.errors import InvalidArgument

KEY = b"a key of this server"
QUERY = "enterprises/e/devices/d/operations?filter=done=true"


@pytest.mark.parametrize("raw,size", [(None, 10), (0, 10), (1, 1), (100, 100), (101, 100), (2**31 - 1, 100)])
def test_a_page_size_is_coerced(raw: int | None, size: int) -> None:
    assert size == coerce_page_size(raw, default=10, maximum=100)


def test_a_negative_page_size_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="page_size must not be negative: -1"):
        coerce_page_size(-1, default=10, maximum=100)


@given(st.binary(min_size=1), st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_token_gives_its_position_back(key: bytes, query: str, position: str) -> None:
    token = encode_page_token(key, query, position=position)

    assert position == decode_page_token(key, query, token=token)
    assert token.replace("-", "").replace("_", "").isalnum()


def test_an_empty_token_is_none() -> None:
    assert decode_page_token(KEY, QUERY, token="") is None


TOKEN = encode_page_token(KEY, QUERY, position="1786048723669")


@pytest.mark.parametrize(
    "key,query,token",
    [
        (b"another key", QUERY, TOKEN),
        (KEY, "enterprises/e/devices/other/operations", TOKEN),
        (KEY, QUERY, TOKEN[:-2]),
        (KEY, QUERY, TOKEN + "AA"),
        (KEY, QUERY, ("B" if TOKEN[0] == "A" else "A") + TOKEN[1:]),
        (KEY, QUERY, "AAAA"),
        (KEY, QUERY, "not base64!"),
        (KEY, QUERY, "tökén"),
    ],
)
def test_a_token_that_was_tampered_with_or_is_of_another_query_is_refused(key: bytes, query: str, token: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid page token") as caught:
        decode_page_token(key, query, token=token)

    assert "page_token" == caught.value.violations[0].field
