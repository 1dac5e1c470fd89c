"""`heliograph record` before a real sandbox, as Google's own Python client uses it."""

import contextlib
import gzip
import http.client
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httplib2
import pytest
from click.testing import CliRunner
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from heliograph.cli import app
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from tests.forks import HELIOGRAPH
from tests.http_server import QuietHandler, serving
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.running import Running

DEVICE = "enterprises/sandbox/devices/pixel8-a14-fully-managed"
PASSWORD = "correct horse battery"


@contextlib.contextmanager
def recording(upstream: str, out: Path) -> Iterator[str]:
    """The proxy's address, for as long as the block lasts; it ends by SIGINT, though it was started by a shell that ignores that."""
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *HELIOGRAPH, "record", "--to", upstream, "--out", str(out)]
    with Running(command, stderr=subprocess.PIPE) as proxy:
        try:
            said = proxy.complaint()
            found = re.search(r"client at (http://\S+)", said)
            assert found is not None, said
            yield found[1]
        finally:
            proxy.send_signal(signal.SIGINT)
            try:
                _, said = proxy.communicate()
            finally:
                proxy.kill()  # it would keep the test, which waits for it
    assert ExitCode.OK == proxy.returncode
    count = len(lines(out))
    assert said.startswith(f"Recorded {count} call")
    assert bool(count) == (f"record summarise {out}" in said)


@contextlib.contextmanager
def client(url: str) -> Iterator[Any]:
    """Google's client, which finds the server's address in the discovery document that it gets there."""
    with contextlib.closing(httplib2.Http(timeout=PATIENCE_S)) as http:
        document = f"{url}/$discovery/rest?version=v1"
        yield build("androidmanagement", "v1", http=http, discoveryServiceUrl=document, static_discovery=False).enterprises()


def lines(file: Path) -> list[dict[str, Any]]:
    """The recording."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def device_of(enterprises: Any) -> str:  # noqa: ANN401
    """A device of the sandbox."""
    return str(enterprises.devices().list(parent="enterprises/sandbox").execute()["devices"][0]["name"])


def test_googles_client_is_recorded_and_gets_what_the_server_says(sandbox_url: str, tmp_path: Path) -> None:
    out = tmp_path / "recording.jsonl"
    with recording(sandbox_url, out) as url, client(url) as through, client(sandbox_url) as direct:
        device = device_of(through)
        body = {"type": "RESET_PASSWORD", "newPassword": PASSWORD, "duration": "300s"}
        issued = through.devices().issueCommand(name=device, body=body).execute()
        with pytest.raises(HttpError) as refused:
            through.devices().issueCommand(name=device, body={"type": PASSWORD}).execute()
        with pytest.raises(HttpError) as same:
            direct.devices().issueCommand(name=device, body={"type": PASSWORD}).execute()

        assert direct.devices().get(name=device).execute()["name"] == through.devices().get(name=device).execute()["name"]
        assert issued["name"] == direct.devices().operations().get(name=issued["name"]).execute()["name"]
    assert (same.value.status_code, same.value.content) == (refused.value.status_code, refused.value.content)

    text = out.read_text(encoding="utf-8")
    assert [] == [
        secret for secret in (PASSWORD, "correct", device.rpartition("/")[2], issued["name"].rpartition("/")[2]) if secret in text
    ]
    listed, first, second, got = lines(out)
    assert "androidmanagement.enterprises.devices.list" == listed["method"]
    assert first["name"] == second["name"] == got["name"] == got["answer"]["name"]
    assert {"type": "RESET_PASSWORD", "newPassword": "<hidden>", "duration": "300s"} == first["request"]
    assert ("300s", "RESET_PASSWORD") == (first["answer"]["metadata"]["duration"], first["answer"]["metadata"]["type"])
    assert "Invalid value at 'command.type'" in second["answer"]["error"]["message"]


def test_a_recording_becomes_candidates_for_the_ledger(sandbox_url: str, tmp_path: Path) -> None:
    out = tmp_path / "recording.jsonl"
    with recording(sandbox_url, out) as url, client(url) as enterprises:
        for _ in range(2):
            with pytest.raises(HttpError):
                enterprises.devices().get(name="enterprises/sandbox/devices/nobody").execute()

    result = CliRunner().invoke(app, ["record", "summarise", str(out), "--by", "me"], catch_exceptions=False)

    (claim,) = json.loads(result.output)
    (evidence,) = claim["evidence"]
    assert "`enterprises.devices.get` with `alt`" == claim["subject"]
    assert ("observed", 2, "me", lines(out)[0]["date"]) == tuple(evidence[field] for field in ("how", "n", "by", "date"))
    assert evidence["answer"].startswith("404: ")


@pytest.fixture
def upstream() -> Iterator[tuple[str, list[tuple[str, bytes, dict[str, str]]]]]:
    """A server that answers everything with gzip: its address, and the target, body and headers that it was sent."""
    came: list[tuple[str, bytes, dict[str, str]]] = []

    class Handler(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
            came.append((self.path, self.rfile.read(int(self.headers["Content-Length"])), dict(self.headers)))
            body = gzip.compress(b'{"done":  true}', mtime=0)
            self.send_response(200)
            for name, value in (("Content-Encoding", "gzip"), ("X-Own", "1"), ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as url:
        yield url, came


def test_requests_and_answers_pass_through_byte_for_byte(
    upstream: tuple[str, list[tuple[str, bytes, dict[str, str]]]], tmp_path: Path
) -> None:
    upstream_url, came = upstream
    target, out = "/v1/enterprises/a%2Bb/devices/d%20:issueCommand?x=%7e&x=+%zz&$.xgafv=2", tmp_path / "out"
    body = gzip.compress(b'{"type" : "LOCK"}')
    with (
        recording(upstream_url, out) as url,
        contextlib.closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)) as connection,
    ):
        connection.request("POST", target, body, {"Authorization": "Bearer s3cr3t", "Content-Encoding": "gzip"})
        answer = connection.getresponse()
        got = answer.read()

    (sent,) = came
    assert (target, body, "Bearer s3cr3t") == (sent[0], sent[1], sent[2]["Authorization"])
    assert (gzip.compress(b'{"done":  true}', mtime=0), "1") == (got, answer.headers["X-Own"])
    (line,) = lines(out)
    assert ({"type": "LOCK"}, {"done": True}) == (line["request"], line["answer"])
    assert "s3cr3t" not in out.read_text(encoding="utf-8")


def test_a_server_that_cannot_be_reached_is_a_502(tmp_path: Path) -> None:
    with (
        recording(f"http://127.0.0.1:{reserved_port()}", tmp_path / "out") as url,
        contextlib.closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)) as connection,
    ):
        connection.request("GET", f"/v1/{DEVICE}")

        assert http.client.BAD_GATEWAY == connection.getresponse().status


@pytest.mark.parametrize(
    "arguments", [("--to", "ftp://nowhere"), ("--to", "http://127.0.0.1:1", "--out", "{there}"), ("summarise", "{there}")]
)
def test_what_cannot_be_recorded_is_a_failure(arguments: tuple[str, ...], tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("not a recording", encoding="utf-8")

    failure = CliRunner().invoke(app, ["record", *(argument.format(there=there) for argument in arguments)]).exception

    assert isinstance(failure, Failure)
    assert ExitCode.INVALID == failure.exit_code
