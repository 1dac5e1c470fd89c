"""Policies for virtual phones, as a caller writes them."""

from typing import Any

import msgspec

from heliograph.domain.official_messages import MESSAGES
from heliograph.domain.policy_messages import Policy
from heliograph.protojson.messages import decode_message

SWITCHES = tuple(
    field.encode_name for field in msgspec.structs.fields(MESSAGES["StatusReportingSettings"]) if field.encode_name.endswith("Enabled")
)
"""Every switch of statusReportingSettings."""


def policy_of(**fields: Any) -> Any:  # noqa: ANN401 - JSON in, the made message out
    """The Policy message with these fields, in AMAPI's JSON."""
    return decode_message(Policy, fields, root="policy")


def asking(*switches: str, **fields: Any) -> Any:  # noqa: ANN401 - JSON in, the made message out
    """A policy that asks for the reports of these switches."""
    return policy_of(statusReportingSettings=dict.fromkeys(switches, True), **fields)
