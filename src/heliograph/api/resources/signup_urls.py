"""The signupUrls resource."""

import msgspec

from heliograph.api.method import Call
from heliograph.domain.messages import Message
from heliograph.service.sign_up import create_signup_url


class SignupUrl(Message):
    """Source: disc, SignupUrl."""

    name: str = ""
    url: str = ""


class CreateSignupUrlQuery(Message):
    """`project_id` is accepted and not looked at: one server is one project.  Source: disc, signupUrls.create."""

    project_id: str = ""
    callback_url: str = ""
    admin_email: str = ""
    allowed_domains: tuple[str, ...] = ()


async def create(call: Call) -> bytes:
    """The address of the sign-up page.  Source: disc, signupUrls.create."""
    query: CreateSignupUrlQuery = call.query
    made = create_signup_url(
        call.ports,
        server_url=call.server_url(),
        callback_url=query.callback_url,
        admin_email=query.admin_email,
        allowed_domains=query.allowed_domains,
    )
    return msgspec.json.encode(SignupUrl(name=made.name, url=made.url))
