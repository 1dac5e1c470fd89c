"""How a body of issueCommand is read. Each goes to a device that does not exist: read, it is 404 and nothing happens; else 400."""

import http
from collections.abc import Mapping

from heliograph.conformance.probes.probe import Probe, reads, rejection, rejection_in_words
from heliograph.conformance.server import MISSING, Answer, Json, Server

READ = "read"
APP = "com.example.heliograph.probe"


def _sent(server: Server, body: Json) -> Answer:
    return server.issue(f"{server.enterprise}/devices/{MISSING}", body)


def _is_read(body: Json) -> Probe:
    """Whether this body is one: what the server says of the missing device shows that it was read."""

    def ask(server: Server) -> str:
        answer = _sent(server, body)
        return READ if answer.status == http.HTTPStatus.NOT_FOUND else rejection(answer)

    return reads(ask)


snake_case_names = _is_read({"clear_apps_data_params": {"package_names": [APP]}})
null_is_absent = _is_read({"type": "LOCK", "duration": None, "wipeParams": None})
one_value_for_a_list = _is_read({"clearAppsDataParams": {"packageNames": APP}})
quoted_enum_number = _is_read({"type": "1"})
enum_number = _is_read({"type": 1})
lower_case_enum = _is_read({"type": "lock"})
params_with_two_members = _is_read({"clearAppsDataParams": {"packageNames": [APP]}, "stopLostModeParams": {}})


@reads
def unknown_field(server: Server) -> str:
    return _first_line(_sent(server, {"type": "LOCK", "volume": 3}))


@reads
def unknown_enum_value(server: Server) -> str:
    return _first_line(_sent(server, {"type": "HELIOGRAPH"}))


@reads
def malformed_duration(server: Server) -> str:
    return _first_line(_sent(server, {"type": "LOCK", "duration": "1 hour"}))


@reads
def several_mistakes(server: Server) -> str:
    answer = _sent(server, {"type": "HELIOGRAPH", "volume": 3})
    found = [violation for detail in _details(answer) for violation in detail.get("fieldViolations", [])]
    return f"{answer.status}, {len(found)} violations"


def _first_line(answer: Answer) -> str:
    """The status and the message in Google's words: Heliograph adds a sentence of advice after them."""
    line = rejection_in_words(answer)
    for end in ("Cannot find field.", '"HELIOGRAPH"', "must end with 's'"):
        before, found, _advice = line.partition(end)
        if found:
            return f"{before}{found}"
    return line


def _details(answer: Answer) -> list[Mapping[str, list[Json]]]:
    return list(answer.json.get("error", {}).get("details", []))
