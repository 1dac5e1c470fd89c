"""Where a run's chance comes from: `--seed`, else a new one, which is printed."""

import random

import pytest


def seed_of(request: pytest.FixtureRequest) -> str:
    """The test's seed; printed, so that a failed run shows what repeats its choices (the machine's timing is its own)."""
    given: str | None = request.config.getoption("--seed")
    seed = given or f"{request.node.name} {random.SystemRandom().randrange(10**6)}"
    print(f"--seed='{seed}'")  # noqa: T201 - pytest shows it with a failure
    return seed
