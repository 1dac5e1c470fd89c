"""The drift gate: what Google's document has and we have not looked at fails, with the text of the issue to write."""

import copy

from scripts.drift import issue, known_surface, surface
from tests.discovery import document


def test_nothing_of_googles_document_is_unknown() -> None:
    text = issue(document(), known_surface())

    assert not text, text


def test_a_new_method_field_and_enum_value_and_a_field_that_is_gone_are_written_into_the_issue() -> None:
    known = known_surface()
    changed = copy.deepcopy(document())
    devices = changed["resources"]["enterprises"]["resources"]["devices"]["methods"]
    devices["ring"] = {**devices["get"], "id": "androidmanagement.enterprises.devices.ring"}
    changed["schemas"]["Command"]["properties"]["ringParams"] = {"$ref": "RingParams"}
    changed["schemas"]["Command"]["properties"]["type"]["enum"].append("RING")
    del changed["schemas"]["Device"]["properties"]["apiLevel"]

    new, _, gone = issue(changed, known).partition("Gone:")

    assert "- `method androidmanagement.enterprises.devices.ring GET " in new
    assert "- `parameter androidmanagement.enterprises.devices.ring name`" in new
    assert "- `field Command.ringParams`" in new
    assert "- `enum Command.type RING`" in new
    assert "- `field Device.apiLevel`" in gone


def test_the_surface_is_the_whole_document() -> None:
    lines = list(surface(document()))

    assert len(lines) == len(set(lines))
    assert {"method", "parameter", "field", "enum"} == {line.partition(" ")[0] for line in lines}
