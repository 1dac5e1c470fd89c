"""Two ends of Pub/Sub's real wire: a small gRPC server with its Publisher service, and Google's own emulator where it is installed."""

import concurrent.futures
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import grpc
from google.pubsub_v1.types import PublishRequest, PublishResponse, PubsubMessage

from tests.patience import PATIENCE_S
from tests.running import Running


class PubsubServer:
    """Takes what is published. `answers`: status codes for the next requests; OK once they are used up."""

    def __init__(self) -> None:
        self.published: list[tuple[str, PubsubMessage]] = []
        self.answers: list[grpc.StatusCode] = []
        self.came = Event()

    def publish(self, request: PublishRequest, context: grpc.ServicerContext) -> PublishResponse:
        """google.pubsub.v1.Publisher.Publish."""
        if self.answers:
            context.abort(self.answers.pop(0), "as the test wants it")
        self.published += [(request.topic, message) for message in request.messages]
        self.came.set()
        return PublishResponse(message_ids=[str(len(self.published))] * len(request.messages))


@contextlib.contextmanager
def serving() -> Iterator[tuple[PubsubServer, str]]:
    """The server, and its address for PUBSUB_EMULATOR_HOST."""
    service = PubsubServer()
    publish = grpc.unary_unary_rpc_method_handler(
        service.publish, request_deserializer=PublishRequest.deserialize, response_serializer=PublishResponse.serialize
    )
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", {"Publish": publish}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield service, f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait(PATIENCE_S)


def emulator_program() -> Path | None:
    """Google's Pub/Sub emulator, None where it or its Java is not installed."""
    gcloud = shutil.which("gcloud")
    if gcloud is None or shutil.which("java") is None:
        return None
    program = Path(gcloud).resolve().parents[1] / "platform" / "pubsub-emulator" / "bin" / "cloud-pubsub-emulator"
    return program if program.exists() else None


@contextlib.contextmanager
def emulator(program: Path, *, port: int) -> Iterator[str]:
    """The emulator's address."""
    process = Running(
        [program, "--host=127.0.0.1", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait_until_listening(port)
        yield f"127.0.0.1:{port}"
    finally:
        # Its shell script starts Java: both are of the session that was made for them.
        os.killpg(process.pid, 9)
        process.wait()


def _wait_until_listening(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError


def pulled(address: str, subscription: str) -> list[Any]:
    """The messages that wait in the emulator's subscription, acknowledged."""
    from google.pubsub_v1 import SubscriberClient  # noqa: PLC0415 - slow to import
    from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport  # noqa: PLC0415

    with grpc.insecure_channel(address) as channel:
        client = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        received = client.pull(subscription=subscription, max_messages=10, timeout=10).received_messages
        if received:
            client.acknowledge(subscription=subscription, ack_ids=[one.ack_id for one in received])
        return [one.message for one in received]
