"""A form of any message that steers a sandbox: filled as its example says, it is the example again."""

from typing import Any

import pytest

from heliograph.api.console.command_forms import lines_in
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import decode_message
from heliograph.sandbox.console.message_forms import PREFIX, body_in, fields_of, inputs_of
from heliograph.sandbox.messages import Steering
from heliograph.sandbox.steering_route import SteeringRoute
from heliograph.sandbox.worlds_routes import ALL_ROUTES

ROUTES = [row for row in ALL_ROUTES if row.body is not None]


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: row.id)
def test_a_form_that_is_filled_with_the_example_is_the_example(row: SteeringRoute[Any]) -> None:
    assert row.body is not None

    fields = fields_of(dict(row.example))

    assert dict(row.example) == body_in(row.body, fields)
    assert decode_message(row.body, body_in(row.body, fields), root="") is not None


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: row.id)
def test_an_empty_form_is_an_empty_message_and_every_input_has_a_name_of_its_own(row: SteeringRoute[Any]) -> None:
    assert row.body is not None
    inputs = inputs_of(row.body, {})

    assert {} == body_in(row.body, {one.name: [""] for one in inputs})
    assert len(inputs) == len({one.name for one in inputs})
    assert all(one.label for one in inputs)


def test_json_that_nests_deeper_than_can_be_read_is_said_to_be_none() -> None:
    with pytest.raises(InvalidArgument, match="report is not JSON"):
        body_in(Steering, {f"{PREFIX}report": ["[" * 100_000]})


def test_a_line_ends_where_people_end_it() -> None:
    assert ["fr=Bon\u2028jour", "de=Tag"] == lines_in(["fr=Bon\u2028jour\r\n\r\n  de=Tag  \r\n"])
