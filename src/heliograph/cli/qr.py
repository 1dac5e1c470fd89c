"""The QR code of an enrollment token: drawn on the terminal, written as PNG, and with a Wi-Fi network for the phone."""

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, Final, TypedDict

import click

from heliograph.cli.command_tree import option, together
from heliograph.cli.failure import print_warning
from heliograph.cli.new_file import new_private_file
from heliograph.cli.options import PATH
from heliograph.domain.enrollment import Wifi, missing_for_setup

PIXELS: Final = 8
"""A module's width in the PNG: a code of 81 modules is 6 cm on a usual screen."""
WIDE_BORDER, NARROW_BORDER = 4, 1
"""Modules around the code: what ISO 18004 asks for, and what phones are content with."""
ALLOWLIST: Final = (
    "Scan it on the welcome screen of a factory-fresh phone, after six taps. Phones with Google Play services refuse every agent that is "
    "not on Google's allowlist: see docs/android.md."
)


class QrOptions(TypedDict):
    """What `qr_options` gives to a command."""

    qr: bool | None
    qr_png: Path | None
    wifi_ssid: str
    wifi_password_file: IO[str] | None


qr_options = together(
    option("--qr/--no-qr", default=None, show_default="on a terminal", help="Draw the QR code that a phone scans to enrol."),
    option("--qr-png", type=PATH, metavar="FILE", help="Write the QR code into this new file as PNG; it holds the token."),
    option("--wifi-ssid", default="", show_default="none", metavar="NAME", help="Wi-Fi network for the phone, unseen by the server."),
    option("--wifi-password-file", type=click.File(), metavar="FILE", help="Holds the network's password (WPA); - is standard input."),
)
"""The options of a command that shows a QR code."""


def wifi_of(options: QrOptions) -> Wifi | None:
    """The network that was asked for, if any.  Raises: UsageError; InvalidArgument: no phone could use it."""
    file, ssid = options["wifi_password_file"], options["wifi_ssid"]
    if not ssid:
        if file is not None:
            raise click.UsageError("--wifi-password-file belongs to a network: add --wifi-ssid NAME.")
        return None
    return Wifi(ssid=ssid, password=file.read().rstrip("\r\n") if file is not None else "")


@contextlib.contextmanager
def png_of(options: QrOptions) -> Iterator[Callable[[str], None]]:
    """What writes a code into the file that was asked for; the file is made at once, so that no token is made in vain.  Raises: Failure."""
    if options["qr_png"] is None:
        yield lambda _code: None
        return
    with new_private_file(options["qr_png"]) as file:
        yield lambda code: _write_png(code, file)


def show(code: str, options: QrOptions) -> None:
    """Draw the code, two modules a character; unasked only on a terminal, if a phone can use it. Warn of a code that none can use."""
    wanted, missing = options["qr"], missing_for_setup(code)
    draws = sys.stdout.isatty() if wanted is None else wanted
    if missing and (draws or options["qr_png"] is not None):
        print_warning(f"a factory-fresh phone cannot use this token's QR code. {missing}")
    if draws and (wanted or not missing):
        draw(code)
    if draws and not missing:
        click.echo(ALLOWLIST)


def draw(code: str) -> None:
    """Draw the code, if the terminal is wide enough."""
    import segno  # noqa: PLC0415 - only this draws

    symbol = segno.make_qr(code, error="l")
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    border = WIDE_BORDER if symbol.symbol_size(border=WIDE_BORDER)[0] <= room else NARROW_BORDER
    width = symbol.symbol_size(border=border)[0]
    if width > room:
        return print_warning(f"the QR code needs a terminal of {width} columns, and this one has {room}: widen it, or use --qr-png FILE.")
    return symbol.terminal(sys.stdout, border=border, compact=True)


def _write_png(code: str, file: BinaryIO) -> None:
    import segno  # noqa: PLC0415 - only this draws

    segno.make_qr(code).save(file, kind="png", scale=PIXELS)
