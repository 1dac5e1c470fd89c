"""What the form of an enterprise's settings has: each field as a text, and the value that the text is."""

import copy
import enum
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from heliograph.api.console.guest import Json
from heliograph.api.console.json_text import json_in
from heliograph.api.console.shown import json_shown
from heliograph.domain.enterprise import DISPLAY_NAME_MAX_CHARS
from heliograph.protojson.errors import InvalidArgument

_COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}")


class Written(enum.StrEnum):
    """How the text of a setting is the value of its field."""

    PLAIN = "plain"
    COLOUR = "colour"
    """`#1a73e8` for red << 16 | green << 8 | blue."""
    JSON = "json"


class Setting(NamedTuple):
    """A field of the Enterprise that the form has."""

    path: str
    """Its field in JSON; with a dot, the field of a message."""
    label: str
    help: str = ""
    written: Written = Written.PLAIN

    @property
    def of_contact(self) -> bool:
        return self.path.startswith("contactInfo.")

    def text_of(self, enterprise: Json) -> str:
        """As the form shows it; empty: not set."""
        around, _, field = self.path.rpartition(".")
        value = (enterprise.get(around, {}) if around else enterprise).get(field)
        if not value:
            return ""
        match self.written:
            case Written.COLOUR:
                return f"#{value & 0xFFFFFF:06x}"
            case Written.JSON:
                return json_shown(value)
        return str(value)

    def put(self, enterprise: Json, text: str) -> str:
        """The enterprise has what the text is. Returns the path that changed: the whole message, if nothing is left in it.

        Raises: InvalidArgument: no value is written so.
        """
        around, _, field = self.path.rpartition(".")
        (enterprise.setdefault(around, {}) if around else enterprise)[field] = self._value(text)
        if not around or any(enterprise[around].values()):
            return self.path
        del enterprise[around]
        return around

    def _value(self, text: str) -> Any:  # noqa: ANN401 - JSON; what is none of the field's goes as it is: the API says what is wrong
        match self.written:
            case Written.COLOUR:
                if text and not _COLOUR.fullmatch(text):
                    raise InvalidArgument(f"{self.label}: write it as in #1a73e8.")
                return int(text.removeprefix("#") or "0", 16)
            case Written.JSON:
                return json_in(text or "[]", what=self.label)
        return text


SETTINGS: Final = (
    Setting("enterpriseDisplayName", "Display name", f"Shown to users, at most {DISPLAY_NAME_MAX_CHARS} characters."),
    Setting("pubsubTopic", "Pub/Sub topic", "As in projects/mine/topics/devices. Setting it sends a test message."),
    Setting("primaryColor", "Colour", "As in #1a73e8.", Written.COLOUR),
    Setting("logo.url", "Logo", "The address of an image."),
    Setting("logo.sha256Hash", "Logo's SHA-256", "In base64url, so that devices can check the image."),
    Setting(
        "termsAndConditions", "Terms and conditions",
        'JSON, as in [{"header": {"defaultMessage": "Terms"}, "content": {"defaultMessage": "…"}}].', Written.JSON,
    ),
    Setting(
        "signinDetails", "Sign-in pages",
        'JSON, as in [{"signinUrl": "https://login.example.com"}]. Their tokens and QR codes are made by the server.', Written.JSON,
    ),
    Setting("contactInfo.contactEmail", "Contact's e-mail"),
    Setting("contactInfo.dataProtectionOfficerName", "Data protection officer's name"),
    Setting("contactInfo.dataProtectionOfficerEmail", "Data protection officer's e-mail"),
    Setting("contactInfo.dataProtectionOfficerPhone", "Data protection officer's phone"),
    Setting("contactInfo.euRepresentativeName", "EU representative's name"),
    Setting("contactInfo.euRepresentativeEmail", "EU representative's e-mail"),
    Setting("contactInfo.euRepresentativePhone", "EU representative's phone"),
)  # fmt: skip


def changed_in(texts: Mapping[str, str], stored: Json) -> tuple[Json, Sequence[str]]:
    """The enterprise with what the form's texts, by path, change; and the paths of it, as an update mask has them.

    Raises: InvalidArgument: a text is not how the value of its field is written.
    """
    wanted = copy.deepcopy(stored)
    changed = [setting for setting in SETTINGS if texts[setting.path] != setting.text_of(stored)]
    return wanted, [setting.put(wanted, texts[setting.path]) for setting in changed]
