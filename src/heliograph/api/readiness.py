"""`/readyz`: whether a load balancer may send requests here."""

from collections.abc import Sequence

from heliograph.service.ports import Ports

STOPPING = "The server is stopping: phones and callers should use another one."


def why_not_ready(ports: Ports) -> Sequence[str]:
    """Sentences that say why no requests should come here; empty if all is well."""
    reasons = (STOPPING if ports.presence.draining else None, ports.store.healthy())
    return tuple(reason for reason in reasons if reason is not None)


def worth_a_look(ports: Ports) -> Sequence[str]:
    """Sentences about what needs attention, though requests may come; empty if all is well."""
    return ports.clock_check.notes() if ports.clock_check is not None else ()
