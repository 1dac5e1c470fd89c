"""Field masks: paths in either spelling, checked against a message, applied to one."""

import pytest

from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.field_mask import apply_mask, parse_field_mask, set_fields
from tests.protojson.sample_messages import RingParams, Sample


@pytest.mark.parametrize(
    "text,paths",
    [
        ("", ()),
        ("newPassword", ("new_password",)),
        ("new_password,newPassword", ("new_password",)),
        ("*", tuple(Sample.__struct_fields__)),
        ("name,ringParams.reason.defaultMessage", ("name", "ring_params.reason.default_message")),
    ],
)
def test_a_mask_is_read(text: str, paths: tuple[str, ...]) -> None:
    assert paths == parse_field_mask(text, of=Sample)


@pytest.mark.parametrize(
    "text", ["nope", "name,", "name.first", "many.loudness", "ringParams.nope", "ring-params", "*,name", "ringParams.*", " name"]
)
def test_a_path_to_nowhere_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="is not a field path") as caught:
        parse_field_mask(text, of=Sample)

    assert "update_mask" == caught.value.violations[0].field


def test_only_the_fields_of_the_mask_change() -> None:
    old = Sample(name="old", count=1, ring_params=RingParams(package_names=("a",)))
    new = Sample(name="new", count=2, ring_params=RingParams(reason=UserFacingMessage(default_message="why")))

    assert Sample(name="new", count=1, ring_params=old.ring_params) == apply_mask(old, new, ["name"])
    assert Sample(name="old", count=1, ring_params=new.ring_params) == apply_mask(old, new, ["ring_params"])

    expected = RingParams(package_names=("a",), reason=UserFacingMessage(default_message="why"))
    assert expected == apply_mask(old, new, ["ring_params.reason.default_message"]).ring_params


def test_a_path_into_an_absent_message_makes_it_only_where_there_is_something_to_set() -> None:
    given = Sample(ring_params=RingParams(package_names=("a",)))

    assert given == apply_mask(Sample(), given, ["ring_params.package_names"])
    assert Sample() == apply_mask(Sample(), Sample(), ["ring_params.package_names"])
    assert RingParams() == apply_mask(given, Sample(), ["ring_params.package_names"]).ring_params


def test_without_a_mask_the_fields_that_are_set_change() -> None:
    assert () == set_fields(Sample())
    assert ("name", "ring_params") == set_fields(Sample(ring_params=RingParams(package_names=("a",)), name="new", count=0))
