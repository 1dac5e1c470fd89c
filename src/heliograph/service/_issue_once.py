"""A caller's request that has a name issues its command once, however often it is sent.

Heliograph's own: AMAPI has no such thing (amapi.md §1.26, §10.8).  Source: AIP-155.
"""

import hashlib
import hmac

import msgspec

from heliograph.domain.envelope import IssuedCommand
from heliograph.domain.errors import Aborted
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import Operation
from heliograph.domain.request_id import REQUEST_ID_LIFE_S, IssueRequest, RequestKey
from heliograph.service._tenant_bounds import require_room_for_request_id
from heliograph.service.ports import Decision, Facts, Ports, PutRequest, Rule, Sees
from heliograph.service.read_operations import get_operation


class RequestIdReused(Aborted):
    """Another request had this Idempotency-Key or requestId in the last 24 hours: take a new one for another device or command."""

    reason = "REQUEST_ID_REUSED"


async def issue_once(
    ports: Ports, device: DeviceName, command: IssuedCommand, *, request_id: str, sees: Sees, rule: Rule[Operation | None]
) -> Operation | None:
    """What `rule` (it `sees` this) gives for the first request of this name; for every later one, the first one's operation as it is now.

    Raises: RequestIdReused: the name was another request's; TooManyRequestIds: for a new name; what `rule` raises, and then the name is
        free as before.
    """
    key = RequestKey(device.enterprise, request_id)
    digest = _digest(ports, device, command)
    limits = ports.limits
    known = await ports.turns.request_ids(ports.store, device.parent, now_us=ports.clock.now_us(), most=limits.request_ids_most)

    def once(facts: Facts) -> Decision[Operation | IssueRequest | None]:
        if facts.request is not None:
            if not hmac.compare_digest(facts.request.digest, digest):
                raise RequestIdReused
            return Decision(facts.request)
        require_room_for_request_id(known, limits)
        decision = rule(facts)
        if decision.answer is None:
            return Decision(None)
        request = IssueRequest(
            key=key,
            device=device,
            create_ms=decision.answer.create_ms,
            digest=digest,
            expires_us=facts.now_us + REQUEST_ID_LIFE_S * 1_000_000,
        )
        return Decision(decision.answer, (*decision.writes, PutRequest(request)), ring=decision.ring)

    issued = await ports.store.decide(msgspec.structs.replace(sees, request=key), once)
    if isinstance(issued, IssueRequest):
        return await get_operation(ports, OperationName(issued.device, issued.create_ms))
    if issued is not None:
        ports.turns.request_id_added(device.parent)
    return issued


def _digest(ports: Ports, device: DeviceName, command: IssuedCommand) -> bytes:
    """What is the same for two requests that ask for the same.

    Keyed, for it outlives the secrets of its operation, and a PIN's plain hash would tell the PIN.
    """
    parts = (str(device).encode(), command.row.name.encode(), command.duration.encode(), command.command, command.secrets or b"")
    digest = hmac.new(ports.vault.derive("issue requests"), digestmod=hashlib.sha256)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()
