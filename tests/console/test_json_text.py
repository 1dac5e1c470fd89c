"""JSON as people edit it: each mistake at its place, and what a change changes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.api.console.json_text import EXCERPT_MAX_CHARS, LINES_COMPARED_MOST, diff, mistakes_in, places_in
from heliograph.domain.policy_messages import Policy
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import decode_message

PROTO = {"cameraDisabled": "camera_disabled", "packageName": "package_name"}
NAMES = st.sampled_from([*PROTO, "a", 'with "quotes"', "ü", "new\nline"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
LINES = st.lists(st.sampled_from(["{", "}", '"a": 1,', '"b": 2,', "  x", ""]), max_size=30)


@given(value=ANY_JSON, indent=st.sampled_from([None, 0, 2, 3]))
def test_every_value_is_found_where_it_stands(value: Any, indent: int | None) -> None:  # noqa: ANN401 - any JSON
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    lines = text.split("\n")
    places = places_in(text, root="policy")

    def look(inner: Any, path: str) -> None:  # noqa: ANN401 - any JSON
        if isinstance(inner, dict):
            for name, item in inner.items():
                line, column = places[f"{path}.{name}"]
                assert lines[line - 1][column - 1 :].startswith(json.dumps(name, ensure_ascii=False))
                look(item, f"{path}.{PROTO.get(name, name)}")
        elif isinstance(inner, list):
            for index, item in enumerate(inner):
                line, column = places[f"{path}[{index}]"]
                start = "{" if isinstance(item, dict) else "[" if isinstance(item, list) else json.dumps(item, ensure_ascii=False)
                assert lines[line - 1][column - 1 :].startswith(start)
                look(item, f"{path}[{index}]")

    look(value, "policy")


@pytest.mark.parametrize(
    "text, line, column, words",
    [
        ('{\n  "cameraDisabled": yes\n}', 2, 21, "Expected a value."),
        ('{\n  "cameraDisabld": true\n}', 2, 3, "cameraDisabled"),
        ('{\n  "cameraDisabled": "maybe"\n}', 2, 3, "camera_disabled"),
        ('{"applications": [\n  {"packageName": "a"},\n  {"packageName": "b", "installType": "FORCED"}\n]}', 3, 24, "install_type"),
        ('{\n"applications": [\n{"packageNam": "a"}]}', 3, 2, "packageName"),
        ('{"cameraDisabled": true', 1, 24, "Expected , or }"),
        ("[]", 0, 0, "Root element must be a message"),
        ("9" * 5_000, 0, 0, "Root element must be a message"),
        ('{"funDisabled": ' + "9" * 5_000 + "}", 1, 2, "fun_disabled"),
        ('{"shortSupportMessage": {"defaultMessage": "a\u2028b\u0085"},\n  "cameraDisabled": "maybe"\n}', 2, 3, "camera_disabled"),
    ],
)
def test_each_mistake_of_a_policy_is_shown_at_its_line(text: str, line: int, column: int, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        decode_message(Policy, text, root="policy")

    mistake = mistakes_in(text, caught.value, root="policy")[0]

    assert (line, column) == (mistake.line, mistake.column)
    assert words in mistake.text
    assert mistake.excerpt == (text.split("\n")[line - 1].strip()[:EXCERPT_MAX_CHARS] if line else "")


@given(before=LINES, after=LINES)
def test_a_difference_says_what_goes_and_what_comes(before: list[str], after: list[str]) -> None:
    old, new = [f"{line}{number % 3}" for number, line in enumerate(before)], [f"{line}{number % 3}" for number, line in enumerate(after)]

    lines = diff("\n".join(old), "\n".join(new))

    assert bool(lines) == (old != new)
    if all(line.sign != "…" for line in lines):
        assert not lines or old == [line.text for line in lines if line.sign in " -"]
        assert not lines or new == [line.text for line in lines if line.sign in " +"]


def test_a_change_from_one_separator_to_another_within_a_text_is_one() -> None:
    lines = diff('"a\u2028b"', '"a\u2029b"')

    assert ["-", "+"] == [line.sign for line in lines]


def test_a_long_text_that_is_all_new_is_compared_at_once() -> None:
    old, new = [f"{number}" for number in range(LINES_COMPARED_MOST + 1)], [f"{-number}" for number in range(1, 3 * LINES_COMPARED_MOST)]

    lines = diff("\n".join(old), "\n".join(new))

    assert (len(old), len(new)) == (len([1 for line in lines if line.sign == "-"]), len([1 for line in lines if line.sign == "+"]))
