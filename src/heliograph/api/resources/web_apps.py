"""The webApps resource."""

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Call
from heliograph.api.resources.answers import EMPTY, list_body
from heliograph.api.resources.devices import UpdateQuery
from heliograph.domain.messages import Message
from heliograph.domain.names import EnterpriseName, WebAppName
from heliograph.domain.web_app import WebApp
from heliograph.protojson.field_mask import parse_field_mask
from heliograph.service.web_apps import create_web_app, delete_web_app, get_web_app, list_web_apps, patch_web_app


class ListWebAppsResponse(Message):
    """Source: disc, ListWebAppsResponse."""

    web_apps: tuple[WebApp, ...] = ()
    next_page_token: str = ""


async def create(call: Call) -> bytes:
    """The new web app, with its name.  Source: disc, webApps.create."""
    wanted = await call.message(WebApp, root="web_app")
    return (await create_web_app(call.ports, EnterpriseName(*call.ids), wanted)).resource


async def get(call: Call) -> bytes:
    """The web app.  Source: disc, webApps.get."""
    return (await get_web_app(call.ports, WebAppName(*call.ids))).resource


async def list_(call: Call) -> bytes:
    """One page of an enterprise's web apps, oldest first.  Source: disc, webApps.list."""
    query: PageQuery = call.query
    web_apps, next_page_token = await list_web_apps(
        call.ports, EnterpriseName(*call.ids), page_size=query.page_size, page_token=query.page_token
    )
    return list_body("webApps", (web_app.resource for web_app in web_apps), next_page_token)


async def patch(call: Call) -> bytes:
    """The web app as it is now.  Source: disc, webApps.patch."""
    query: UpdateQuery = call.query
    wanted = await call.message(WebApp, root="web_app")
    mask = parse_field_mask(query.update_mask, of=WebApp) or None
    return (await patch_web_app(call.ports, WebAppName(*call.ids), wanted, mask)).resource


async def delete(call: Call) -> bytes:
    """An empty answer: the web app is gone.  Source: disc, webApps.delete."""
    await delete_web_app(call.ports, WebAppName(*call.ids))
    return EMPTY
