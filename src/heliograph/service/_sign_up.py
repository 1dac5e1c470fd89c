"""What the steps of a sign-up share."""

from heliograph.service.ports import Ports


def sign_up_key(ports: Ports) -> bytes:
    """What sign-ups are sealed with."""
    return ports.vault.derive("sign-up")
