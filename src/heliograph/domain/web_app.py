"""The WebApp message, what the server stores of one, and the mistakes that only the server can find.

Source: disc, WebApp, WebAppIcon (field order as there).
"""

import enum
import re
from collections.abc import Iterator

import msgspec

from heliograph.domain.device import position
from heliograph.domain.messages import Message, proto
from heliograph.domain.names import WebAppName
from heliograph.domain.web_address import HTTP, read_web_address
from heliograph.protojson.errors import Violation
from heliograph.protojson.messages import Int64, encode_message, stored_message

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")


@proto("WebApp.DisplayMode")
class DisplayMode(enum.Enum):
    """How much of the browser is seen.  Source: disc, WebApp.displayMode."""

    DISPLAY_MODE_UNSPECIFIED = "DISPLAY_MODE_UNSPECIFIED"
    MINIMAL_UI = "MINIMAL_UI"
    STANDALONE = "STANDALONE"
    FULL_SCREEN = "FULL_SCREEN"


class WebAppIcon(Message):
    """Source: disc, WebAppIcon."""

    image_data: str = ""


class WebApp(Message):
    """Source: disc, WebApp."""

    name: str = ""
    title: str = ""
    start_url: str = ""
    icons: tuple[WebAppIcon, ...] = ()
    display_mode: DisplayMode = DisplayMode.DISPLAY_MODE_UNSPECIFIED
    version_code: Int64 = Int64(0)


class WebAppRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of one web app: `resource` is its canonical WebApp JSON, name and version included."""

    name: WebAppName
    version: int
    created_us: int
    resource: bytes

    @property
    def position(self) -> str:
        """The web app's place in lists (oldest first)."""
        return position(self.created_us, self.name.package_name)

    @property
    def message(self) -> WebApp:
        """The WebApp message in the record."""
        return stored_message(WebApp, self.resource)


def record_of(name: WebAppName, web_app: WebApp, *, version: int, created_us: int) -> WebAppRecord:
    """The record of this message; its own name and version, which are output only, are ignored.  Source: disc, WebApp."""
    whole = msgspec.structs.replace(web_app, name=str(name), version_code=Int64(version))
    return WebAppRecord(name=name, version=version, created_us=created_us, resource=encode_message(whole))


def violations(web_app: WebApp, *, path: str = "web_app") -> Iterator[Violation]:
    """Every mistake in the web app at the proto path `path` that its shape does not show."""
    if not web_app.title.strip():
        yield Violation(f"{path}.title", f"{path}.title is required: the name that users see.")
    address = read_web_address(web_app.start_url)
    if address is None or address.scheme not in HTTP:
        where = f"{path}.start_url"
        yield Violation(where, f"{where} must be an absolute http or https URL with a plain host, as in https://app.example.com/start.")
    if not web_app.icons:
        yield Violation(f"{path}.icons", f"{path}.icons must have at least one element.")
    for index, icon in enumerate(web_app.icons):
        if not _BASE64URL.fullmatch(icon.image_data):
            where = f"{path}.icons[{index}].image_data"
            yield Violation(where, f"{where} must be an image in base64url (RFC 4648 §5: - and _ instead of + and /).")
