"""`/sandbox/v1/requests` and `/sandbox/v1/quota`: what callers sent, how it was answered, and their quota (docs/faults-on-demand.md)."""

from starlette.requests import Request

from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.sandbox.answers import Nothing
from heliograph.sandbox.answers_about_calls import Har, QuotaReportView, RequestList, RequestView, Trace
from heliograph.sandbox.bodies import Handler
from heliograph.sandbox.har import har_of
from heliograph.sandbox.request_filter import parse_request_filter
from heliograph.sandbox.request_journal import RequestRecord
from heliograph.sandbox.stage import Stage
from heliograph.sandbox.steering_route import ABSENT, CHANGES, NOT_NOW, QueryParameter, SteeringRoute
from heliograph.sandbox.trace import trace_of
from heliograph.sandbox.world import World


async def _list(world: World, request: Request) -> object:
    return {"requests": [record.view() for record in _wanted(world, request)]}


async def _get(world: World, request: Request) -> object:
    return world.bench.requests.find(request.path_params["number"]).view()


async def _clear(world: World, _request: Request) -> object:
    await world.life.reached(Stage.READY)
    world.bench.requests.clear()
    return {}


async def _export_har(world: World, request: Request) -> object:
    return har_of(_wanted(world, request), base_url=str(request.base_url).rstrip("/"))


async def _trace(world: World, request: Request) -> object:
    async with world.change():
        await world.settle()  # what the call has caused until now has happened
        bench = world.bench
        effects = [effect for phone in world.phones.values() for effect in phone.runner.phone.effects]
        return await trace_of(
            bench.requests.find(request.path_params["number"]), ports=world.parts.ports, requests=bench.requests.records(),
            effects=effects, notifications=world.notifications.views(),
        )  # fmt: skip


async def _quota(world: World, _request: Request) -> object:
    return world.bench.quota.view()


def _wanted(world: World, request: Request) -> list[RequestRecord]:
    query = request.query_params
    wants = parse_request_filter(query.get("filter", ""))
    after = query.get("after", "").removeprefix("requests/") or "0"
    if not (after.isascii() and after.isdecimal() and len(after) < 16):  # noqa: PLR2004 - more digits than requests
        raise InvalidArgument(violations=[Violation("after", "after must be the name of a request, as in requests/17.")])
    return [record for record in world.bench.requests.records() if record.number > int(after) and wants(record)]


_REQUESTS = "/sandbox/v1/requests"
_WHICH = (
    QueryParameter(name="filter", description="Comparisons that must all hold.", example="method:issueCommand"),
    QueryParameter(name="after", description="The name of a request: only what came later."),
)
REQUEST_ROUTES: tuple[SteeringRoute[Handler], ...] = (
    SteeringRoute(
        id="requests.list", http_method="GET", path=_REQUESTS, handler=_list, answer=RequestList, query=_WHICH,
        summary="The newest calls of the API, without secrets.",
    ),
    SteeringRoute(
        id="requests.get", http_method="GET", path=f"{_REQUESTS}/{{number}}", handler=_get, answer=RequestView, errors=(ABSENT,),
        summary="One call.",
    ),
    SteeringRoute(
        id="requests.trace", http_method="GET", path=f"{_REQUESTS}/{{number}}/trace", handler=_trace, answer=Trace,
        errors=(ABSENT, *CHANGES), summary="The call, its operation, and every step of that in order.",
    ),
    SteeringRoute(
        id="requests.exportHar", http_method="GET", path=f"{_REQUESTS}:exportHar", handler=_export_har, answer=Har, query=_WHICH,
        summary="The calls as an HTTP Archive.",
    ),
    SteeringRoute(
        id="requests.clear", http_method="POST", path=f"{_REQUESTS}:clear", handler=_clear, answer=Nothing, errors=(NOT_NOW,),
        summary="Forgets them; numbers go on.",
    ),
    SteeringRoute(
        id="quota.get", http_method="GET", path="/sandbox/v1/quota", handler=_quota, answer=QuotaReportView,
        summary="Calls and refusals by method, the worst wait, and commands given up.",
    ),
)  # fmt: skip
