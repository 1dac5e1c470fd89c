"""A new enterprise."""

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.errors import AlreadyExists, InvalidArgument
from heliograph.domain.names import ID_PATTERN, EnterpriseName
from heliograph.service._enterprise_resource import checked, resource_of
from heliograph.service._notifications import topic_tried_out
from heliograph.service._tenant_bounds import require_size
from heliograph.service.ports import Decision, Facts, Ports, PutEnterprise, Sees


async def create_enterprise(ports: Ports, enterprise: Enterprise, *, enterprise_id: str = "") -> EnterpriseRecord:
    """The enterprise is durable, under the given id or one that the server makes; output-only fields given are ignored.

    With a pubsubTopic, a test message goes to it.

    Raises: InvalidArgument; AlreadyExists: the id is taken; NothingPublishes: a topic, and nobody here who could publish to it.
    """
    if enterprise_id and not ID_PATTERN.fullmatch(enterprise_id):
        raise InvalidArgument(f"Invalid enterprise id {enterprise_id[:128]!r}: use letters, digits and ._~- only.")
    checked(enterprise)
    name = EnterpriseName(enterprise_id or ports.ids.enterprise_id())

    def rule(facts: Facts) -> Decision[EnterpriseRecord]:
        if facts.enterprise is not None:
            raise AlreadyExists(f"{name} exists already.")
        record = EnterpriseRecord(name=name, created_us=facts.now_us, resource=resource_of(name, enterprise))
        require_size(len(record.resource), ports.limits, what="enterprise", path="enterprise")
        return Decision(record, (PutEnterprise(record), *topic_tried_out(ports, record.resource)))

    return await ports.store.decide(Sees(enterprise=name), rule)
