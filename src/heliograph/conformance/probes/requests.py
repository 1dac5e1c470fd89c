"""What a server answers to requests that change nothing: unknown names, parameters, the form of an answer."""

from heliograph.conformance.probes.probe import reads, rejection, rejection_in_words, taken_or_status
from heliograph.conformance.server import MISSING, Server


@reads
def unknown_enterprise(server: Server) -> str:
    return rejection_in_words(server.get(f"enterprises/{MISSING}/devices"))


@reads
def unknown_device(server: Server) -> str:
    return rejection(server.get(f"{server.enterprise}/devices/{MISSING}"))


@reads
def unknown_operation(server: Server) -> str:
    answer = server.get(f"{server.any_device()}/operations/1")
    first_sentence = ". ".join(answer.message.split(". ")[:2]).rstrip(".")
    return f"{answer.status}: {first_sentence}"


@reads
def unknown_parameter(server: Server) -> str:
    answer = server.get(f"{server.enterprise}/devices", f"{MISSING}=1")
    return f"{rejection(answer)}, {'named' if MISSING in answer.message else 'not named'}"


@reads
def pretty_print(server: Server) -> str:
    lines = server.get(server.enterprise).body.decode(errors="replace").splitlines()
    return "indented" if len(lines) > 1 and lines[1].startswith("  ") else "on one line"


@reads
def partial_response(server: Server) -> str:
    answer = server.get(server.enterprise, "fields=name")
    return "only what was selected" if set(answer.json) == {"name"} else taken_or_status(answer)


@reads
def large_page(server: Server) -> str:
    return taken_or_status(server.get(f"{server.enterprise}/devices", "pageSize=1000"))


@reads
def negative_page(server: Server) -> str:
    return taken_or_status(server.get(f"{server.enterprise}/devices", "pageSize=-1"))


@reads
def empty_page_token(server: Server) -> str:
    return taken_or_status(server.get(f"{server.enterprise}/devices", "pageToken="))


@reads
def last_page(server: Server) -> str:
    *_, last = server.pages(f"{server.enterprise}/devices", "pageSize=100")
    return "without nextPageToken" if "nextPageToken" not in last.json else "with an empty nextPageToken"


@reads
def partial_success(server: Server) -> str:
    return taken_or_status(server.get(f"{server.any_device()}/operations", "returnPartialSuccess=true"))


@reads
def operations_filter(server: Server) -> str:
    return taken_or_status(server.get(f"{server.any_device()}/operations", "filter=done%3Dtrue"))
