"""From `make apk` to a phone that knows its server: what a factory-fresh phone does with the QR code, over real TLS."""

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import zxingcpp
from PIL import Image

from heliograph.apk.agent_apk import read_agent
from scripts.build_apk import Built
from tests.android.apk import checksum_by_apksigner
from tests.e2e.program import running_server
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S
from tests.tls_front import TlsFront, tls_front

HOST = "mdm.example.com"
EXTRA = "android.app.extra.PROVISIONING_"


@dataclass(frozen=True)
class Server:
    """`heliograph serve` behind TLS."""

    url: str
    front: TlsFront
    enterprise: str = ""

    def run(self, *arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
        """`heliograph` with these arguments, ended; the admin works on the server's own machine."""
        environment = {**os.environ, "HELIOGRAPH_SERVER": self.url, "HELIOGRAPH_ENTERPRISE": self.enterprise, "COLUMNS": "160"}
        return subprocess.run(
            [*HELIOGRAPH, *arguments], env=environment, input=input, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )


@pytest.fixture(scope="module")
def server(full: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    with tls_front(folder, HOST) as front, running_server(
        "--no-auth", "--data-dir", str(folder / "data"), "--public-url", front.url, "--agent-apk", str(full.apk), stderr=subprocess.DEVNULL
    ) as (url, _):  # fmt: skip
        front.to_port = int(urlsplit(url).port or 0)
        server = Server(url, front)
        made = server.run("enterprises", "create", "--agreement-accepted", "--json")
        assert made.returncode == 0, made.stderr
        yield replace(server, enterprise=json.loads(made.stdout)["name"])


def downloaded(front: TlsFront, location: str) -> tuple[bytes, str | None]:
    """As a phone downloads it: by the name in the address, which the certificate must have. Only this test knows where the name leads."""
    address = urlsplit(location)
    context = ssl.create_default_context(cafile=str(front.certificate))
    connection = http.client.HTTPSConnection(str(address.hostname), int(address.port or 443), timeout=PATIENCE_S)
    connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", front.port), PATIENCE_S), server_hostname=address.hostname)
    with contextlib.closing(connection):
        connection.request("GET", address.path)
        answer = connection.getresponse()
        return answer.read(), answer.getheader("content-type")


def token_for_phones(server: Server, *arguments: str, input: str = "") -> dict[str, Any]:
    made = server.run("tokens", "create", "--json", *arguments, input=input)
    assert made.returncode == 0, made.stderr
    token: dict[str, Any] = json.loads(made.stdout)
    return token


def test_a_phone_that_scans_the_code_downloads_the_agent_and_finds_its_signer(server: Server, full: Built) -> None:
    code = json.loads(token_for_phones(server)["qrCode"])

    content, media_type = downloaded(server.front, code[f"{EXTRA}DEVICE_ADMIN_PACKAGE_DOWNLOAD_LOCATION"])

    assert full.apk.read_bytes() == content
    assert "application/vnd.android.package-archive" == media_type
    assert checksum_by_apksigner(full.apk) == code[f"{EXTRA}DEVICE_ADMIN_SIGNATURE_CHECKSUM"]
    assert read_agent(content).admin_component == code[f"{EXTRA}DEVICE_ADMIN_COMPONENT_NAME"]


def test_the_picture_and_the_drawing_hold_the_code_with_a_network_that_the_server_never_saw(server: Server, tmp_path: Path) -> None:
    picture = tmp_path / "token.png"
    wifi = ("--wifi-ssid", "Guests", "--wifi-password-file", "-")

    token = token_for_phones(server, *wifi, "--qr-png", str(picture), input="open sesame\n")
    drawn = server.run("tokens", "create", *wifi, "--qr", input="open sesame\n").stdout

    assert token["qrCode"] == scanned(Image.open(picture))
    assert 0o600 == picture.stat().st_mode & 0o777
    code = json.loads(scanned(picture_of(drawn)))
    assert ("Guests", "WPA", "open sesame") == tuple(code[f"{EXTRA}WIFI_{name}"] for name in ("SSID", "SECURITY_TYPE", "PASSWORD"))
    assert code[f"{EXTRA}ADMIN_EXTRAS_BUNDLE"]["enrollment_token"] in drawn
    assert "allowlist" in drawn
    assert "Guests" not in server.run("tokens", "list", "--json").stdout


def test_a_picture_never_replaces_a_file_and_then_no_token_is_made(server: Server, tmp_path: Path) -> None:
    picture = tmp_path / "token.png"
    picture.write_text("mine")
    before = server.run("tokens", "list").stdout

    refused = server.run("tokens", "create", "--qr-png", str(picture))

    assert (2, "mine") == (refused.returncode, picture.read_text())
    assert "exists already" in refused.stderr
    assert before == server.run("tokens", "list").stdout


def scanned(picture: Image.Image) -> str:
    """What a phone's camera reads: ZXing, as in Android's setup wizard."""
    codes = zxingcpp.read_barcodes(picture)
    assert [zxingcpp.BarcodeFormat.QRCode] == [code.format for code in codes]
    return str(codes[0].text)


def picture_of(drawn: str) -> Image.Image:
    """The characters of a terminal as it shows them: two modules each, light on dark."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in drawn.splitlines() if set("▀▄█") & set(line)]
    lit = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}
    inverse = "\x1b[7m" in drawn
    width = max(map(len, lines))
    image = Image.new("L", (width, 2 * len(lines)))
    for row, line in enumerate(lines):
        for column, character in enumerate(line.ljust(width)):
            for half, light in enumerate(lit[character]):
                image.putpixel((column, 2 * row + half), 255 - light if inverse else light)
    return image.resize((width * 8, len(lines) * 16), Image.Resampling.NEAREST)


@pytest.mark.parametrize("command", ["serve", "sandbox"])
@pytest.mark.parametrize(
    "content, sentence",
    [(None, "Cannot read"), (b"text", "is not an agent for phones. It is not an APK"), (b"PK\5\6" + bytes(18), "sign it with apksigner")],
)
def test_a_server_does_not_start_with_a_file_that_phones_would_refuse(
    command: str, content: bytes | None, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "agent.apk"
    if content is not None:
        file.write_bytes(content)

    ended = subprocess.run(
        [sys.executable, "-m", "heliograph", command, "--port", "0", "--agent-apk", str(file)],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip

    assert (2, "") == (ended.returncode, ended.stdout)
    assert sentence in ended.stderr
    assert str(file) in ended.stderr
