"""An admin changes an enterprise."""

import msgspec

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.enterprise import OUTPUT_ONLY, Enterprise
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.field_mask import apply_mask
from heliograph.domain.names import EnterpriseName
from heliograph.service._absence import enterprise_absence
from heliograph.service._enterprise_resource import checked, message_of, resource_of
from heliograph.service.ports import Decision, Facts, Ports, PutEnterprise, Sees


async def patch_enterprise(ports: Ports, name: EnterpriseName, patch: Enterprise, mask: tuple[str, ...] | None) -> EnterpriseRecord:
    """The enterprise with the fields that `mask` (proto paths) names taken from `patch`; without a mask, those that are set there.

    Fields that are output only stay as they are.  Raises: EnterpriseNotAuthorized; InvalidArgument.
    """
    paths = tuple(_set_fields(patch)) if mask is None else mask
    wanted = [path for path in paths if path.partition(".")[0] not in OUTPUT_ONLY]

    def rule(facts: Facts) -> Decision[EnterpriseRecord | None]:
        if facts.enterprise is None:
            return Decision(None)
        changed = apply_mask(message_of(facts.enterprise), patch, wanted)
        checked(changed)
        record = msgspec.structs.replace(facts.enterprise, resource=resource_of(name, changed))
        return Decision(record, (PutEnterprise(record),))

    record = await ports.store.decide(Sees(enterprise=name), rule)
    if record is None:
        raise await enterprise_absence(ports, name) or EnterpriseNotAuthorized()
    return record


def _set_fields(patch: Enterprise) -> list[str]:
    empty = Enterprise()
    return [name for name in patch.__struct_fields__ if getattr(patch, name) != getattr(empty, name)]
