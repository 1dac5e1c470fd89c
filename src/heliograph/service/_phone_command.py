"""A Command as its phone gets it: type, params and secrets. Nobody else gets the secrets."""

import msgspec

from heliograph.commands import ENVELOPE
from heliograph.domain.operation import Operation
from heliograph.service.ports import Ports


def phone_command(ports: Ports, operation: Operation) -> msgspec.Raw:
    """The whole Command of an open operation.  Raises: HeliographError: its secrets cannot be opened (another key file)."""
    command = operation.command
    if operation.secret is not None:
        command = ENVELOPE.merge_secrets(command, ports.vault.open(operation.secret, bound_to=str(operation.name)))
    return msgspec.Raw(ENVELOPE.full_command(operation.type, command))
