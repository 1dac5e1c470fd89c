"""The enterprises resource."""

import enum

import msgspec

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Call
from heliograph.api.resources.answers import EMPTY, list_body
from heliograph.api.resources.devices import UpdateQuery
from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.enterprise_upgrade import UpgradeUrlRequest, UpgradeUrlResponse
from heliograph.domain.messages import Message, proto
from heliograph.domain.names import EnterpriseName
from heliograph.domain.sign_up import check_agreement
from heliograph.protojson.field_mask import parse_field_mask
from heliograph.protojson.messages import encode_message
from heliograph.service.enterprise_upgrade import generate_upgrade_url as generate_url
from heliograph.service.enterprises import (
    create_enterprise,
    create_signed_up_enterprise,
    delete_enterprise,
    get_enterprise,
    list_enterprises,
    patch_enterprise,
)


@proto("EnterpriseView")
class EnterpriseView(enum.Enum):
    """Source: disc, enterprises.list."""

    ENTERPRISE_VIEW_UNSPECIFIED = "ENTERPRISE_VIEW_UNSPECIFIED"
    BASIC = "BASIC"


class CreateEnterpriseQuery(Message):
    """How the enterprise agreed: its sign-up with us, or that it did. One server is one project: `project_id` is not looked at.

    Source: disc, enterprises.create.
    """

    project_id: str = ""
    signup_url_name: str = ""
    enterprise_token: str = ""
    agreement_accepted: bool = False


class ListEnterprisesResponse(Message):
    """Source: disc, ListEnterprisesResponse."""

    enterprises: tuple[Enterprise, ...] = ()
    next_page_token: str = ""


class ListEnterprisesQuery(PageQuery):
    """`project_id` is accepted and not looked at: one server is one project.  Source: disc, enterprises.list."""

    project_id: str = ""
    view: EnterpriseView = EnterpriseView.ENTERPRISE_VIEW_UNSPECIFIED


async def create(call: Call) -> bytes:
    """The new enterprise, with its name.  Source: disc, enterprises.create."""
    query: CreateEnterpriseQuery = call.query
    wanted = await call.message(Enterprise, root="enterprise")
    check_agreement(
        agreement_accepted=query.agreement_accepted, signup_url_name=query.signup_url_name, enterprise_token=query.enterprise_token
    )
    if query.enterprise_token:
        names = {"signup_url_name": query.signup_url_name, "enterprise_token": query.enterprise_token}
        return (await create_signed_up_enterprise(call.ports, wanted, **names, server_url=call.url_for_phones())).resource
    return (await create_enterprise(call.ports, wanted, server_url=call.url_for_phones())).resource


async def get(call: Call) -> bytes:
    """The enterprise.  Source: disc, enterprises.get."""
    return (await get_enterprise(call.ports, EnterpriseName(*call.ids))).resource


async def list_(call: Call) -> bytes:
    """One page of the enterprises that the caller manages, oldest first, their BASIC fields.  Source: disc, enterprises.list."""
    query: ListEnterprisesQuery = call.query
    enterprises, next_page_token = await list_enterprises(
        call.ports, page_size=query.page_size, page_token=query.page_token, only=call.permit.enterprises
    )
    return list_body("enterprises", map(_basic, enterprises), next_page_token)


async def patch(call: Call) -> bytes:
    """The enterprise as it is now.  Source: disc, enterprises.patch."""
    query: UpdateQuery = call.query
    wanted = await call.message(Enterprise, root="enterprise")
    mask = parse_field_mask(query.update_mask, of=Enterprise) or None
    record = await patch_enterprise(call.ports, EnterpriseName(*call.ids), wanted, mask, server_url=call.url_for_phones())
    return record.resource


async def delete(call: Call) -> bytes:
    """An empty answer: the enterprise is gone, each of its devices as by devices.delete.  Source: disc, enterprises.delete."""
    await delete_enterprise(call.ports, EnterpriseName(*call.ids), caller=call.caller, permit=call.permit)
    return EMPTY


async def generate_upgrade_url(call: Call) -> bytes:
    """The address of the upgrade page.  Source: disc, enterprises.generateEnterpriseUpgradeUrl."""
    wanted = await call.message(UpgradeUrlRequest, root="")
    url = await generate_url(
        call.ports,
        EnterpriseName(*call.ids),
        server_url=call.server_url(),
        admin_email=wanted.admin_email,
        allowed_domains=wanted.allowed_domains,
    )
    return encode_message(UpgradeUrlResponse(url=url))


def _basic(record: EnterpriseRecord) -> bytes:
    """Source: disc, enterprises.list: "Only BASIC fields are returned", which are name and enterprise_display_name."""
    return encode_message(msgspec.json.decode(record.resource, type=_Basic))


class _Basic(msgspec.Struct, rename="camel", omit_defaults=True):
    name: str
    enterprise_display_name: str = ""
