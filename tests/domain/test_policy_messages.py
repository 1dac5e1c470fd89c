"""The Policy message is the official one, and read as strictly as every other."""

import json
from typing import Any

import pytest

from heliograph.api.schemas import schemas_of
from heliograph.domain.official_messages import MESSAGES
from heliograph.domain.policy_messages import Policy
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import decode_message, encode_message
from scripts.official_schema import TARGET, rendered
from tests.discovery import document


def test_the_data_file_is_what_the_official_document_says() -> None:
    """After an update of the document: `make docs`."""
    assert rendered() == TARGET.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_every_message_has_the_fields_and_types_of_the_official_document(name: str) -> None:
    ours = schemas_of([MESSAGES[name]])[name]["properties"]

    assert bare(document()["schemas"][name]["properties"]) == bare(ours)


def bare(of: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """The schema without its prose."""
    if isinstance(of, list):
        return [bare(item) for item in of]
    if not isinstance(of, dict):
        return of
    told = set() if isinstance(of.get("description"), dict) else {"description", "enumDescriptions"}
    return {key: bare(value) for key, value in of.items() if key not in told}


def test_a_policy_comes_back_as_it_was_given_without_what_says_nothing() -> None:
    given = {
        "applications": [
            {
                "packageName": "org.example",
                "installType": "FORCE_INSTALLED",
                "managedConfiguration": {"a": [1.5, None, {"b": True}], "c": {}},
            }
        ],
        "maximumTimeToLock": "60000",
        "passwordPolicies": [{"passwordMinimumLength": 6, "passwordQuality": "NUMERIC", "passwordScope": "SCOPE_DEVICE"}],
        "shortSupportMessage": {"defaultMessage": "Ask Ada", "localizedMessages": {"de": "Frag Ada"}},
        "wipeDataFlags": ["WIPE_ESIMS"],
    }
    text = json.dumps({**given, "cameraDisabled": False, "playStoreMode": "PLAY_STORE_MODE_UNSPECIFIED", "setupActions": []})

    for body in (text, text.replace("1.5", "15e-1"), text.replace('"60000"', "60000"), text.replace("wipeDataFlags", "wipe_data_flags")):
        assert given == json.loads(encode_message(decode_message(Policy, body, root="policy")))


@pytest.mark.parametrize(
    "body, said",
    [
        (
            '{"crossProfilePolicies":{"crossProfileCopyPaste":"DISALLOWED"}}',
            (
                "Invalid value at 'policy.cross_profile_policies.cross_profile_copy_paste' (type.googleapis.com/"
                'google.android.devicemanagement.v1.CrossProfilePolicies.CrossProfileCopyPaste), "DISALLOWED"'
            ),
        ),
        (
            '{"passwordRequirement":{}}',
            (
                "Invalid JSON payload received. Unknown name \"passwordRequirement\" at 'policy': Cannot find field. "
                'Did you mean "passwordRequirements"?'
            ),
        ),
        ('{"applications":[{"packageName":7}]}', "Invalid value at 'policy.applications[0].package_name' (TYPE_STRING), 7"),
        ('{"applications":{}}', "Invalid value at 'policy.applications' (type.googleapis.com/"),
        (
            '{"openNetworkConfiguration":"x"}',
            "Invalid value at 'policy.open_network_configuration' (type.googleapis.com/google.protobuf.",
        ),
        ('{"openNetworkConfiguration":{"a":1e999}}', "Invalid value at 'policy.open_network_configuration'"),
        ('{"openNetworkConfiguration":{"a":{"b":1,"b":2}}}', "Unknown name \"b\" at 'policy.open_network_configuration'"),
        ('{"choosePrivateKeyRules":[{"urlPattern":null,"packageNames":[null]}]}', "package_names[0]"),
        ('{"minimumApiLevel":true}', "Invalid value at 'policy.minimum_api_level' (TYPE_INT32), true"),
        ('{"keyguardDisabledFeatures":["CAMRA"]}', 'Did you mean "CAMERA"?'),
    ],
)
def test_a_policy_that_is_none_is_refused_in_googles_words(body: str, said: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        decode_message(Policy, body, root="policy")

    assert said in refused.value.message
