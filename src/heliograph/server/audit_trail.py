"""What keeps the audit trail of a server while it runs."""

import contextlib
from collections.abc import AsyncIterator

from heliograph.notifications.witnesses import witnesses_at
from heliograph.protojson.errors import Unavailable
from heliograph.server.store import Forever
from heliograph.service.audit import keep_audit_trail, record_repeated, send_checkpoints, sign_trail
from heliograph.service.audit_signing import PURPOSE, CheckpointSigner
from heliograph.service.ports import Ports
from heliograph.settings import Settings


@contextlib.asynccontextmanager
async def kept_trail(settings: Settings, ports: Ports) -> AsyncIterator[Forever]:
    """What keeps the audit trail while the server runs; when left, everything recorded is signed."""
    signer = CheckpointSigner(ports.vault.derive(PURPOSE))
    witnesses = witnesses_at(settings.audit_witnesses)
    try:
        yield keep_audit_trail(ports, signer, witnesses, options=("--adopt-key",) if settings.adopt_key else ())
        with contextlib.suppress(Unavailable):
            await record_repeated(ports, all_of_them=True)
            if (checkpoint := await sign_trail(ports, signer)) is not None:
                await send_checkpoints(dict.fromkeys(witnesses, checkpoint))
    finally:
        for witness in witnesses:
            await witness.close()
