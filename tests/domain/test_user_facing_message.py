"""Messages to users: language tags, lengths, the default."""

import pytest

from heliograph.domain.user_facing_message import UserFacingMessage, is_blank, violations


def faults(message: UserFacingMessage | None, *, max_chars: int = 4096) -> list[str]:
    return [violation.field for violation in violations(message, path="m", max_chars=max_chars)]


@pytest.mark.parametrize(
    "tag",
    [
        "en",
        "fr",
        "en-US",
        "es-419",
        "zh-Hans-CN",
        "sr-Latn-RS",
        "de-CH-1901",
        "sl-rozaj-biske-1994",
        "zh-cmn-Hans-CN",
        "en-GB-oed",
        "yue",
        "de-CH-x-phonebk",
        "x-whatever",
        "i-klingon",
        "EN-us",
        "en-a-myext-b-another",
        "ar-u-nu-latn",
    ],
)
def test_a_well_formed_tag_is_accepted(tag: str) -> None:
    assert [] == faults(UserFacingMessage(localized_messages={tag: "text"}, default_message="text"))


@pytest.mark.parametrize(
    "tag", ["", "e", "en_US", "en-", "-en", "en--US", "de-419-DE", "abcdefghi", "en-x", "a-DE", "ar-u", "1a", "en\n", "x" * 99]
)
def test_an_ill_formed_tag_is_refused(tag: str) -> None:
    assert ["m.localized_messages[0].key"] == faults(UserFacingMessage(localized_messages={tag: "text"}, default_message="text"))


def test_length_is_counted_in_code_points() -> None:
    fits = UserFacingMessage(default_message="😀" * 4096)

    assert [] == faults(fits)
    assert ["m.default_message"] == faults(UserFacingMessage(default_message="😀" * 4097))
    assert ["m.default_message"] == faults(fits, max_chars=200)


def test_every_translation_is_checked() -> None:
    message = UserFacingMessage(localized_messages={"de": "x" * 11, "fr": "x", "it": "x" * 12}, default_message="x")

    assert ["m.localized_messages[0].value", "m.localized_messages[2].value"] == faults(message, max_chars=10)


def test_a_translation_requires_a_default() -> None:
    assert ["m.default_message"] == faults(UserFacingMessage(localized_messages={"de": "Hallo"}))


def test_an_absent_or_empty_message_has_no_fault() -> None:
    assert [] == faults(None)
    assert [] == faults(UserFacingMessage())


@pytest.mark.parametrize(
    "message,blank",
    [
        (None, True),
        (UserFacingMessage(), True),
        (UserFacingMessage(default_message=" \n"), True),
        (UserFacingMessage(localized_messages={"de": "Hallo"}), True),
        (UserFacingMessage(default_message="Hello"), False),
    ],
)
def test_a_message_counts_only_with_a_default_that_shows_something(message: UserFacingMessage | None, *, blank: bool) -> None:
    assert blank is is_blank(message)
