"""Which servers the APK's agent believes: its classes call a real one behind TLS, over HTTP and over a WebSocket."""

import asyncio
import hashlib
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from scripts.android_tools import program, run
from tests.agent.lab import Lab, port_of
from tests.android.apk import skipped_without_tools
from tests.hung import Watched
from tests.tls_front import TlsFront, tls_front

ANSWERED = ["401", "401"]
"""By the server, which knows no such phone."""
REFUSED = ["SSLHandshakeException", "SSLHandshakeException"]
OTHER_KEY = "5f" * 32
ITS_OWN = "its own"
PASSWORD = "of no worth"


class Case(NamedTuple):
    """A server's certificate, and what the phone knows of it."""

    host: str = "localhost"
    """What it is for; the phone calls localhost."""
    trusted: bool = True
    pins: tuple[str, ...] = ()
    """Empty, or of keys; ITS_OWN stands for the certificate's."""


def trusting(certificate: Path, folder: Path) -> list[str]:
    """The options with which a JVM trusts this certificate and no other, as a phone its system's roots."""
    store = folder / "roots.p12"
    with skipped_without_tools():
        run([
            program("keytool"), "-importcert", "-noprompt", "-alias", "root", "-file", certificate, "-keystore", store,
            "-storetype", "PKCS12", "-storepass", PASSWORD,
        ])  # fmt: skip
    return [f"-Djavax.net.ssl.trustStore={store}", f"-Djavax.net.ssl.trustStorePassword={PASSWORD}"]


def key_of(front: TlsFront) -> str:
    """What pins its certificate's key."""
    key = load_pem_x509_certificate(front.certificate.read_bytes()).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


async def said_to(url: str, class_path: str, options: list[str], pins: list[str]) -> list[str]:
    """What the agent's classes get from the server: over HTTP, over a WebSocket."""
    command = [program("java"), "-XX:TieredStopAtLevel=1", *options, "-cp", class_path, "org.heliograph.agent.protocol.Caller", url]
    process = await asyncio.create_subprocess_exec(*command, *([",".join(pins)] if pins else []), stdout=asyncio.subprocess.PIPE)
    with Watched(process.pid):
        out, _ = await process.communicate()
    return out.decode().split()


@pytest.mark.parametrize(
    "case, expected",
    [
        (Case(), ANSWERED),
        (Case(pins=(OTHER_KEY, ITS_OWN)), ANSWERED),
        (Case(pins=(OTHER_KEY,)), REFUSED),
        (Case(trusted=False), REFUSED),
        (Case(trusted=False, pins=(ITS_OWN,)), REFUSED),
        (Case(host="mdm.example.com"), REFUSED),
    ],
    ids=["trusted", "pinned", "another key", "unknown root", "a pin is no trust", "another name"],
)
async def test_the_agent_speaks_to_a_server_that_its_system_trusts_and_its_pins_allow(
    lab: Lab, class_path: str, tmp_path: Path, case: Case, expected: list[str]
) -> None:
    with tls_front(tmp_path, case.host) as front:
        front.to_port = port_of(lab.url)
        options = trusting(front.certificate, tmp_path) if case.trusted else []
        keys = [key_of(front) if pin == ITS_OWN else pin for pin in case.pins]

        assert expected == await said_to(f"https://localhost:{front.port}", class_path, options, keys)
