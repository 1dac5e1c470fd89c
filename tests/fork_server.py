"""The process that tests/forks.py starts: it has imported `heliograph`, and each request has a `heliograph` of its own forked off it.

    python tests/fork_server.py DESCRIPTOR lasting|brief ROOM

A request comes through the socket DESCRIPTOR: JSON, with the program's standard streams beside it; the answer is the process id. What is
`lasting` has imported what servers import; what is `brief`, only what the other commands begin with: a process that ends frees all that it
has, and would copy each page of it for that. ROOM takes up space, in which the system looks for the arguments that it shows of a process.
"""

import ctypes
import gc
import json
import os
import runpy
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

CLONE = {"x86_64": 56, "aarch64": 220}
"""The number of clone(2); a `uname -m` that is not here has no fork server."""
CLONE_PARENT = 0x8000
"""The new process is a child of our parent, pytest: tests wait for it as for any program that they start."""
LASTING = ("sandbox", "serve", "replay", "fleet")
"""The commands that serve, or play phones, until they are ended."""
LAZY = ("heliograph.sandbox.run", "heliograph.server", "heliograph.agent.http_client", "heliograph.storage.postgres")
"""What they import once they run, and all that this imports."""
REQUEST_BYTES = 1 << 20


def main() -> None:
    """Import, then answer requests; returns in each new process, whose program `heliograph` is to run."""
    line = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    import_all(lasting=sys.argv[2] == "lasting")
    gc.collect()
    gc.freeze()  # shared with the new processes for as long as no collection writes into it
    while True:
        data, files, _, _ = socket.recv_fds(line, REQUEST_BYTES, 3)
        if not data:
            os._exit(0)
        process = fork()
        if not process:
            become(json.loads(data), files)
            return
        for file in files:
            os.close(file)
        line.send(str(process).encode())


def import_all(*, lasting: bool) -> None:
    """What the commands import is there.  Raises: RuntimeError: threads are, too, which a fork would leave behind."""
    from heliograph.cli import LISTED  # noqa: PLC0415 - imported when there is someone who waits for it

    for name, listed in LISTED.items():
        if (name in LASTING) == lasting:
            import_module(listed.place.partition(":")[0])
    for module in LAZY if lasting else ():
        import_module(module)
    if len([*Path("/proc/self/task").iterdir()]) > 1:
        raise RuntimeError("An import has started a thread: what is forked now would miss it.")


def fork() -> int:
    """As os.fork, but for the parent of the new process."""
    python = ctypes.PyDLL(None)  # keeps the interpreter to itself, which the system call splits in two
    python.PyOS_BeforeFork()
    process: int = python.syscall(CLONE[os.uname().machine], CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
    if process:
        python.PyOS_AfterFork_Parent()
    else:
        python.PyOS_AfterFork_Child()
    return process


def become(request: dict[str, Any], files: list[int]) -> None:
    """This process is as the interpreter would have found it: its streams, folder, variables, arguments and signals."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["new_session"]:
        os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = request["folder"]
    sys.orig_argv = request["command"]
    sys.argv = ["heliograph", *request["command"][3:]]  # the first is replaced by the module's path
    show(request["command"])


def show(command: list[str]) -> None:
    """`ps` and /proc show this command line, as far as it fits into our own."""
    begin, end = map(int, Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[45:47])
    words = b"".join(os.fsencode(word) + b"\0" for word in command)[: end - begin - 1]
    ctypes.memset(begin, 0, end - begin)
    ctypes.memmove(begin, words, len(words))


if __name__ == "__main__":
    main()
    runpy.run_module("heliograph", run_name="__main__", alter_sys=True)
