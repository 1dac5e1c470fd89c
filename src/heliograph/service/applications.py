"""Applications: what is known of an app."""

from heliograph.domain.application import PACKAGE_NAME, Application, of_web_app, stand_in
from heliograph.domain.names import ApplicationName, WebAppName
from heliograph.domain.web_app import WebAppRecord
from heliograph.protojson.errors import NotFound
from heliograph.service.not_found import enterprise_absence
from heliograph.service.ports import Ports


async def get_application(ports: Ports, name: ApplicationName) -> Application:
    """The enterprise's web app of this package name; of any other app a stand-in, always the same, that says it is one.

    Raises: EnterpriseNotAuthorized; NotFound: no app can have this package name.
    """
    if (error := await enterprise_absence(ports, name.parent)) is not None:
        raise error
    if not PACKAGE_NAME.fullmatch(name.package_name):
        raise NotFound(f"{name.package_name!r} is not a package name, as in com.example.app.")
    web_app = await ports.store.record(WebAppRecord, WebAppName(*name))
    return stand_in(name) if web_app is None else of_web_app(name, web_app.message.title)
