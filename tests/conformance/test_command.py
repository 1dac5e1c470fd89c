"""`heliograph conformance`: its table, its exit codes, and that without `--yes` nothing changes."""

import json
import re
import sys
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from heliograph.cli import app
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.conformance.ledger import ledger
from heliograph.conformance.probes import PROBES
from heliograph.conformance.run import Standing, standing_of
from tests.e2e.program import on_a_terminal
from tests.http_server import QuietHandler, serving
from tests.ports import reserved_port
from tests.sandbox.client import Client


def ran(*arguments: str) -> Result:
    """The command, ended."""
    return CliRunner().invoke(app, ["conformance", *arguments], env={"COLUMNS": "80"}, catch_exceptions=True)


def failed(*arguments: str) -> Failure:
    """The command's failure."""
    failure = ran(*arguments).exception
    assert isinstance(failure, Failure)
    return failure


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str | None]]]:
    """A server that answers everything with an empty object: its address, and the credentials that it was sent."""
    credentials: list[str | None] = []

    class Handler(QuietHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            credentials.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    for method in ("GET", "POST"):
        setattr(Handler, f"do_{method}", Handler.answer)
    with serving(Handler) as url:
        yield url, credentials


def test_what_a_server_says_does_nothing_to_the_terminal() -> None:
    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            body = b'{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "\xc2\x9b2J"}}'
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as url:
        result = ran("--against", url)

    assert re.search("The server: .*�2J", result.output)
    assert "\x9b" not in result.output


def test_every_answer_of_a_sandbox_is_scored(sandbox_url: str) -> None:
    result = ran("--against", sandbox_url, "--device", "all", "--yes")

    assert ExitCode.OK == result.exit_code
    assert "NOT_IN_LOST_MODE" in result.output
    assert re.search(r"^\d+ as documented, \d+ as observed, \d+ as assumed, 3 not as assumed.$", result.output, re.MULTILINE)
    assert (
        "default-duration: `metadata.duration` of a command issued without one. AMAPI: left out (assumed). The server: 600s."
        in result.output
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_the_table_fits_a_terminal_of_80_columns_and_keeps_every_claims_name_whole(sandbox_url: str) -> None:
    printed = on_a_terminal(80, "conformance", "--against", sandbox_url, "--device", "all")

    lines = [line.rstrip() for line in printed.splitlines()]
    assert max(map(len, lines)) <= 80
    words = {word.strip(",.:") for line in lines for word in line.split()}
    assert {claim for claim, known in ledger().items() if known.probe} <= words
    assert 1 == printed.count("Not tried, needs --yes")


def test_without_yes_nothing_is_issued_and_nothing_made(sandbox_url: str) -> None:
    sandbox = Client(sandbox_url)
    sandbox.post("/sandbox/v1:reset")

    result = ran("--against", sandbox_url, "--device", "all", "--json")

    said = json.loads(result.output)
    assert sum(probe.changes for probe in PROBES.values()) == said["score"]["not tried"]
    assert [] == sandbox.get("/sandbox/v1/operations").get("operations", [])


def test_a_probe_without_its_device_is_not_tried_and_says_what_it_needs(sandbox_url: str) -> None:
    result = ran("--against", sandbox_url, "--device", "zebra-tc52-a10-dedicated", "--yes", "--json")

    found = {row["claim"]: (row["standing"], row["answer"]) for row in json.loads(result.output)["results"]}
    assert ("not tried", "needs a personally-owned device") == found["silent-on-personal"]
    assert ("as observed", "the milliseconds of createTime") == found["operation-id"]


def test_a_server_that_is_not_like_amapi_is_found_out(asked: tuple[str, list[str | None]]) -> None:
    url, credentials = asked

    result = ran("--against", url, "--token", "a-token", "--json")

    found = {row["claim"]: row["standing"] for row in json.loads(result.output)["results"]}
    assert ExitCode.FAILED == result.exit_code
    assert {"otherwise"} == {found[claim] for claim in ("unknown-enterprise", "unknown-field", "unknown-device", "pretty-print")}
    assert {"Bearer a-token"} == set(credentials)


def test_answers_in_another_form_are_found_out_too(asked: tuple[str, list[str | None]]) -> None:
    url, _credentials = asked

    result = ran("--against", url, "--device", "phone", "--yes", "--json")

    found = {row["claim"]: (row["standing"], row["answer"]) for row in json.loads(result.output)["results"]}
    assert ExitCode.FAILED == result.exit_code
    assert ("otherwise", "not in AMAPI's form") == found["operation-id"]


@pytest.mark.parametrize(
    "arguments, code",
    [
        (("--against", "ftp://nowhere"), ExitCode.INVALID),
        (("--against", "http://127.0.0.1:{port}"), ExitCode.UNAVAILABLE),
        (("--against", "{sandbox}", "--device", "nothing"), ExitCode.NOT_FOUND),
    ],
)
def test_what_cannot_be_asked_is_a_failure_with_its_code(sandbox_url: str, arguments: tuple[str, ...], code: ExitCode) -> None:
    given = [argument.format(port=reserved_port(), sandbox=sandbox_url) for argument in arguments]

    assert code == failed(*given).exit_code


def test_an_answer_stands_by_the_best_evidence_for_it() -> None:
    claim = ledger()["silent-on-personal"]

    assert Standing.AS_DOCUMENTED is standing_of(claim, "errorCode MANAGEMENT_MODE")
    assert Standing.AS_OBSERVED is standing_of(claim, "a plain response")
    assert Standing.OTHERWISE is standing_of(claim, "errorCode UNSUPPORTED")
