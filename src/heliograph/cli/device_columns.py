"""The option that selects devices at the command line, and the devices that it selects (domain/device_columns.py has the language)."""

import json
from typing import Final

from heliograph.cli.api_client import ApiClient, Json
from heliograph.cli.command_tree import option
from heliograph.cli.options import enterprise_name
from heliograph.domain.device_columns import COLUMNS, read_filter

FILTER_HELP: Final = (
    "Only devices for which this holds, as in 'state=ACTIVE AND api>=30'. Operators: = != < > <= >=, and ~ for a part of the text. "
    f"Columns: {', '.join(COLUMNS)}."
)
FILTER = option("--filter", default="", show_default=False, metavar="FILTER", help=FILTER_HELP)


def devices_of(client: ApiClient, enterprise: str, filter: str = "") -> list[Json]:
    """The enterprise's devices for which the filter holds.  Raises: Failure, InvalidArgument."""
    holds = read_filter(filter)
    pages = client.pages(f"/v1/{enterprise_name(enterprise)}/devices")
    return [device for page in pages for device in json.loads(page).get("devices", ()) if holds(device)]
