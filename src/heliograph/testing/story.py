"""All that happened in a world, in the order of time."""

from collections.abc import Iterator
from typing import NamedTuple

from heliograph.testing.connection import Json, Steering
from heliograph.testing.requests import Requests
from heliograph.testing.times import moment

LINES_MOST = 300
_RANKS = ("network", "call", "server", "phone", "result", "notification", "look")
"""What has the same time stands in the order in which one causes the next."""
_BEFORE_THE_PHONE = ("issued", "offered", "acknowledged")


class Line(NamedTuple):
    """One thing that happened."""

    time: str
    kind: str
    text: str

    @property
    def order(self) -> tuple[object, int]:
        """Where it stands."""
        return moment(self.time), _RANKS.index(self.kind)

    def __str__(self) -> str:
        return f"{self.time:<27} {self.kind:<12} {self.text}"


def story_of(steering: Steering, requests: Requests) -> str:
    """A line each; of very many the newest."""
    lines = sorted([*_network(steering), *_calls(requests), *_operations(steering), *_notifications(steering)], key=lambda line: line.order)
    left_out = [f"({len(lines) - LINES_MOST} earlier lines are left out)"] if len(lines) > LINES_MOST else []
    return "\n".join([*left_out, *map(str, lines[-LINES_MOST:])]) or "nothing happened"


def _network(steering: Steering) -> Iterator[Line]:
    for view in steering.get("devices")["devices"]:
        for change in view["networkChanges"]:
            yield Line(change["time"], "network", f"{view['id']} {'is back' if change['online'] else 'goes offline'}")


def _calls(requests: Requests) -> Iterator[Line]:
    for request in requests:
        kind = "look" if request.raw.get("httpMethod") == "GET" else "call"
        yield Line(request.raw["time"], kind, str(request))


def _operations(steering: Steering) -> Iterator[Line]:
    for view in steering.get("operations")["operations"]:
        about = _about(view)
        for entry in view["timeline"]["entries"]:
            more = f" ({entry['detail']})" if entry.get("detail") else ""
            kind = "server" if entry["what"] in _BEFORE_THE_PHONE else "result"
            yield Line(entry["time"], kind, f"{about} {entry['what']}{more}")
        for effect in view["effects"]:
            how = {True: " well", False: " badly", None: ""}[effect.get("succeeded")]
            yield Line(effect["time"], "phone", f"{about} {effect['what']}{how}")


def _about(view: Json) -> str:
    _, _, operation = view["operation"]["name"].rpartition("/")
    return f"{view['phone']} {view['operation']['metadata']['type']} {operation}"


def _notifications(steering: Steering) -> Iterator[Line]:
    for view in steering.get("notifications")["notifications"]:
        yield Line(view["publishTime"], "notification", f"{view['notificationType']} {view['resource'].get('name', '')}")
