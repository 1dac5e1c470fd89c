"""The messages of the Android Management API: proto3 JSON, named in Google's package."""

from functools import partial
from typing import ClassVar

from heliograph.protojson import messages

PACKAGE = "google.android.devicemanagement.v1"


class Message(messages.Message, frozen=True):
    """The base of AMAPI's messages. One that is Heliograph's own has `protojson`'s as its base: errors do not name it."""

    __proto_package__: ClassVar[str] = PACKAGE


proto = partial(messages.proto, package=PACKAGE)
"""As `protojson.messages.proto`, for AMAPI's messages and enums: `@proto("WipeParams.WipeDataFlag")`."""
