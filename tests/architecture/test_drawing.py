"""The drawing of the house says what the imports say."""

from pathlib import Path

import pytest

from scripts.architecture_page import arrows_of, direct, drawing, rooms, rounded, top_down


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Three rooms above each other, one a single module; the top one imports both below it, one of them inside a function."""
    files = {
        "attic/__init__.py": '"""Under the roof. And more."""\n',
        "attic/chest.py": "from heliograph import cellar\n\ndef open_it():\n    from heliograph.kitchen.table import fork\n",
        "kitchen/__init__.py": '"""Where things are cooked."""\n',
        "kitchen/table.py": "import heliograph.cellar\nimport os\nfrom heliograph.kitchen import table\n",
        "cellar.py": '"""Where it is cool."""\n',
        "__init__.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_an_import_anywhere_in_a_room_is_an_arrow(house: Path) -> None:
    assert {"attic": {"cellar", "kitchen"}, "kitchen": {"cellar"}, "cellar": set()} == arrows_of(house)


def test_the_drawing_leaves_out_what_a_longer_way_implies(house: Path) -> None:
    arrows = arrows_of(house)

    assert {"kitchen"} == direct(arrows, "attic")
    assert ["attic", "kitchen", "cellar"] == top_down(arrows)
    assert ["attic --> kitchen", "kitchen --> cellar"] == [line.strip() for line in drawing(house).splitlines() if "-->" in line]


def test_the_table_has_every_arrow_and_what_a_room_is(house: Path) -> None:
    assert "| `attic` | Under the roof. | 5 | cellar, kitchen |" in rooms(house)


@pytest.mark.parametrize("count, shown", [(5, 5), (98, 100), (1434, 1000), (5667, 6000)])
def test_a_size_has_one_digit_that_counts(count: int, shown: int) -> None:
    assert shown == rounded(count)
