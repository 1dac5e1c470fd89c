"""The probes: a small function each, that asks a server over plain HTTP and puts its answer into a few words. A claim names its probe."""

from collections.abc import Mapping
from typing import Final

from heliograph.conformance.probes import bodies, commands, operations, requests
from heliograph.conformance.probes.probe import Probe

PROBES: Final[Mapping[str, Probe]] = {
    name: probe for module in (requests, bodies, operations, commands) for name, probe in vars(module).items() if isinstance(probe, Probe)
}
"""By name, in the order in which they are made: what changes nothing first."""
