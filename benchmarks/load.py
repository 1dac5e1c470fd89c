"""Load from wrk, pinned to the other core, and what it and the kernel say of one run."""

import contextlib
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Run
from benchmarks.servers import LOAD_CORE
from benchmarks.steal import calmest
from tests.patience import PATIENCE_S
from tests.running import Running

SATURATED = 0.95
"""A run counts as capacity only where the server used this share of its core: below, the load was measured, not the server."""

REFUSED_MOST = 0.01
"""Of all answers; the report shows fewer."""

ISSUE = '{"type":"LOCK","duration":"%ds"}'
"""A body that is different each time, and expires in a day or later."""

SCRIPT = """
local paths, n = {}, 0
for path in io.lines("%(file)s") do paths[#paths + 1] = path end
local template = %(body)s
wrk.method = "%(method)s"
wrk.headers["Content-Type"] = "application/json"
if "%(authorization)s" ~= "" then wrk.headers["Authorization"] = "%(authorization)s" end
request = function()
  n = n + 1
  -- No two bodies are alike, so that no server gains by remembering one.
  return wrk.format(nil, paths[n %% #paths + 1], nil, template and string.format(template, 100000 + n))
end
"""
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Load:
    """What is asked: these paths in turn, by so many keep-alive connections."""

    paths: Sequence[str]
    method: str = "POST"
    body: str = ISSUE
    """`%d` in it becomes another number each time."""
    clients: int = 64
    authorization: str = ""
    """The header's value, where it is no bearer token."""


@contextlib.contextmanager
def _wrk(url: str, load: Load, token: str, seconds: float) -> Iterator[list[str]]:
    """The command line of one run."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "paths"
        paths.write_text("\n".join(load.paths), encoding="ascii")
        template = f"[==[{load.body}]==]" if load.body else "nil"
        script = Path(folder) / "load.lua"
        authorization = f"Bearer {token}" if token else load.authorization
        values = {"file": paths, "body": template, "method": load.method, "authorization": authorization}
        script.write_text(SCRIPT % values, encoding="ascii")
        yield ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{load.clients}", f"-d{seconds:g}s", "--latency", "-s", str(script), url]


def wrk(
    url: str, load: Load, *, cpu_s: Callable[[], float], seconds: float, token: str = "", database_cpu_s: Callable[[], float] = float
) -> Run:
    """One run, repeated while the host takes much; `cpu_s` returns what the server has used, `database_cpu_s` what its database has.

    Raises: RuntimeError: wrk failed, or too many answers were no success.
    """
    return wrk_many([url], load, cpu_s=cpu_s, seconds=seconds, token=token, database_cpu_s=database_cpu_s)


def wrk_many(
    urls: Sequence[str], load: Load, *, cpu_s: Callable[[], float], seconds: float, token: str, database_cpu_s: Callable[[], float] = float
) -> Run:
    """As `wrk`, against several servers at the same time, `load.clients` at each; latencies are the slowest server's."""

    def once() -> Run:
        return _once(urls, load, cpu_s=cpu_s, seconds=seconds, token=token, database_cpu_s=database_cpu_s)

    return calm_run(once)


def _once(
    urls: Sequence[str], load: Load, *, cpu_s: Callable[[], float], seconds: float, token: str, database_cpu_s: Callable[[], float]
) -> Run:
    with contextlib.ExitStack() as stack:
        commands = [stack.enter_context(_wrk(url, load, token, whole_seconds(seconds))) for url in urls]
        before, database_before, began = cpu_s(), database_cpu_s(), time.monotonic()
        processes = [
            Running(command, within_s=seconds + PATIENCE_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for command in commands
        ]
        outputs = [process.communicate()[0] for process in processes]
        elapsed = time.monotonic() - began
        used, database_used = cpu_s() - before, database_cpu_s() - database_before
    answers = sum(int(_found(r"(\d+) requests in", output)) for output in outputs)
    refused = sum(int(match[1]) for output in outputs if (match := re.search(r"Non-2xx or 3xx responses: (\d+)", output)))
    if refused > answers * REFUSED_MOST:
        message = f"{refused} of {answers} answers were no success:\n{outputs[0]}"
        raise RuntimeError(message)
    p50, p99 = (max(_latency(output, share) for output in outputs) for share in ("50%", "99%"))
    return Run(answers - refused, elapsed, used, p50, p99, database_used, refused=refused)


def calm_run(once: Callable[[], Run]) -> Run:
    """The run, repeated while the host takes much; it says how much the host took."""
    run, stolen = calmest(once)
    run.stolen = stolen
    return run


def whole_seconds(seconds: float) -> int:
    """As wrk takes them: it knows no others."""
    return max(1, round(seconds))


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if not match:
        message = f"wrk did not say {pattern}:\n{text}"
        raise RuntimeError(message)
    return match[1]


def _latency(output: str, percentile: str) -> float:
    match = re.fullmatch(r"([\d.]+)(us|ms|s)", _found(rf"\s{percentile}\s+(\S+)", output))
    if not match:
        message = f"wrk's {percentile} is none:\n{output}"
        raise RuntimeError(message)
    return float(match[1]) * _UNITS[match[2]]
