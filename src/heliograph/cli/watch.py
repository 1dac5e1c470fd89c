"""`heliograph watch`: what happens to commands, a line as it happens, and why one that waits is not done."""

import json
import time
from collections.abc import Iterator, Sequence
from typing import Final

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER
from heliograph.cli.api_client import ApiClient, Json
from heliograph.cli.command_tree import command
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.foreign_text import harmless_line
from heliograph.cli.options import client_of, device_name, operation_name
from heliograph.cli.output import local_time, with_local_times
from heliograph.domain.names import DeviceName, OperationName

LOOK_EVERY_S: Final = 0.5
PAGE_SIZE: Final = 1_000  # api.resources.operations: at most 1000
SHOWN_OF_DEVICE: Final = 20
"""Open commands of one device that are followed, the oldest first: they hold up the others."""


@command("watch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", help="DEVICE, or DEVICE/ID of a command; or their whole names.")
@ENTERPRISE
@SERVER
@click.option("--json", "as_json", is_flag=True, help="Print each change as one line of JSON.")
def watch(names: tuple[str, ...], *, enterprise: str, server: str, as_json: bool) -> None:
    """Follow commands live: each change with its time, and why one waits. Of devices until Ctrl-C, of commands until all have ended."""
    client = client_of(server)
    named = [_named(name, enterprise) for name in names]
    followed: dict[str, Followed] = {str(name): Followed(name) for name in named if isinstance(name, OperationName)}
    devices = [Watched(name) for name in named if isinstance(name, DeviceName)]
    _look(client, devices, followed, as_json=as_json)
    click.echo("Watching. Ctrl-C ends it.", err=True)
    reached = True
    while devices or followed:
        time.sleep(LOOK_EVERY_S)
        try:
            _look(client, devices, followed, as_json=as_json)
            reached = True
        except Failure as failure:
            if failure.exit_code is not ExitCode.UNAVAILABLE:
                raise
            if reached:
                click.echo(f"{failure.message} Trying again.", err=True)
            reached = False


def _look(client: ApiClient, devices: Sequence["Watched"], followed: dict[str, "Followed"], *, as_json: bool) -> None:
    """Print what is new, and forget what has ended.  Raises: Failure."""
    for device in devices:
        for name in device.new_or_open(client):
            followed.setdefault(str(name), Followed(name))
    for one in [*followed.values()]:
        for line in one.news(client, as_json=as_json):
            click.echo(line)
        if one.ended:
            del followed[str(one.name)]


def _named(name: str, enterprise: str) -> DeviceName | OperationName:
    """Raises: InvalidArgument."""
    bare = name.partition("/devices/")[2] or name.removeprefix("devices/")
    return operation_name(name, enterprise) if "/" in bare else device_name(name, enterprise)


class Watched:
    """A device, and up to which of its commands it has been looked at."""

    def __init__(self, name: DeviceName) -> None:
        self._name = name
        self._looked = False
        self._since = ""
        """The createTime of the newest command that was seen; empty: there was none."""

    def new_or_open(self, client: ApiClient) -> Sequence[OperationName]:
        """Commands that came since the last look, and open ones, the oldest first.  Raises: Failure."""
        wanted = f'done=false OR metadata.createTime>"{self._since}"' if self._since else ""
        pages = client.pages(f"/v1/{self._name}/operations", {"filter": wanted, "pageSize": PAGE_SIZE})
        found = [operation for page in pages for operation in json.loads(page).get("operations", ())]
        shown = [operation for operation in found if self._looked or not operation.get("done")]
        if found:
            self._since = found[-1]["metadata"]["createTime"]
        self._looked = True
        return [OperationName.parse(operation["name"]) for operation in shown[:SHOWN_OF_DEVICE]]


class Followed:
    """A command, and what has been shown of it."""

    def __init__(self, name: OperationName) -> None:
        self.name = name
        self.ended = False
        self._shown: dict[tuple[str, str], Json] = {}
        self._waiting = ""

    def news(self, client: ApiClient, *, as_json: bool) -> Iterator[str]:
        """What has changed since the last look, a line each.  Raises: Failure."""
        timeline = json.loads(client.get(f"/heliograph/v1/{self.name}/timeline"))
        self.ended = "endedAt" in timeline
        for entry in timeline["entries"]:
            place = (entry["time"], entry["what"])
            if self._shown.get(place) != entry:
                self._shown[place] = entry
                yield self._line(timeline["type"], entry, as_json=as_json)
        why = {} if self.ended else json.loads(client.get(f"/heliograph/v1/{self.name}:explain"))
        waiting = why.get("waiting", "")
        if waiting not in {self._waiting, "NOTHING"} and not self.ended:
            detail = " ".join(filter(None, (why["sentence"], why.get("advice", ""))))
            yield self._line(timeline["type"], {"what": "waits", "detail": detail}, as_json=as_json)
        self._waiting = waiting

    def _line(self, type: str, entry: Json, *, as_json: bool) -> str:
        if as_json:
            return json.dumps({"operation": str(self.name), "type": type, **entry}, ensure_ascii=False)
        moment = local_time(entry["until"] if entry.get("until") else entry["time"]).partition(" ")[2] if "time" in entry else ""
        times = f" ×{entry['count']}" if entry.get("count", 1) > 1 else ""
        detail = f": {with_local_times(entry['detail'])}" if entry.get("detail") else ""
        return harmless_line(f"{moment:<11} {self.name.device.device} {type} {entry['what']}{times}{detail}")
