"""Offers are memory only; their count and times travel with the next durable write of their operation."""

from heliograph.domain.operation import Operation, noted
from heliograph.service.ports import Ports


def with_offers(ports: Ports, operation: Operation) -> Operation:
    """The operation with the offers in its timeline that no durable write tells of yet; after the commit say `offers.noted`."""
    entry = ports.offers.note(operation.device, operation.create_ms)
    return operation if entry is None else noted(operation, entry)
