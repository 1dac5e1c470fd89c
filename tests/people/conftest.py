"""A server at which people sign in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from heliograph.server.browsers import first_invitation
from heliograph.settings import Settings
from tests.postgres import Cluster
from tests.sign_in.conftest import Guarded, guarded_server


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server keeps."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def guarded(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[Guarded]:
    """A server at which callers and people sign in; behind a TLS proxy it is https://mdm.example.com. On each engine in turn."""
    database_url = ""
    if request.param == "postgresql":
        postgres: Cluster = request.getfixturevalue("postgres")
        database_url = postgres.fresh_database()
    folder = data_dir / request.param
    settings = Settings(data_dir=folder, database_url=database_url, durable=False, public_urls=("https://mdm.example.com",))
    with guarded_server(settings) as server:
        yield server


@pytest.fixture
def first_link(tmp_path: Path) -> Iterator[str]:
    """The link that a server without people prints, for as long as that server runs."""
    settings = Settings(data_dir=tmp_path, durable=False)
    with guarded_server(settings) as server:
        link = server.run(first_invitation(settings, server.ports, server.url))
        assert link is not None
        yield link
