"""Query strings: what every method takes, and its own parameters."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.api.app import METHODS
from heliograph.api.http.query import USUAL, NoQuery, PageQuery, Query, parse_query, read_own, read_plainly
from heliograph.protojson.errors import InvalidArgument, Unimplemented
from heliograph.protojson.messages import Message, decode_message
from tests.discovery import document


class Typed(Message):
    """One parameter of each kind."""

    flag: bool = False
    names: tuple[str, ...] = ()


def test_every_common_parameter_of_the_discovery_document_is_accepted() -> None:
    taken = {name: parse_query(f"{name}=1".encode()) for name in document()["parameters"] if name not in {"alt", "callback"}}

    assert {} == {name: query for name, query in taken.items() if query.own or query.rejection is not None}


def test_the_usual_query_strings_mean_what_parsing_them_says() -> None:
    assert {text: parse_query(text) for text in USUAL} == dict(USUAL)
    assert Query(pretty=False) == USUAL[b"alt=json&prettyPrint=false"]


@pytest.mark.parametrize("text", ["prettyPrint=false", "prettyPrint=0"])
def test_an_answer_is_compact_when_the_caller_says_so(text: str) -> None:
    assert not parse_query(text.encode()).pretty


@pytest.mark.parametrize("text", ["alt=proto", "alt=media", "callback=cb"])
def test_a_form_of_answer_that_is_not_offered_is_said_so(text: str) -> None:
    assert isinstance(parse_query(text.encode()).rejection, Unimplemented)


@pytest.mark.parametrize("text", ["alt=yaml", "prettyPrint=maybe", "pageToken=%ff", "&".join(["a=1"] * 300)])
def test_a_query_that_cannot_be_read_is_refused(text: str) -> None:
    assert isinstance(parse_query(text.encode()).rejection, InvalidArgument)


def test_an_unknown_parameter_is_refused_in_googles_words() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        read_own(NoQuery, parse_query(b"orderBy=name").own)

    assert (
        'Invalid JSON payload received. Unknown name "orderBy": Cannot bind query parameter. '
        "Field 'orderBy' could not be found in request message."
    ) == refusal.value.message


@pytest.mark.parametrize("text", ["pageSize=5&pageToken=t", "page_size=5&page_token=t", "pageSize=9&pageSize=5&pageToken=t"])
def test_a_parameter_may_be_written_in_both_spellings_and_its_last_value_counts(text: str) -> None:
    assert PageQuery(page_size=5, page_token="t") == read_own(PageQuery, parse_query(text.encode()).own)


@pytest.mark.parametrize("value", ["x", "1.5", "99999999999", "true"])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid value at 'page_size'"):
        read_own(PageQuery, parse_query(f"pageSize={value}".encode()).own)


@given(
    st.sampled_from(sorted({method.query for method in METHODS}, key=lambda message: message.__name__)),
    st.data(),
)
def test_what_is_read_plainly_is_what_the_walk_reads(message: type[msgspec.Struct], data: st.DataObject) -> None:
    names = [name for field in msgspec.structs.fields(message) for name in (field.name, field.encode_name)]
    numbers = st.integers().map(str)
    texts = (
        st.sampled_from(["", "-0", "00", "7", "007", "+7", "7.0", "999999999", "2147483648", " 7", "true"]) | numbers | st.text(max_size=3)
    )
    own = data.draw(st.dictionaries(st.sampled_from([*names, "other"]), st.lists(texts, min_size=1, max_size=2), max_size=3))

    plain = read_plainly(message, own)

    assert plain is None or plain == decode_message(message, {name: found[-1] for name, found in own.items()}, root="")


def test_lists_and_flags_are_read() -> None:
    assert Typed(flag=True, names=("a", "b")) == read_own(Typed, parse_query(b"names=a&names=b&flag=true").own)


def test_a_flag_is_true_or_false() -> None:
    with pytest.raises(InvalidArgument, match="Invalid value at 'flag'"):
        read_own(Typed, parse_query(b"flag=yes").own)
