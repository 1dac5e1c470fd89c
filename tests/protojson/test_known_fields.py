"""What a newer peer says in fields that this version does not have is left out."""

import pytest

from heliograph.protojson.messages import decode_message, known_fields
from tests.protojson.sample_messages import HushParams, RingParams, Sample


def test_unknown_fields_are_left_out_at_any_depth_and_the_rest_is_read() -> None:
    said = {
        "name": "n",
        "newer": 1,
        "ring_params": {"packageNames": ["a"], "newer": {}, "reason": {"localizedMessages": {"de": "Hallo"}, "newer": []}},
        "results": {"newer": {"loudness": 1, "newer": 2}},
        "many": [{"loudness": 2}, {"newer": 3}],
    }

    message = decode_message(Sample, known_fields(Sample, said), root="sample")

    assert ("n", {"newer": HushParams(loudness=1)}, (HushParams(loudness=2), HushParams())) == (
        message.name,
        message.results,
        message.many,
    )
    assert isinstance(message.ring_params, RingParams)
    assert ("a",) == message.ring_params.package_names
    assert message.ring_params.reason is not None
    assert {"de": "Hallo"} == message.ring_params.reason.localized_messages


@pytest.mark.parametrize("value", [None, 1, "text", ["newer"], {"many": 1}, {"results": [1]}, {"ringParams": "x"}])
def test_what_is_of_another_type_stays_for_the_reader_to_refuse(value: object) -> None:
    assert value == known_fields(Sample, value)
