"""`/retry_test`: the paths and answers of Google's storage-testbench, below the address of the world (`retry_test.py`)."""

from starlette.requests import Request
from starlette.responses import Response

from heliograph.sandbox.bodies import bytes_of
from heliograph.sandbox.stage import Stage
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


RETRY_TEST_ROUTES = (
    ("POST", "/retry_test", _create),
    ("GET", "/retry_tests", _list),
    ("GET", "/retry_test/{id}", _get),
    ("DELETE", "/retry_test/{id}", _delete),
)
