"""`python -m tests.torture.mutants.run_server serve …`: the program with the mutants that the environment names, for its whole life."""

import contextlib
import os
import sys
from pathlib import Path

from heliograph.cli import main
from tests.torture.driven_server import SURVIVORS, drive_of
from tests.torture.mutants.patching import applied
from tests.torture.mutants.server_mutants import SERVER_MUTANTS
from tests.torture.power_cut import on_drive

MUTANTS = "HELIOGRAPH_TEST_MUTANTS"
"""Names them, with spaces between."""


def run() -> None:
    """As `heliograph`."""
    with contextlib.ExitStack() as lives:
        for name in os.environ.get(MUTANTS, "").split():
            lives.enter_context(applied(SERVER_MUTANTS[name]))
        if SURVIVORS in os.environ:
            lives.enter_context(on_drive(drive_of(Path(sys.argv[sys.argv.index("--data-dir") + 1]))))
        main()


if __name__ == "__main__":
    run()
