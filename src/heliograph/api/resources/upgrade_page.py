"""`/upgrade/…`: the page on which an admin makes their enterprise a managed Google domain, as far as an imitation can.

Source: disc, GenerateEnterpriseUpgradeUrlResponse.url ("The page can't be rendered in an iframe").
"""

from collections.abc import Mapping
from html import escape

from heliograph.api.resources.web_page import BAD_REQUEST, OK, admin_fields, send_page, template, web_page, web_page_app, wrong_fields
from heliograph.asgi import Asgi, Send
from heliograph.domain.enterprise_upgrade import EnterpriseUpgrade
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.enterprise_upgrade import PATH, complete_upgrade, upgrade_of
from heliograph.service.ports import Ports

TITLE = "Upgrade an enterprise"


def upgrade_app(ports: Ports, *, otherwise: Asgi) -> Asgi:
    """The ASGI app that answers the upgrade page, and hands every other request on."""

    async def show(sealed: str) -> bytes:
        return _form(upgrade_of(ports, sealed), {}, {})

    async def complete(sealed: str, fields: Mapping[str, str], send: Send) -> None:
        """Say that it is done, or show what is wrong.  Raises: NoSuchUpgrade."""
        try:
            name = await complete_upgrade(ports, sealed, admin_email=fields.get("admin_email", ""), accepted="accepted" in fields)
        except InvalidArgument as error:
            return await send_page(send, BAD_REQUEST, _form(upgrade_of(ports, sealed), fields, wrong_fields(error)))
        done = f"<p>{escape(str(name))} is a managed Google domain now. You can close this page.</p>"
        return await send_page(send, OK, web_page(TITLE, done))

    return web_page_app(PATH, TITLE, show=show, complete=complete, otherwise=otherwise)


def _form(upgrade: EnterpriseUpgrade, fields: Mapping[str, str], wrong: Mapping[str, str]) -> bytes:
    """The page with the form as the admin filled it in, and the mistakes beside each field."""
    form = template("upgrade_form.html").substitute(
        enterprise=escape(f"enterprises/{upgrade.enterprise}"),
        **admin_fields(fields, wrong, admin_email=upgrade.admin_email, allowed_domains=upgrade.allowed_domains),
    )
    return web_page(TITLE, form)
