"""The enterprise of an admin who signed up."""

import msgspec

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.enterprise import ContactInfo, Enterprise
from heliograph.domain.errors import AlreadyExists, InvalidArgument, Violation
from heliograph.domain.sign_up import EnterpriseToken, enterprise_id_of, opened
from heliograph.service._sign_up import sign_up_key
from heliograph.service.create_enterprise import create_enterprise
from heliograph.service.ports import Ports


class EnterpriseTokenUsed(AlreadyExists):
    """The enterprise token was used."""

    reason = "ENTERPRISE_TOKEN_USED"


async def create_signed_up_enterprise(
    ports: Ports, enterprise: Enterprise, *, signup_url_name: str, enterprise_token: str
) -> EnterpriseRecord:
    """The one enterprise of this sign-up; where the caller says nothing of its name and contact, what its admin wrote counts.

    Raises: InvalidArgument: not a token of that sign-up, or expired; EnterpriseTokenUsed: the enterprise exists already.
    """
    key = sign_up_key(ports)
    token = _token(ports, key, signup_url_name=signup_url_name, enterprise_token=enterprise_token)
    enterprise_id = enterprise_id_of(token.id, key=key)
    try:
        return await create_enterprise(ports, _with_admins_words(enterprise, token), enterprise_id=enterprise_id)
    except AlreadyExists:
        message = f"The enterprise token was used: it made enterprises/{enterprise_id}."
        raise EnterpriseTokenUsed(message, metadata={"enterprise": f"enterprises/{enterprise_id}"}) from None


def _token(ports: Ports, key: bytes, *, signup_url_name: str, enterprise_token: str) -> EnterpriseToken:
    token = opened(enterprise_token, EnterpriseToken, key=key, now_us=ports.clock.now_us())
    if token is None:
        description = "enterprise_token is not valid, or is older than an hour: sign up again, with a new sign-up URL."
        raise InvalidArgument(violations=[Violation("enterprise_token", description)])
    if signup_url_name != f"signupUrls/{token.id}":
        description = "signup_url_name is not the sign-up that the enterprise token comes from: send the name that signupUrls.create gave."
        raise InvalidArgument(violations=[Violation("signup_url_name", description)])
    return token


def _with_admins_words(enterprise: Enterprise, token: EnterpriseToken) -> Enterprise:
    contact = enterprise.contact_info
    if token.admin_email and not (contact and contact.contact_email):
        contact = msgspec.structs.replace(contact or ContactInfo(), contact_email=token.admin_email)
    name = enterprise.enterprise_display_name or token.display_name
    return msgspec.structs.replace(enterprise, enterprise_display_name=name, contact_info=contact)
