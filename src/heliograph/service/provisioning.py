"""Provisioning information: codes for phones that are being set up, and what they say."""

import msgspec

from heliograph.domain.names import EnterpriseName
from heliograph.domain.provisioning import CODE_LIFE_S, COLLECTION, ProvisioningCode, ProvisioningInfo
from heliograph.domain.rights import Permit
from heliograph.domain.sealed_text import opened, seal
from heliograph.protojson.errors import NotFound
from heliograph.service.not_found import enterprise_absence
from heliograph.service.ports import Ports


class ProvisioningInfoNotFound(NotFound):
    """No phone of this server has this provisioning information, or it is older than an hour: begin the phone's setup again."""

    reason = "PROVISIONING_INFO_NOT_FOUND"


def create_provisioning_info(ports: Ports, info: ProvisioningInfo) -> ProvisioningInfo:
    """The information with its name, under which it can be read for an hour; nothing is stored."""
    code = ProvisioningCode(info=info, expires_us=ports.clock.now_us() + CODE_LIFE_S * 1_000_000)
    return msgspec.structs.replace(info, name=f"{COLLECTION}/{seal(code, key=_key(ports))}")


async def get_provisioning_info(ports: Ports, code: str, *, permit: Permit) -> ProvisioningInfo:
    """What the code says.

    Raises: ProvisioningInfoNotFound: this server did not make the code, or it has expired; EnterpriseNotAuthorized.
    """
    found = opened(code, ProvisioningCode, key=_key(ports), now_us=ports.clock.now_us())
    if found is None:
        raise ProvisioningInfoNotFound
    enterprise = EnterpriseName.parse(found.info.enterprise)
    permit.check_place(enterprise.enterprise)
    if (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    return msgspec.structs.replace(found.info, name=f"{COLLECTION}/{code}")


def _key(ports: Ports) -> bytes:
    """What codes are sealed with."""
    return ports.vault.derive("provisioning")
