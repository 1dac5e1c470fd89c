"""A second try, in CI, for the few tests that a run failed (`make test`; ADR 0075): alone, in a process of their own.

`python -m scripts.second_try STATUS` ends as pytest did, with its exit status, unless it failed a few tests and each of them passes now:
then it says that a test failed by chance, which is a fault to mend, and ends with 0. A test that finds its own inputs (Hypothesis) gets no
second try: what it found is true however rarely it is found.
"""

import json
import os
import sys
from pathlib import Path
from typing import Final

import pytest

FEW: Final = 3
FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")
"""Where pytest keeps the names of the tests that failed, below the folder that it ran in."""


class NoInputs:
    """Refuses a test whose inputs are found by chance."""

    @pytest.hookimpl(trylast=True)  # Hypothesis has marked its own by then
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Raises: pytest.UsageError: there is one."""
        found = [item.nodeid for item in items if item.get_closest_marker("hypothesis")]
        if found:
            message = f"no second try for what Hypothesis found: {', '.join(found)}"
            raise pytest.UsageError(message)


def second_try(status: int) -> int:
    """The exit status of the run as a whole."""
    if status != pytest.ExitCode.TESTS_FAILED or os.environ.get("CI") != "true":
        return status
    failed = sorted(json.loads(FAILED.read_text(encoding="utf-8")))
    if not 0 < len(failed) <= FEW:
        print(f"{len(failed)} tests failed, more than {FEW}: no second try.", file=sys.stderr)
        return status
    print(f"A second try, alone, for {', '.join(failed)}", file=sys.stderr)
    if pytest.main([*failed, "-rs", "-m", "not torture and not keycloak"], plugins=[NoInputs()]) != pytest.ExitCode.OK:
        return status
    print(
        f"\nFAILED BY CHANCE: {', '.join(failed)}\nThe run before says how. It is a fault to mend now, of the test or of what it tests, "
        "though no reason to hold a change back.",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(second_try(int(sys.argv[1])))
