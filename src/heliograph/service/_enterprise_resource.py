"""An Enterprise between its record and the message."""

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.enterprise import OUTPUT_ONLY, Enterprise, violations
from heliograph.domain.errors import InvalidArgument, Violations
from heliograph.domain.field_mask import apply_mask
from heliograph.domain.names import EnterpriseName
from heliograph.domain.wire import encode_message, stored_message


def checked(enterprise: Enterprise) -> None:
    """Nothing happens where the enterprise is one that can be.  Raises: InvalidArgument with every violation."""
    if found := Violations(violations(enterprise)):
        raise InvalidArgument(violations=found)


def resource_of(name: EnterpriseName, enterprise: Enterprise) -> bytes:
    """The canonical resource; what a caller says in fields that are output only is dropped."""
    own = apply_mask(enterprise, Enterprise(name=str(name)), OUTPUT_ONLY)
    return encode_message(own)


def message_of(record: EnterpriseRecord) -> Enterprise:
    """The message in the record."""
    return stored_message(Enterprise, record.resource)
