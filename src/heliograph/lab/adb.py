"""Phones over adb: who is attached, and what is run on one of them. A thin layer over adbutils.

Source: system/core/adb OVERVIEW.TXT, SERVICES.TXT.
"""

import contextlib
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

from heliograph.lab.errors import AdbMissing, NoAdbServer, NoSuchPhone, PhoneOffline, PhoneUnauthorized

READY = "device"
UNAUTHORIZED = frozenset({"unauthorized", "authorizing"})
NO_PERMISSION = "no"
"""The first word of "no permissions (…)".  Source: adb, usb_linux.cpp."""
COMMAND_S = 120
"""For one command on a phone: an old one installs an app in a minute."""
START_S = 20


class Attached(NamedTuple):
    """A phone as the adb server lists it."""

    serial: str
    """What adb calls it: the serial number, or host and port."""
    state: str


class Said(NamedTuple):
    """What a command on a phone printed, on stdout and stderr, and its exit code."""

    code: int
    text: str


class Phone:
    """One phone that is ready for commands."""

    def __init__(self, device: Any, serial: str) -> None:  # noqa: ANN401 - adbutils has no types
        self.serial = serial
        self._device = device

    def run(self, *command: str) -> Said:
        """The command, ended.  Raises: PhoneOffline, PhoneUnauthorized, NoAdbServer."""
        with _said_plainly(self.serial):
            done = self._device.shell2(shlex.join(command), timeout=COMMAND_S, v2=True)
            return Said(int(done.returncode), f"{done.stdout}{done.stderr}".strip())

    def property(self, name: str) -> str:
        """A system property; empty: unset."""
        return self.run("getprop", name).text

    def serial_number(self) -> str:
        """The phone's own, as its agent reports it; what adb calls it if it has none."""
        return self.property("ro.serialno") or self.serial

    def feed(self, command: str, content: bytes) -> str:
        """What the command printed that read the content from its standard input.  Raises: as `run`."""
        with _said_plainly(self.serial), self._device.open_transport(timeout=COMMAND_S) as connection:
            connection.send_command(f"exec:{command}")
            connection.check_okay()
            connection.conn.sendall(content)
            return str(connection.read_until_close()).strip()

    def bring_port(self, port: int) -> None:
        """The phone's own port leads to this computer's, until adb loses the phone.  Raises: as `run`."""
        with _said_plainly(self.serial):
            self._device.reverse(f"tcp:{port}", f"tcp:{port}")


class Adb:
    """The adb server of this machine."""

    def __init__(self) -> None:
        """It runs, started if need be.  Raises: AdbMissing, NoAdbServer."""
        try:
            import adbutils  # noqa: PLC0415 - an extra that most installations do without
        except ImportError:
            raise AdbMissing from None
        self._client = adbutils.AdbClient(socket_timeout=COMMAND_S)
        if not adbutils._adb._check_server(self._client.host, self._client.port):  # noqa: SLF001 - else it prints where it starts one
            _start_server(adbutils)
        with _said_plainly():
            self._client.server_version()

    def attached(self) -> list[Attached]:
        """Every phone that the server lists, ready or not.  Raises: NoAdbServer."""
        with _said_plainly():
            return sorted(Attached(device.serial, device.state) for device in self._client.list())

    def phone(self, serial: str) -> Phone:
        """The phone, ready.  Raises: NoSuchPhone, PhoneUnauthorized, PhoneOffline, NoAdbServer."""
        attached = {one.serial: one for one in self.attached()}
        if serial not in attached:
            there = f"there are {', '.join(attached)}" if attached else "there are none"
            raise NoSuchPhone(f"No phone {serial} is attached; {there}. See heliograph lab list.")
        return self.ready(attached[serial])

    def ready(self, attached: Attached) -> Phone:
        """The phone that is attached, ready.  Raises: PhoneUnauthorized, PhoneOffline."""
        require_ready(attached.serial, attached.state)
        return Phone(self._client.device(serial=attached.serial), attached.serial)


def require_ready(serial: str, state: str) -> None:
    """Raises: PhoneUnauthorized, PhoneOffline: the phone takes no commands."""
    if state in UNAUTHORIZED:
        raise PhoneUnauthorized(
            f"{serial} does not trust this computer: unlock it, accept its question about USB debugging, and try again."
        )
    if state == NO_PERMISSION:
        raise PhoneUnauthorized(f"{serial} may not be used over USB by this user: install udev rules (Debian: android-sdk-platform-tools).")
    if state != READY:
        raise PhoneOffline(f"{serial} does not answer adb (it is {state}): plug it in again, or restart it.")


def _start_server(adbutils: Any) -> None:  # noqa: ANN401 - adbutils has no types
    """Raises: NoAdbServer."""
    try:
        subprocess.run([adbutils.adb_path(), "start-server"], capture_output=True, timeout=START_S, check=True)  # noqa: S603 - adb
    except (OSError, subprocess.SubprocessError, adbutils.AdbError):
        raise NoAdbServer from None


@contextlib.contextmanager
def _said_plainly(serial: str = "") -> Iterator[None]:
    """Raises, in place of adbutils' errors: PhoneUnauthorized, PhoneOffline, NoAdbServer; the last one alone if no phone is asked."""
    from adbutils import AdbError  # noqa: PLC0415
    from adbutils.errors import AdbConnectionError  # noqa: PLC0415

    try:
        yield
    except AdbConnectionError:
        raise NoAdbServer from None
    except (AdbError, OSError, EOFError) as error:
        if not serial:
            raise NoAdbServer from None
        text = str(error)
        if "unauthorized" in text:
            require_ready(serial, "unauthorized")
        raise PhoneOffline(f"{serial} does not answer adb ({text or type(error).__name__}): plug it in again, or restart it.") from None
