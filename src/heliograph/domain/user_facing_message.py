"""A message shown to the device's user, in the language of the device if there is a translation.

Source: disc, UserFacingMessage; BCP 47 = RFC 5646 §2.1.
"""

import re
from collections.abc import Iterator

import msgspec

from heliograph.domain.messages import Message, proto
from heliograph.protojson.errors import Violation

MAX_CHARS = 4096  # disc, UserFacingMessage.localizedMessages

# RFC 5646 §2.1: langtag / privateuse; the irregular grandfathered tags are listed there and closed for ever.
_LANGUAGE_TAG = re.compile(
    r"""(?:
      (?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})   # language, with extended languages
      (?:-[a-z]{4})?                                         # script
      (?:-(?:[a-z]{2}|[0-9]{3}))?                            # region
      (?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*               # variants
      (?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*                   # extensions
      (?:-x(?:-[a-z0-9]{1,8})+)?                             # private use
      | x(?:-[a-z0-9]{1,8})+
      | en-gb-oed | i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu) | sgn-(?:be-fr|be-nl|ch-de)
    )\Z""",
    re.VERBOSE | re.IGNORECASE,
)
_MAX_TAG_CHARS = 64


@proto(
    "UserFacingMessage",
    habits={"message": "default_message", "text": "default_message", "default": "default_message", "messages": "localized_messages"},
)
class UserFacingMessage(Message):
    """Source: disc, UserFacingMessage."""

    localized_messages: dict[str, str] = msgspec.field(default_factory=dict)
    """By BCP 47 language tag, as in "en-US" or "fr"."""
    default_message: str = ""


def violations(message: UserFacingMessage | None, *, path: str, max_chars: int = MAX_CHARS) -> Iterator[Violation]:
    """Everything wrong with the message at the proto path `path`: language tags, lengths in code points, a missing default."""
    if message is None:
        return
    if message.localized_messages and not message.default_message:
        yield Violation(f"{path}.default_message", f"{path}.default_message is required when localized_messages has an entry.")
    if len(message.default_message) > max_chars:
        yield Violation(f"{path}.default_message", _too_long(f"{path}.default_message", message.default_message, max_chars))
    for index, (tag, text) in enumerate(message.localized_messages.items()):
        where = f"{path}.localized_messages[{index}]"
        if not is_language_tag(tag):
            shown = ascii(tag[:_MAX_TAG_CHARS])
            yield Violation(f"{where}.key", f'{where}.key {shown} is not a BCP 47 language tag: write one such as "en-US" or "fr".')
        if len(text) > max_chars:
            yield Violation(f"{where}.value", _too_long(f"{where}.value", text, max_chars))


def is_language_tag(tag: str) -> bool:
    """Whether it is a well-formed BCP 47 tag."""
    return len(tag) <= _MAX_TAG_CHARS and _LANGUAGE_TAG.match(tag) is not None


def is_blank(message: UserFacingMessage | None) -> bool:
    """Whether there is nothing to show: no message, or only white space as the default."""
    return message is None or not message.default_message.strip()


def text_for(message: UserFacingMessage | None, language: str) -> str:
    """What a device in this language (BCP 47) shows: its translation, else the one for the language in general, else the default."""
    if message is None:
        return ""
    translations = {tag.lower(): text for tag, text in message.localized_messages.items()}
    general = language.lower().partition("-")[0]
    return translations.get(language.lower()) or translations.get(general) or message.default_message


def _too_long(path: str, text: str, max_chars: int) -> str:
    return f"{path} must have at most {max_chars} characters; it has {len(text)}."
