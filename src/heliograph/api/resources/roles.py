"""`/heliograph/v1/roles`, `/heliograph/v1/roleBindings` and `/heliograph/v1/access:explain`, at the operator's desk."""

import msgspec
from starlette.requests import Request

from heliograph.api.resources.operator_desk import PREFIX, DeskRoute, OperatorDesk, message_of
from heliograph.commands import COMMANDS
from heliograph.domain.roles import BUILT_IN, RoleBinding, RoleBindingName, RoleDefinition, who_of
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import encode_message
from heliograph.protojson.times import format_timestamp
from heliograph.service.explain_access import AccessQuestion, explain_access
from heliograph.service.roles import bind_role, delete_role, get_role, list_role_bindings, list_roles, set_role, unbind_role

ROLES = f"{PREFIX}/roles"
BINDINGS = f"{PREFIX}/roleBindings"
ACCESS = f"{PREFIX}/access:explain"
METHODS = f"{PREFIX}/access:methods"


async def _list(desk: OperatorDesk, _request: Request) -> object:
    return {"roles": [_view(role) for role in await list_roles(desk.ports.store)]}


async def _get(desk: OperatorDesk, request: Request) -> object:
    return _view(await get_role(desk.ports.store, request.path_params["role"]))


async def _set(desk: OperatorDesk, request: Request) -> object:
    wanted = await message_of(request, RoleDefinition, root="role")
    role = request.path_params["role"]
    if wanted.name not in {"", role}:
        raise InvalidArgument(f"The role in the body, {wanted.name[:64]!r}, differs from the one in the path.")
    definition = msgspec.structs.replace(wanted, name=role)
    methods = [method.id for method in desk.methods]
    return _view(await set_role(desk.ports.store, desk.ports.access, definition, methods=methods, command_types=COMMANDS))


async def _delete(desk: OperatorDesk, request: Request) -> object:
    keys = await desk.sign_in.keys.service_keys()
    await delete_role(desk.ports.store, desk.ports.access, request.path_params["role"], keys=keys)
    return {}


async def _list_bindings(desk: OperatorDesk, _request: Request) -> object:
    return {"roleBindings": [_binding_view(binding) for binding in await list_role_bindings(desk.ports.store)]}


async def _bind(desk: OperatorDesk, request: Request) -> object:
    return _binding_view(await bind_role(desk.ports.store, desk.ports.access, _binding_name(request)))


async def _unbind(desk: OperatorDesk, request: Request) -> object:
    await unbind_role(desk.ports.store, desk.ports.access, _binding_name(request))
    return {}


async def _explain(desk: OperatorDesk, request: Request) -> object:
    asked = request.query_params
    question = AccessQuestion(asked.get("who", ""), asked.get("what", ""), asked.get("where", ""))
    return await explain_access(desk.ports, desk.sign_in, question, methods=desk.methods)


async def _methods(desk: OperatorDesk, _request: Request) -> object:
    return {"methods": [{"id": method.id, "destructive": method.destructive} for method in desk.methods]}


ROUTES: tuple[DeskRoute, ...] = (
    ("GET", ROLES, _list),
    ("GET", f"{ROLES}/{{role}}", _get),
    ("PUT", f"{ROLES}/{{role}}", _set),
    ("DELETE", f"{ROLES}/{{role}}", _delete),
    ("GET", BINDINGS, _list_bindings),
    ("PUT", f"{BINDINGS}/{{who}}/{{role}}", _bind),
    ("DELETE", f"{BINDINGS}/{{who}}/{{role}}", _unbind),
    ("GET", ACCESS, _explain),
    ("GET", METHODS, _methods),
)


def _binding_name(request: Request) -> RoleBindingName:
    """Raises: InvalidArgument."""
    return RoleBindingName(who_of(request.path_params["who"]), request.path_params["role"])


def _view(role: RoleDefinition) -> dict[str, object]:
    builtin = {"builtIn": True} if role.name in BUILT_IN else {}
    return {**msgspec.json.decode(encode_message(role)), **builtin}


def _binding_view(binding: RoleBinding) -> dict[str, object]:
    return {"who": binding.name.who, "role": binding.name.role, "createTime": format_timestamp(binding.created_us)}
