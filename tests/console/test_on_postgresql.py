"""The console of a server on PostgreSQL: every page is shown, and no form makes it fail."""

from pathlib import Path

from heliograph.api.console.app import PAGES
from heliograph.settings import Settings
from tests.console.test_every_page import House, asked
from tests.sign_in.conftest import guarded_server


def test_every_page_is_shown_and_no_empty_form_fails(database: str, tmp_path: Path) -> None:
    own = {"data_dir": tmp_path, "key_file": tmp_path / "key", "database_url": database}
    settings = Settings(**own, public_urls=("https://mdm.example.com",), push_allow_networks=("127.0.0.0/8",))  # type: ignore[arg-type]
    with guarded_server(settings) as server:
        house = House(server)

        shown = {row.path: asked(house.admin, row, house.examples) for row in PAGES if row.http == "GET"}
        health, enterprises = (house.admin.get(f"/console/{path}").page for path in ("health", "enterprises"))
        sent = {row.path: asked(house.admin, row, house.examples) for row in PAGES if row.http == "POST"}

    assert {} == {path: status for path, status in shown.items() if status not in {200, 303, 404}}
    assert "PostgreSQL" in health
    assert '<td data-name="Devices">1</td>' in enterprises
    assert {} == {path: status for path, status in sent.items() if status >= 500}
