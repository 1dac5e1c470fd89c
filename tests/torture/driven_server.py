"""`heliograph serve`, its database on a drive whose power is cut some steps after SIGUSR1, or which is full while a file says so.

Run as a module, with the arguments of `heliograph`. The environment says the rest.
"""

import os
import random
import signal
import sys
from pathlib import Path

from heliograph.cli import main
from tests.torture.drive import Drive
from tests.torture.power_cut import on_drive

POWER_OUT = 77
"""The exit status of a server whose power was cut."""
SURVIVORS = "HELIOGRAPH_TEST_SURVIVORS"
"""Names the folder that is made at the cut: what the drive holds then."""
SEED = "HELIOGRAPH_TEST_SEED"
FULL_WHILE = "HELIOGRAPH_TEST_FULL_WHILE"
"""Names the file whose existence makes the drive full."""
STEPS_MOST = 60


def drive_of(folder: Path) -> Drive:
    """The drive, as the environment wants it."""
    folder.mkdir(parents=True, exist_ok=True)
    full_while = os.environ.get(FULL_WHILE)
    drive = Drive(folder, full=Path(full_while).exists if full_while else None)
    survivors, chance = os.environ.get(SURVIVORS), random.Random(f"{os.environ.get(SEED)} {os.getpid()}")

    def cut() -> None:
        drive.leave(Path(survivors or os.devnull), chance)
        os._exit(POWER_OUT)

    if survivors:
        drive.on_cut = cut
        signal.signal(signal.SIGUSR1, lambda *_: drive.cut_after(chance.randint(1, STEPS_MOST)))
    return drive


if __name__ == "__main__":
    with on_drive(drive_of(Path(sys.argv[sys.argv.index("--data-dir") + 1]))):
        main()
