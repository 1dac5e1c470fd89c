"""`/retry_test`: the paths and answers of Google's storage-testbench, below the address of the world (`retry_test.py`)."""

from starlette.requests import Request
from starlette.responses import Response

from heliograph.sandbox.answers_about_calls import RetryTestList, RetryTestView, RetryTestWanted
from heliograph.sandbox.bodies import Handler, bytes_of
from heliograph.sandbox.stage import Stage
from heliograph.sandbox.steering_route import ABSENT, NOT_NOW, TOO_MANY, SteeringRoute
from heliograph.sandbox.world import World

BODY_MAX_BYTES = 1_024 * 1_024


async def _create(world: World, request: Request) -> object:
    await world.life.reached(Stage.READY)  # the bench of a world that is still being made is another one
    return world.bench.retry_tests.create(await bytes_of(request, max_bytes=BODY_MAX_BYTES)).view()


async def _get(world: World, request: Request) -> object:
    return world.bench.retry_tests.find(request.path_params["id"]).view()


async def _list(world: World, _request: Request) -> object:
    return {"retry_test": world.bench.retry_tests.views()}


async def _delete(world: World, request: Request) -> object:
    await world.life.reached(Stage.READY)
    test_id: str = request.path_params["id"]
    world.bench.retry_tests.delete(test_id)
    return Response(f"Deleted {test_id}", media_type="text/plain")  # as the testbench answers it


RETRY_TEST_ROUTES: tuple[SteeringRoute[Handler], ...] = (
    SteeringRoute(
        id="retryTests.create", http_method="POST", path="/retry_test", handler=_create, answer=RetryTestView, body=RetryTestWanted,
        summary="Plans failures of the calls that will have its id in a header.", required=("instructions",), errors=(TOO_MANY, NOT_NOW),
        example={"instructions": {"androidmanagement.enterprises.devices.issueCommand": ["return-503", "return-reset-connection"]}},
    ),
    SteeringRoute(
        id="retryTests.list", http_method="GET", path="/retry_tests", handler=_list, answer=RetryTestList, summary="All plans.",
    ),
    SteeringRoute(
        id="retryTests.get", http_method="GET", path="/retry_test/{id}", handler=_get, answer=RetryTestView, errors=(ABSENT,),
        summary="What is left of a plan.",
    ),
    SteeringRoute(
        id="retryTests.delete", http_method="DELETE", path="/retry_test/{id}", handler=_delete, answer=None, errors=(ABSENT, NOT_NOW),
        summary="Deletes a plan; answers text, as storage-testbench does.",
    ),
)  # fmt: skip
