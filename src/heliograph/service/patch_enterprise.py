"""An admin changes an enterprise."""

import msgspec

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.enterprise import OUTPUT_ONLY, Enterprise
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.field_mask import apply_mask
from heliograph.domain.names import EnterpriseName
from heliograph.service._absence import enterprise_absence
from heliograph.service._enterprise_resource import checked, message_of, resource_of
from heliograph.service._notifications import topic_tried_out
from heliograph.service._tenant_bounds import require_size
from heliograph.service.ports import Decision, Facts, Ports, PutEnterprise, Sees


async def patch_enterprise(ports: Ports, name: EnterpriseName, patch: Enterprise, mask: tuple[str, ...] | None) -> EnterpriseRecord:
    """The enterprise with the fields that `mask` (proto paths) names taken from `patch`; without a mask, those that are set there.

    Fields that are output only stay as they are. Setting a pubsubTopic, also to what it was, sends a test message (amapi.md §5.4).

    Raises: EnterpriseNotAuthorized; InvalidArgument; NothingPublishes: a topic, and nobody here who could publish to it.
    """
    paths = tuple(_set_fields(patch)) if mask is None else mask
    wanted = [path for path in paths if path.partition(".")[0] not in OUTPUT_ONLY]

    def rule(facts: Facts) -> Decision[EnterpriseRecord | None]:
        if facts.enterprise is None:
            return Decision(None)
        changed = apply_mask(message_of(facts.enterprise), patch, wanted)
        checked(changed)
        record = msgspec.structs.replace(facts.enterprise, resource=resource_of(name, changed))
        require_size(len(record.resource), ports.limits, what="enterprise", path="enterprise")
        test = topic_tried_out(ports, record.resource) if "pubsub_topic" in wanted else ()
        return Decision(record, (PutEnterprise(record), *test))

    record = await ports.store.decide(Sees(enterprise=name), rule)
    if record is None:
        raise await enterprise_absence(ports, name) or EnterpriseNotAuthorized()
    return record


def _set_fields(patch: Enterprise) -> list[str]:
    empty = Enterprise()
    return [name for name in patch.__struct_fields__ if getattr(patch, name) != getattr(empty, name)]
