"""The applications resource."""

from heliograph.api.method import Call
from heliograph.domain.messages import Message
from heliograph.domain.names import ApplicationName
from heliograph.protojson.messages import encode_message
from heliograph.service.applications import get_application


class GetApplicationQuery(Message):
    """`language_code` is accepted and changes nothing: no text of an app is known here.  Source: disc, applications.get."""

    language_code: str = ""


async def get(call: Call) -> bytes:
    """The application.  Source: disc, applications.get."""
    return encode_message(await get_application(call.ports, ApplicationName(*call.ids)))
