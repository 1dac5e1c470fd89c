"""The filter of operations.list: what matches, how parts bind, and the errors of wrong filters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.filters import FilterView, parse_filter
from heliograph.protojson.errors import InvalidArgument

QUEUED = FilterView(done=False, type="LOCK", create_time_us=1_000_000)
FAILED = FilterView(done=True, type="WIPE", create_time_us=2_000_000, error_code=9)
SUCCEEDED = FilterView(done=True, type="REBOOT", create_time_us=3_000_000)
VIEWS = {"queued": QUEUED, "failed": FAILED, "succeeded": SUCCEEDED}


@pytest.mark.parametrize(
    "text,wanted",
    [
        ("", "queued failed succeeded"),
        ("  ", "queued failed succeeded"),
        ("done=true", "failed succeeded"),
        ("done = false", "queued"),
        ("done!=true", "queued"),
        ("done:true", "failed succeeded"),
        ('type="LOCK"', "queued"),
        ("type=LOCK", "queued"),
        ("metadata.type='LOCK'", "queued"),
        ('type!="LOCK"', "failed succeeded"),
        ('type="L\\OCK"', "queued"),
        ("type:*", "queued failed succeeded"),
        ('createTime>"1970-01-01T00:00:02Z"', "succeeded"),
        ('createTime>="1970-01-01T00:00:02Z"', "failed succeeded"),
        ('createTime<"1970-01-01T00:00:02Z"', "queued"),
        ('createTime<"1970-01-01T00:00:02.000000001Z"', "queued failed"),
        ('createTime<="1970-01-01T01:00:02+01:00"', "queued failed"),
        ('create_time="1970-01-01T00:00:02Z"', "failed"),
        ('metadata.createTime!="1970-01-01T00:00:02Z"', "queued succeeded"),
        ("metadata.create_time>1970-01-01T00:00:02Z", "succeeded"),
        ("createTime>1970-01-01T00:00:00Z done=false", "queued"),
        ("error:*", "failed"),
        ("-error:*", "queued succeeded"),
        ("NOT error:*", "queued succeeded"),
        ("NOT NOT error:*", "failed"),
        ("error.code:*", "failed"),
        ("error.code=9", "failed"),
        ("error.code:9", "failed"),
        ("error.code!=1", "failed"),  # a field that is not set matches no comparison
        ("error.code>=9", "failed"),
        ("error.code<9", ""),
        ("done=true error:*", "failed"),
        ("done=true AND error:*", "failed"),
        ("type=LOCK OR type=WIPE", "queued failed"),
        ("type=LOCK OR type=WIPE AND done=true", "failed"),  # OR binds tighter than AND
        ("done=true AND type=LOCK OR type=WIPE", "failed"),
        ("type=LOCK OR (type=WIPE AND done=true)", "queued failed"),
        ("type=LOCK OR type=WIPE done=true", "failed"),  # and tighter than white space
        ("-(type=LOCK OR type=WIPE)", "succeeded"),
        ("NOT(type=LOCK)done=true", "failed succeeded"),
        ("(((done=true)))", "failed succeeded"),
        ("-done=true OR type=WIPE", "queued failed"),
    ],
)
def test_a_filter_wants(text: str, wanted: str) -> None:
    found = parse_filter(text)

    assert wanted.split() == [name for name, view in VIEWS.items() if found.matches(view)]


@pytest.mark.parametrize(
    "text,why",
    [
        ("done", "at character 5: expected one of = : != < <= > >="),
        ("LOCK", 'at character 1: "LOCK" is not a field to filter by'),
        ("done=maybe", "at character 6: expected true or false as the value of done"),
        ("done=TRUE", "at character 6: expected true or false as the value of done"),
        ("done<true", "at character 5: done can only be compared with = != :"),
        ("type>LOCK", "at character 5: type can only be compared with = != :"),
        ("type=LOKC", "at character 6: 'LOKC' is not a type; the types are LOCK, WIPE"),
        ("state=OPEN", 'at character 1: "state" is not a field to filter by'),
        ("done=true and type=LOCK", 'at character 11: "and" is not a field to filter by (write AND)'),
        ("createTime>yesterday", "at character 12: expected an RFC 3339 time"),
        ("error=1", "at character 6: write error as error:*, its code as error.code"),
        ('error:"*"', "at character 6: write error as error:*"),
        ("error.code=CANCELLED", "at character 12: expected a google.rpc.Code number"),
        ("error.code=\u0661", "at character 12: expected a google.rpc.Code number"),
        ("done=", "at character 6: expected a value"),
        ("done=()", "at character 6: expected a value"),
        ("done==true", "at character 6: expected true or false"),
        ('type="LOCK', "at character 6: a quote is not closed"),
        ("done!true", "at character 5: unexpected character"),
        ("(done=true", "at character 11: expected )"),
        ("done=true)", "at character 10: expected AND, OR or the end"),
        ("()", "at character 2: expected a field"),
        ("AND done=true", "at character 1: expected a field"),
        ("done=true OR", "at character 13: expected a field"),
        ("done=true AND AND done=true", "at character 15: expected a field"),
        ("NOT", "at character 4: expected a field"),
        ('"done"=true', "at character 1: expected a field"),
        ("(" * 100, "at character 34: more than 32 parentheses and negations"),
        ("-" * 100 + "(done=true)", "at character 1: "),
        ("NOT " * 100 + "done=true", "more than 32 parentheses and negations"),
        ("x" * 2049, "it has 2049 characters; at most 2048 are allowed."),
    ],
)
def test_a_wrong_filter_is_told_where_and_what_is_possible(text: str, why: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_filter(text, types=("LOCK", "WIPE"))

    [violation] = caught.value.violations
    assert "filter" == violation.field
    assert why in violation.description
    assert len(text) > 2048 or "Possible: done=true" in violation.description


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["done", "=", "true", "(", ")", "-", "NOT ", " AND ", " OR ", ":*", "error", '"', " "])).map("".join)
)
def test_any_text_is_a_filter_or_an_error(text: str) -> None:
    try:
        answer: bool | list[str] = parse_filter(text).matches(QUEUED)
    except InvalidArgument as error:
        answer = [violation.field for violation in error.violations]

    assert answer in (True, False, ["filter"])
