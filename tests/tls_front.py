"""What stands before a server on the internet: an end for TLS, with a certificate of its own making."""

import asyncio
import contextlib
import datetime as dt
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass
class TlsFront:
    """Listens on `port` as `host`, whose certificate is in `certificate`, and brings everything to `to_port` once that is set."""

    host: str
    port: int
    certificate: Path
    to_port: int = 0

    @property
    def url(self) -> str:
        """As clients write it."""
        return f"https://{self.host}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(OSError):
            server_in, server_out = await asyncio.open_connection("127.0.0.1", self.to_port)
            await asyncio.gather(_copy(reader, server_out), _copy(server_in, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.contextmanager
def tls_front(folder: Path, host: str) -> Iterator[TlsFront]:
    """A front that runs in a thread of its own until the block ends."""
    certificate, key = self_signed(folder, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    started: Future[tuple[TlsFront, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stopping = asyncio.Event()
        front = TlsFront(host, 0, certificate)
        async with await asyncio.start_server(front.serve, "127.0.0.1", 0, ssl=context) as server:
            front.port = server.sockets[0].getsockname()[1]
            started.set_result((front, asyncio.get_running_loop(), stopping))
            await stopping.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    front, loop, stopping = started.result(timeout=90)
    try:
        yield front
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(timeout=90)


def self_signed(folder: Path, host: str) -> tuple[Path, Path]:
    """The files of a certificate for this host, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )  # fmt: skip
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private
