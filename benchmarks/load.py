"""Load from wrk, pinned to the other core, and what it and the kernel say of one run."""

import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import LOAD_CORE, Running

SATURATED = 0.95
"""A run counts only where the server used this share of its core: below, the load was measured, not the server."""

SCRIPT = """
local paths = {%(paths)s}
local template = %(body)s
local n = 0
wrk.method = "%(method)s"
wrk.headers["Content-Type"] = "application/json"
request = function()
  n = n + 1
  -- No two bodies are alike, so that no server gains by remembering one.
  return wrk.format(nil, paths[n %% #paths + 1], nil, template and string.format(template, 100000 + n))
end
"""
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Run:
    """One run of wrk against one server."""

    requests: int
    seconds: float
    server_cpu_s: float
    p50_ms: float
    p99_ms: float

    @property
    def per_cpu_s(self) -> float:
        """Requests per second of the server's CPU."""
        return self.requests / self.server_cpu_s

    @property
    def per_s(self) -> float:
        """Requests per second of the wall clock."""
        return self.requests / self.seconds

    @property
    def share_of_core(self) -> float:
        """How much of its core the server used."""
        return self.server_cpu_s / self.seconds


def wrk(server: Running, paths: list[str], *, method: str, body: str, clients: int, seconds: float) -> Run:
    """One run: `clients` keep-alive connections asking for the paths in turn; `%d` in `body` becomes another number each time.

    Raises: RuntimeError: wrk failed, or an answer was no success.
    """
    script = SCRIPT % {"paths": ",".join(f'"{path}"' for path in paths), "method": method, "body": f"'{body}'" if body else "nil"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "load.lua"
        file.write_text(script, encoding="utf-8")
        command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{clients}", f"-d{seconds:g}s", "--latency", "-s", str(file), server.url]
        cpu_s, started = server.cpu_s(), time.monotonic()
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        cpu_s, elapsed = server.cpu_s() - cpu_s, time.monotonic() - started
    if "Non-2xx" in output or "Socket errors" in output:
        message = f"not every answer was a success:\n{output}"
        raise RuntimeError(message)
    requests = int(_found(r"(\d+) requests in", output))
    return Run(requests, elapsed, cpu_s, _latency(output, "50%"), _latency(output, "99%"))


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if not match:
        message = f"wrk did not say {pattern}:\n{text}"
        raise RuntimeError(message)
    return match[1]


def _latency(output: str, percentile: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", _found(rf"\s{percentile}\s+(\S+)", output)).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]
