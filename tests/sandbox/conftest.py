"""A real sandbox on a loopback port, in a thread of its own, for each module of these tests."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httplib2
import pytest
from googleapiclient.discovery import build

from heliograph.sandbox.settings import SandboxSettings
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client
from tests.sandbox.in_thread import sandbox_in_a_thread
from tests.sandbox.making import Maker


@contextlib.contextmanager
def running(settings: SandboxSettings) -> Iterator[Client]:
    """A client of a sandbox with these settings, which ends with the block."""
    with sandbox_in_a_thread(settings) as url:
        yield Client(url)


@pytest.fixture(scope="module")
def sandbox_process() -> Iterator[Client]:
    """One sandbox for the whole module."""
    with running(SandboxSettings(port=0)) as client:
        yield client


@pytest.fixture
def sandbox(sandbox_process: Client) -> Client:
    """The sandbox, all back as at start."""
    sandbox_process.post("/sandbox/v1:reset")
    return sandbox_process


@pytest.fixture
def google(sandbox: Client) -> Iterator[Any]:
    """Google's client with the document that it ships; it makes its classes at run time."""
    with contextlib.closing(httplib2.Http(timeout=PATIENCE_S)) as transport:
        yield build("androidmanagement", "v1", http=transport, client_options={"api_endpoint": sandbox.url})


@pytest.fixture
def make(sandbox_process: Client) -> Iterator[Maker]:
    """Makes worlds that end with the test."""
    maker = Maker(sandbox_process)
    yield maker
    maker.end_all()
