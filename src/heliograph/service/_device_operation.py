"""Which operation a phone's message is about."""

from heliograph.domain.errors import OperationNotFound
from heliograph.domain.names import DeviceName, OperationName


def own_operation(device: DeviceName, operation: str) -> OperationName:
    """The operation's name; a device sees its own only.  Raises: InvalidArgument, OperationNotFound."""
    name = OperationName.parse(operation)
    if name.device != device:
        raise OperationNotFound
    return name
