"""`/upgrade/…`: the page on which an admin makes their enterprise a managed Google domain, as far as an imitation can.

Source: disc, GenerateEnterpriseUpgradeUrlResponse.url ("The page can't be rendered in an iframe").
"""

from collections.abc import Mapping
from html import escape
from importlib import resources
from string import Template

from heliograph.api.resources.sign_up_page import BAD_REQUEST, NOT_FOUND, OK, alert, form_fields, send_page, web_page
from heliograph.asgi import Asgi, ClientGone, Message, Receive, Send
from heliograph.domain.enterprise_upgrade import EnterpriseUpgrade
from heliograph.protojson.errors import HeliographError, InvalidArgument, NotFound
from heliograph.service.enterprise_upgrade import PATH, complete_upgrade, upgrade_of
from heliograph.service.ports import Ports

TITLE = "Upgrade an enterprise"


def upgrade_app(ports: Ports, *, otherwise: Asgi) -> Asgi:
    """The ASGI app that answers the upgrade page, and hands every other request on."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in {"GET", "POST"} or not scope["path"].startswith(PATH):
            return await otherwise(scope, receive, send)
        sealed = scope["path"].removeprefix(PATH)
        try:
            if scope["method"] == "GET":
                return await send_page(send, OK, _form(upgrade_of(ports, sealed), {}, {}))
            return await _completed(ports, sealed, await form_fields(receive), send)
        except NotFound as error:
            return await send_page(send, NOT_FOUND, web_page(TITLE, f"<p>{escape(error.message)}</p>"))
        except HeliographError as error:
            return await send_page(send, BAD_REQUEST, web_page(TITLE, f"<p>{escape(error.message)}</p>"))
        except ClientGone:
            return None

    return answer


async def _completed(ports: Ports, sealed: str, fields: Mapping[str, str], send: Send) -> None:
    """Say that it is done, or show what is wrong.  Raises: NoSuchUpgrade."""
    try:
        name = await complete_upgrade(ports, sealed, admin_email=fields.get("admin_email", ""), accepted="accepted" in fields)
    except InvalidArgument as error:
        wrong = {violation.field: violation.description for violation in error.violations}
        return await send_page(send, BAD_REQUEST, _form(upgrade_of(ports, sealed), fields, wrong))
    return await send_page(
        send, OK, web_page(TITLE, f"<p>{escape(str(name))} is a managed Google domain now. You can close this page.</p>")
    )


def _form(upgrade: EnterpriseUpgrade, fields: Mapping[str, str], wrong: Mapping[str, str]) -> bytes:
    """The page with the form as the admin filled it in, and the mistakes beside each field."""
    domains = f"<small>At {escape(', '.join(upgrade.allowed_domains))}.</small>" if upgrade.allowed_domains else ""
    form = (resources.files(__package__) / "upgrade_form.html").read_text(encoding="utf-8")
    return web_page(
        TITLE,
        Template(form).substitute(
            enterprise=escape(f"enterprises/{upgrade.enterprise}"),
            admin_email=escape(fields.get("admin_email", upgrade.admin_email)),
            domains=domains,
            checked=" checked" if "accepted" in fields else "",
            **{f"wrong_{name}": alert(wrong.get(name)) for name in ("admin_email", "accepted")},
        ),
    )
