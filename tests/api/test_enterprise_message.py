"""The Enterprise message against the discovery document."""

import msgspec
import pytest

from heliograph.domain.enterprise import Enterprise, violations
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import decode_message
from tests.discovery import schema


def test_an_enterprise_has_exactly_the_fields_of_the_discovery_document() -> None:
    assert set(schema("Enterprise")["properties"]) == {field.encode_name for field in msgspec.structs.fields(Enterprise)}


@pytest.mark.parametrize(
    "body, wrong",
    [
        (b'{"enterpriseDisplayName":"%s"}' % (b"x" * 101), "enterprise.enterprise_display_name"),
        (b'{"pubsubTopic":"topic"}', "enterprise.pubsub_topic"),
        (b'{"logo":{"url":"ftp://example.com/logo.png"}}', "enterprise.logo.url"),
        (b'{"signinDetails":[{"signinUrl":"http://example.com"}]}', "enterprise.signin_details[0].signin_url"),
        (
            b'{"termsAndConditions":[{"header":{"localizedMessages":{"fr":"Oui"}}}]}',
            "enterprise.terms_and_conditions[0].header.default_message",
        ),
    ],
)
def test_what_an_enterprise_cannot_hold_is_named(body: bytes, wrong: str) -> None:
    enterprise = decode_message(Enterprise, body, root="enterprise")

    assert [wrong] == [violation.field for violation in violations(enterprise)]


def test_a_notification_type_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="enabled_notification_types"):
        decode_message(Enterprise, b'{"enabledNotificationTypes":["SMOKE"]}', root="enterprise")
