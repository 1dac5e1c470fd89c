"""`/signup/…`: the page on which an admin agrees that there be an enterprise.

Source: disc, SignupUrl.url ("The page can't be rendered in an iframe").
"""

from collections.abc import Mapping
from html import escape

from heliograph.api.resources.web_page import (
    BAD_REQUEST,
    SEE_OTHER,
    admin_fields,
    alert,
    send_page,
    template,
    web_page,
    web_page_app,
    wrong_fields,
)
from heliograph.asgi import Asgi, Send
from heliograph.domain.sign_up import SignUp, callback_host
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.ports import Ports
from heliograph.service.sign_up import PATH, complete_sign_up, sign_up_of

TITLE = "Sign up an enterprise"


def sign_up_app(ports: Ports, *, otherwise: Asgi) -> Asgi:
    """The ASGI app that answers the sign-up page, and hands every other request on."""

    async def show(sealed: str) -> bytes:
        return _form(sign_up_of(ports, sealed), {}, {})

    async def complete(sealed: str, fields: Mapping[str, str], send: Send) -> None:
        """Send the browser on, or show what is wrong.  Raises: NoSuchSignUp."""
        try:
            location = complete_sign_up(
                ports,
                sealed,
                display_name=fields.get("display_name", ""),
                admin_email=fields.get("admin_email", ""),
                accepted="accepted" in fields,
            )
        except InvalidArgument as error:
            return await send_page(send, BAD_REQUEST, _form(sign_up_of(ports, sealed), fields, wrong_fields(error)))
        return await send_page(send, SEE_OTHER, b"", (b"location", location.encode("ascii")))

    return web_page_app(PATH, TITLE, show=show, complete=complete, otherwise=otherwise)


def _form(sign_up: SignUp, fields: Mapping[str, str], wrong: Mapping[str, str]) -> bytes:
    """The page with the form as the admin filled it in, and the mistakes beside each field."""
    form = template("sign_up_form.html").substitute(
        host=escape(callback_host(sign_up.callback_url) or ""),
        display_name=escape(fields.get("display_name", "")),
        wrong_display_name=alert(wrong.get("display_name")),
        email_needed="" if sign_up.allowed_domains else " (optional)",
        **admin_fields(fields, wrong, admin_email=sign_up.admin_email, allowed_domains=sign_up.allowed_domains),
    )
    return web_page(TITLE, form)
