"""Tests whose parts are not here: skipped, and named by the run; in CI, where everything must be here, failed."""

import os
from typing import NoReturn

import pytest


def not_tried(why: str) -> NoReturn:
    """Skip the test, or fail it in CI; `why` says what is missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
