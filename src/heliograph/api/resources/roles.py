"""`/heliograph/v1/roles`, `/heliograph/v1/roleBindings` and `/heliograph/v1/access:explain`, at the operator's desk."""

import msgspec

from heliograph.api.resources.operator_desk import PREFIX, DeskCall, DeskMethod, OperatorDesk
from heliograph.commands import COMMANDS
from heliograph.domain.roles import BUILT_IN, RoleBinding, RoleBindingName, RoleDefinition, who_of
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import encode_message
from heliograph.protojson.times import format_timestamp
from heliograph.service.explain_access import AccessQuestion, explain_access
from heliograph.service.roles import bind_role, delete_role, get_role, list_role_bindings, list_roles, set_role, unbind_role

ROLES = f"{PREFIX}/roles"
BINDINGS = f"{PREFIX}/roleBindings"


async def _list(desk: OperatorDesk, _call: DeskCall) -> object:
    return {"roles": [_view(role) for role in await list_roles(desk.ports.store)]}


async def _get(desk: OperatorDesk, call: DeskCall) -> object:
    return _view(await get_role(desk.ports.store, call.ids[0]))


async def _set(desk: OperatorDesk, call: DeskCall) -> object:
    wanted = call.message(RoleDefinition, root="role")
    role = call.ids[0]
    if wanted.name not in {"", role}:
        raise InvalidArgument(f"The role in the body, {wanted.name[:64]!r}, differs from the one in the path.")
    definition = msgspec.structs.replace(wanted, name=role)
    methods = [method.id for method in desk.methods]
    return _view(await set_role(desk.ports.store, desk.ports.access, definition, methods=methods, command_types=COMMANDS))


async def _delete(desk: OperatorDesk, call: DeskCall) -> object:
    keys = await desk.sign_in.keys.service_keys()
    await delete_role(desk.ports.store, desk.ports.access, call.ids[0], keys=keys)
    return {}


async def _list_bindings(desk: OperatorDesk, _call: DeskCall) -> object:
    return {"roleBindings": [_binding_view(binding) for binding in await list_role_bindings(desk.ports.store)]}


async def _bind(desk: OperatorDesk, call: DeskCall) -> object:
    return _binding_view(await bind_role(desk.ports.store, desk.ports.access, _binding_name(call)))


async def _unbind(desk: OperatorDesk, call: DeskCall) -> object:
    await unbind_role(desk.ports.store, desk.ports.access, _binding_name(call))
    return {}


async def _explain(desk: OperatorDesk, call: DeskCall) -> object:
    asked = call.query
    question = AccessQuestion(asked.get("who", ""), asked.get("what", ""), asked.get("where", ""))
    return await explain_access(desk.ports, desk.sign_in, question, methods=desk.methods, groups=desk.groups)


async def _methods(desk: OperatorDesk, _call: DeskCall) -> object:
    return {"methods": [{"id": method.id, "destructive": method.destructive} for method in desk.methods]}


ROLE_METHODS = (
    DeskMethod(id="heliograph.roles.list", http="GET", path="roles", handler=_list),
    DeskMethod(id="heliograph.roles.get", http="GET", path="roles/*", handler=_get),
    DeskMethod(id="heliograph.roles.set", http="PUT", path="roles/*", handler=_set, widens=True),
    DeskMethod(id="heliograph.roles.delete", http="DELETE", path="roles/*", handler=_delete),
    DeskMethod(id="heliograph.roleBindings.list", http="GET", path="roleBindings", handler=_list_bindings),
    DeskMethod(id="heliograph.roleBindings.bind", http="PUT", path="roleBindings/*/*", handler=_bind, widens=True),
    DeskMethod(id="heliograph.roleBindings.unbind", http="DELETE", path="roleBindings/*/*", handler=_unbind),
    DeskMethod(id="heliograph.access.explain", http="GET", path="access:explain", handler=_explain),
    DeskMethod(id="heliograph.access.methods", http="GET", path="access:methods", handler=_methods),
)


def _binding_name(call: DeskCall) -> RoleBindingName:
    """Raises: InvalidArgument."""
    who, role = call.ids
    return RoleBindingName(who_of(who), role)


def _view(role: RoleDefinition) -> dict[str, object]:
    builtin = {"builtIn": True} if role.name in BUILT_IN else {}
    return {**msgspec.json.decode(encode_message(role)), **builtin}


def _binding_view(binding: RoleBinding) -> dict[str, object]:
    return {"who": binding.name.who, "role": binding.name.role, "createTime": format_timestamp(binding.created_us)}
