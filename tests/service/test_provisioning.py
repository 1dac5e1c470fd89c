"""Provisioning information: a code names its enterprise only inside, so the verb itself checks who reads it."""

import pytest

from heliograph.api.app import METHODS
from heliograph.domain.access import ANYBODY, Caller, Role
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.provisioning import COLLECTION, ProvisioningInfo
from heliograph.domain.rights import Permit
from heliograph.service.enterprises import delete_enterprise
from heliograph.service.provisioning import create_provisioning_info, get_provisioning_info
from tests.service.world import LAB, World


def permit_of(caller: Caller) -> Permit:
    """What the caller may read of codes."""
    return caller.rights.permit(next(method for method in METHODS if method.id == "androidmanagement.provisioningInfo.get"))


def code_of(lab: World) -> str:
    """The code of a phone that comes to the lab's sign-in page."""
    return create_provisioning_info(lab.ports, ProvisioningInfo(enterprise=str(LAB), brand="google")).name.removeprefix(f"{COLLECTION}/")


async def test_a_viewer_of_the_enterprise_reads_a_code_and_a_caller_of_others_does_not(lab: World) -> None:
    code = code_of(lab)
    viewer = Caller(role=Role.VIEWER, enterprises=frozenset({LAB.enterprise}))

    found = await get_provisioning_info(lab.ports, code, permit=permit_of(viewer))

    assert (f"{COLLECTION}/{code}", "google") == (found.name, found.brand)
    with pytest.raises(EnterpriseNotAuthorized):
        await get_provisioning_info(lab.ports, code, permit=permit_of(Caller(enterprises=frozenset({"others"}))))


async def test_a_code_of_an_enterprise_that_was_deleted_is_refused(lab: World) -> None:
    code = code_of(lab)

    await delete_enterprise(lab.ports, LAB)

    with pytest.raises(EnterpriseNotAuthorized):
        await get_provisioning_info(lab.ports, code, permit=permit_of(ANYBODY))
