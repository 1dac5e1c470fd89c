"""What a notification is about, read from its resource. A file of its own: the test tool needs this, and imports no more of the domain."""

from collections.abc import Mapping
from typing import Any


def about(resource: Mapping[str, Any]) -> str:
    """The name of what a notification with this resource is about; of a batch of usage logs, the device's; "": nothing has a name."""
    return str(resource.get("name") or resource.get("device") or resource.get("enterprise") or "")
