"""A device that leaves the filter of a role after its caller was let in is out of reach: every write judges in its own transaction."""

import pytest

from heliograph.api.app import METHODS
from heliograph.api.http.address import Addresses
from heliograph.api.method import Call, Method
from heliograph.domain.access import Caller
from heliograph.domain.rights import RoleInsufficient, is_write
from heliograph.domain.roles import RoleDefinition, RoleLine
from heliograph.service.devices import get_device
from heliograph.service.operations import get_operation
from tests.service.world import World

ON_DEVICES = [method for method in METHODS if method.path.startswith("enterprises/*/devices/*") and is_write(method.id) and method.offered]
BODIES = {"issueCommand": b'{"type":"REBOOT"}', "patch": b'{"policyName":"other"}'}


def caller(method: Method, devices: str) -> Caller:
    """Who may call the method on devices that fit the filter."""
    line = RoleLine(methods=(method.id,), devices=devices)
    return Caller(email="desk@lab", role="").with_rights([RoleDefinition(name="desk", allow=(line,))])


def called(lab: World, method: Method, ids: tuple[str, ...], by: Caller) -> Call:
    """The call of someone who was let in before."""
    body = BODIES.get(method.id.rpartition(".")[2], b"")
    scope = {"headers": [], "query_string": b"", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http"}
    return Call(lab.ports, ids, method.query(), body, scope, Addresses(), by, by.rights.permit(method))


def test_there_are_such_methods_and_each_is_tried() -> None:
    assert {"issueCommand", "patch", "delete", "cancel"} <= {method.id.rpartition(".")[2] for method in ON_DEVICES}


@pytest.mark.parametrize("method", ON_DEVICES, ids=lambda method: method.id)
async def test_a_write_is_judged_by_the_device_as_it_is_then(lab: World, method: Method) -> None:
    device = (await lab.phone()).name
    operation = await lab.issue(device)
    ids = (*device, str(operation.create_ms))[: method.path.count("*")]
    before = await get_device(lab.ports, device), await get_operation(lab.ports, operation)

    with pytest.raises(RoleInsufficient):
        await method.handler(called(lab, method, ids, caller(method, 'policyName="*/elsewhere"')))

    assert before == (await get_device(lab.ports, device), await get_operation(lab.ports, operation))
    await method.handler(called(lab, method, ids, caller(method, f'name="{device}"')))  # of one that fits it is done
