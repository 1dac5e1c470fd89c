"""NanoMDM, an open server for Apple's device commands: built here, enrolled into as its devices do, asked what it has queued.

`benchmarks/go` pins its version and the hashes of all its modules; Go fetches them from the proxy that its own settings name. A device has
an identity certificate, which a proxy in front would check and hand on in a header (RFC 9440): here we are that proxy.

`python -m benchmarks.nanomdm` builds it and does nothing else, so that no benchmark waits for its first build.
"""

import asyncio
import base64
import contextlib
import datetime as dt
import hashlib
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from benchmarks.lean import Caller
from benchmarks.load import Load
from benchmarks.servers import Process, Running
from tests.one_at_a_time import CACHE, made_once
from tests.ports import reserved_port

MODULE = Path(__file__).parent / "go"
PACKAGE = "github.com/micromdm/nanomdm"
API_KEY = "bench"
AUTHORIZATION = f"Basic {base64.b64encode(f'nanomdm:{API_KEY}'.encode()).decode()}"
CERTIFICATE_HEADER = "Client-Cert"
AT_ONCE = 32
BUILD_S = 400
VALID = dt.datetime(2026, 1, 1), dt.datetime(2100, 1, 1)  # noqa: DTZ001 - certificates' times are UTC
Result = TypeVar("Result")
_COMMAND = re.compile(rb"<key>CommandUUID</key>\s*<string>([^<]+)</string>")

PLIST = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>{}</dict></plist>"""
DEVICE_LOCK = PLIST.format(
    "<key>Command</key><dict><key>RequestType</key><string>DeviceLock</string></dict><key>CommandUUID</key><string>{run}-%d</string>"
)
"""Apple's LOCK; NanoMDM refuses an identifier that it has seen."""


class GoMissing(RuntimeError):
    """No Go is there to build it with."""


def version() -> str:
    """The pinned one."""
    found = re.search(rf"^\s*{re.escape(PACKAGE)} (\S+)", (MODULE / "go.mod").read_text(encoding="ascii"), re.MULTILINE)
    assert found, "benchmarks/go/go.mod names NanoMDM"  # noqa: S101 - a file of ours
    return found[1]


def built() -> Path:
    """A folder outside the repository with `nanomdm` and its `schema.sql`, made once.

    Raises: GoMissing; RuntimeError: Go could not build it, or a module was not the pinned one.
    """
    # On the PATH, or where Go's own installation guide puts it.
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise GoMissing("Go is not installed (https://go.dev/doc/install)")
    pinned = hashlib.sha256(b"".join((MODULE / name).read_bytes() for name in ("go.mod", "go.sum"))).hexdigest()[:16]
    return made_once(CACHE / f"nanomdm-{pinned}", lambda folder: _build(go, folder))


def _build(go: str, folder: Path) -> None:
    def ran(*arguments: str) -> str:
        environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}
        done = subprocess.run([go, *arguments], cwd=MODULE, env=environment, capture_output=True, text=True, timeout=BUILD_S, check=False)
        if done.returncode:
            said = " ".join(line for line in done.stderr.splitlines() if not line.startswith("go: downloading"))
            message = f"go {arguments[0]} failed: {said[:300]}"
            raise RuntimeError(message)
        return done.stdout.strip()

    ran("build", "-o", str(folder / "nanomdm"), f"{PACKAGE}/cmd/nanomdm")
    source = Path(ran("list", "-m", "-f", "{{.Dir}}", PACKAGE))
    shutil.copyfile(source / "storage" / "pgsql" / "schema.sql", folder / "schema.sql")


@dataclass(frozen=True)
class NanoMdm:
    """A server with enrolled devices."""

    server: Running
    devices: Sequence["Device"]
    _runs: Iterator[int] = field(default_factory=itertools.count)

    def load(self, clients: int) -> Load:
        """DeviceLock to each device in turn, no two alike; without a push, since no Apple is here."""
        paths = [f"/v1/enqueue/{device.udid}?nopush=1" for device in self.devices]
        body = DEVICE_LOCK.format(run=f"bench-{next(self._runs)}")
        return Load(paths, "PUT", body, clients, AUTHORIZATION)

    def drained(self) -> int:
        """How many commands the devices were given when each of them asked until nothing was left, acknowledging one by one."""
        return sum(uvloop.run(_at_once(self.server.url, self.devices, _drain)))


@dataclass(frozen=True)
class Device:
    """One Mac or iPhone, as far as a server knows it."""

    udid: str
    certificate: bytes
    """DER."""

    @property
    def header(self) -> str:
        """What the proxy in front says: whose connection this is."""
        return f"{CERTIFICATE_HEADER}: :{base64.b64encode(self.certificate).decode()}:"

    def message(self, **values: str) -> bytes:
        """A plist with its UDID."""
        pairs = {"UDID": self.udid, **values}
        return PLIST.format("".join(f"<key>{key}</key><string>{value}</string>" for key, value in pairs.items())).encode()


async def _enroll(caller: Caller, device: Device) -> None:
    """As a device enrols: Authenticate, then the token by which Apple would wake it."""
    woken_by = "<key>Token</key><data>dG9rZW4=</data>"
    await caller.ask("PUT", "/checkin", device.message(MessageType="Authenticate", Topic="com.example.bench"))
    update = device.message(MessageType="TokenUpdate", Topic="com.example.bench", PushMagic="magic")
    await caller.ask("PUT", "/checkin", update.replace(b"</dict>", woken_by.encode() + b"</dict>"))


async def _drain(caller: Caller, device: Device) -> int:
    answer = await caller.ask("PUT", "/mdm", device.message(Status="Idle"))
    count = 0
    while found := _COMMAND.search(answer):
        count += 1
        answer = await caller.ask("PUT", "/mdm", device.message(Status="Acknowledged", CommandUUID=found[1].decode()))
    return count


async def _at_once(url: str, devices: Sequence[Device], step: Callable[[Caller, Device], Awaitable[Result]]) -> list[Result]:
    """The step of every device, each by a connection of its own, some at a time.  Raises: lean.Refused."""
    places = asyncio.Semaphore(AT_ONCE)
    address = str(urlsplit(url).hostname), urlsplit(url).port or 80

    async def one(device: Device) -> Result:
        async with places:
            loop = asyncio.get_running_loop()
            transport, caller = await loop.create_connection(lambda: Caller(header=device.header), *address)
            try:
                return await step(caller, device)
            finally:
                transport.close()

    return list(await asyncio.gather(*map(one, devices)))


def identities(count: int) -> tuple[bytes, list[Device]]:
    """An authority's certificate (PEM), and devices with certificates by it."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])

    def certificate(subject: x509.Name, extension: x509.ExtensionType) -> x509.Certificate:
        builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), *VALID)
        return builder.add_extension(extension, critical=True).sign(key, SHA256())

    def device(number: int) -> Device:
        udid = f"00000000-0000-4000-8000-{number:012d}"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, udid)])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return Device(udid, certificate(subject, usage).public_bytes(Encoding.DER))

    authority = certificate(issuer, x509.BasicConstraints(ca=True, path_length=None))
    return authority.public_bytes(Encoding.PEM), [device(number) for number in range(count)]


@contextlib.contextmanager
def nanomdm(folder: Path, devices: int, *, database: str = "") -> Iterator[NanoMdm]:
    """A server pinned to the server's core, with so many devices; `database`: a PostgreSQL URL with its schema, none: in memory.

    Raises: GoMissing; RuntimeError.
    """
    program, port = built() / "nanomdm", reserved_port()
    authority, identified = identities(devices)
    (folder / "ca.pem").write_bytes(authority)
    storage = ("pgsql", f"{database}?sslmode=disable") if database else ("inmem", "")
    arguments = ["-listen", f"127.0.0.1:{port}", "-api", API_KEY, "-ca", str(folder / "ca.pem"), "-checkin"]
    arguments += ["-cert-header", CERTIFICATE_HEADER, "-storage", storage[0], "-storage-dsn", storage[1]]
    process = Process(arguments, port, ready="/version", program=str(program))
    try:
        server = process.start()
        uvloop.run(_at_once(server.url, identified, _enroll))
        yield NanoMdm(server, identified)
    finally:
        process.stop()


if __name__ == "__main__":
    try:
        print(built())
    except (RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"NanoMDM will be left out: {error}")
