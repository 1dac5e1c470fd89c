"""A phone has carried out its last order, and will forget its credential."""

import msgspec

from heliograph.domain.errors import FailedPrecondition
from heliograph.service.authenticate_device import UnknownCredential
from heliograph.service.ports import Decision, Facts, Lane, Ports, PutTombstone, Sees


class StillManaged(FailedPrecondition):
    """The device is managed: it has no last order to confirm."""

    reason = "STILL_MANAGED"


async def confirm_last_order(ports: Ports, credential_hash: bytes) -> None:
    """The tombstone says that its phone obeyed; saying so again changes nothing.

    Raises: StillManaged; UnknownCredential: the tombstone has expired, or there never was one.
    """

    def rule(facts: Facts) -> Decision[None]:
        if facts.device is not None:
            raise StillManaged
        if facts.tombstone is None:
            raise UnknownCredential
        if facts.tombstone.confirmed:
            return Decision(None)
        return Decision(None, (PutTombstone(msgspec.structs.replace(facts.tombstone, confirmed=True)),))

    await ports.store.decide(Sees(credential_hash=credential_hash), rule, lane=Lane.PHONES)
