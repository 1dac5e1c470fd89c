"""`python -m heliograph.testing.kept_server FOLDER`: a sandbox that ends when no process uses it any more.

Who uses it holds a shared lock of FOLDER/users. The kernel lets go of a lock when its process ends, however it ends, so no sandbox
outlives its tests, even if they are killed.
"""

import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

from heliograph.machine import LOCKS_ARE_KEPT, run_to_end
from heliograph.sandbox.run import Greeting, run_sandbox
from heliograph.sandbox.settings import SandboxSettings
from heliograph.testing.shared_folder import READY, USERS, held


def main(folder: Path) -> None:
    """The sandbox, until it is not used or gets SIGTERM. Its own world has no phones: tests make worlds."""
    unused = threading.Event()

    def ready(greeting: Greeting) -> None:
        unfinished = folder / f"{READY}.{os.getpid()}"
        unfinished.write_text(json.dumps({"url": greeting.url, "pid": os.getpid()}), encoding="utf-8")
        unfinished.rename(folder / READY)
        if LOCKS_ARE_KEPT:
            threading.Thread(target=_end_when_unused, args=(folder, unused), daemon=True).start()

    run_to_end(run_sandbox(SandboxSettings(port=0, phones=()), ready=ready))
    if unused.is_set():
        shutil.rmtree(folder, ignore_errors=True)


def _end_when_unused(folder: Path, unused: threading.Event) -> None:
    with held(folder / USERS, alone=True):
        unused.set()
        (folder / READY).unlink(missing_ok=True)  # so who comes now starts another
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait()  # who comes now waits until this process is gone


if __name__ == "__main__":
    main(Path(sys.argv[1]))
