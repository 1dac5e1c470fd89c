"""`heliograph sandbox -- COMMAND`, and how other programs learn that a sandbox is ready and where it is."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.program import Json, Sandbox
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.running import Running
from tests.socket_watch import beyond_loopback

ASKS = """
import json, os, sys, urllib.request
with urllib.request.urlopen(os.environ["HELIOGRAPH_URL"] + "/v1/enterprises/sandbox/devices") as answer:
    print(os.environ["AMAPI_EMULATOR_HOST"], len(json.load(answer)["devices"]), sys.stdin.read())
"""
WAITS_FOR_A_SIGNAL = """
import signal, sys, time
def end(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    sys.exit(7)
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, end)
print("waits", flush=True)
time.sleep(120)
"""


def sandbox_for(*command: str, options: tuple[str, ...] = (), stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A sandbox that ran for the command."""
    words = [*HELIOGRAPH, "sandbox", *options, "--", *command]
    return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[Running]:
    """`heliograph sandbox` with these arguments; it is ended with the block if it still runs."""
    with Running([*HELIOGRAPH, "sandbox", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate()


def ask(url: str, method: str, path: str, body: Json | None = None, **headers: str) -> tuple[int, Json]:
    """Status and body of the answer."""
    address = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE_S)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, dict(json.loads(answer.read()))


def test_a_command_finds_the_sandbox_and_has_the_terminal_to_itself() -> None:
    done = sandbox_for(sys.executable, "-c", ASKS, stdin="what it reads")

    assert (0, "") == (done.returncode, done.stderr)
    host, phones, read = done.stdout.rstrip("\n").split(" ", 2)
    assert ("127.0.0.1", "9", "what it reads") == (host.partition(":")[0], phones, read)


@pytest.mark.parametrize("code", [0, 1, 42])
def test_the_sandbox_ends_with_the_commands_exit_code(code: int) -> None:
    done = sandbox_for(sys.executable, "-c", f"raise SystemExit({code})", "--json", "-x")

    assert (code, "", "") == (done.returncode, done.stdout, done.stderr)


def test_a_command_that_a_signal_ends_is_reported_as_by_a_shell() -> None:
    done = sandbox_for(sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")

    assert 128 + signal.SIGKILL == done.returncode


def test_a_program_that_is_not_there_is_127_and_a_file_that_is_not_a_program_126(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("not a program")

    missing, unfit = sandbox_for("no-such-program"), sandbox_for(str(text))

    assert (127, 126) == (missing.returncode, unfit.returncode)
    assert "Cannot run 'no-such-program': no such program." in missing.stderr
    assert f"Cannot run '{text}': this file cannot be executed." in unfit.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_is_the_commands(number: signal.Signals) -> None:
    with started("--", sys.executable, "-c", WAITS_FOR_A_SIGNAL) as process:
        assert "waits\n" == process.line()
        process.send_signal(number)
        said, _ = process.communicate()

    assert (7, f"got {number.name}\n") == (process.returncode, said)


def test_ctrl_c_without_a_terminal_is_forwarded_too() -> None:
    interrupted = "import time\ntry: print('waits', flush=True); time.sleep(120)\nexcept KeyboardInterrupt: raise SystemExit(9)"
    command = [*HELIOGRAPH, "sandbox", "--", sys.executable, "-c", interrupted]
    with Running(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert "waits\n" == process.line()
        process.send_signal(signal.SIGINT)

        assert 9 == process.wait()


def test_a_port_that_was_asked_for_is_the_commands_too() -> None:
    port = reserved_port()

    done = sandbox_for(sys.executable, "-c", "import os; print(os.environ['HELIOGRAPH_URL'])", options=("--port", str(port)))

    assert f"http://127.0.0.1:{port}\n" == done.stdout


def test_the_command_line_within_a_command_speaks_to_the_sandbox() -> None:
    done = sandbox_for(*HELIOGRAPH, "issue", "pixel8-a15-fully-managed", "LOCK", "--wait")

    assert 0 == done.returncode, done.stderr
    assert "succeeded" in done.stdout


def test_a_line_of_json_says_where_the_sandbox_is_and_a_world_is_made_there() -> None:
    with started("--port", "0", "--json") as process:
        about = json.loads(process.line())
        _, world = ask(about["url"], "POST", urlsplit(about["worlds"]).path, {})

    assert process.pid == about["pid"]
    assert about["worlds"] == f"{about['url']}/sandbox/v1/worlds"
    assert "enterprises/sandbox/devices/pixel8-a15-fully-managed" in about["phones"]
    assert world["name"].startswith("worlds/")


def test_json_is_refused_with_a_command() -> None:
    done = sandbox_for("true", options=("--json",))

    assert 2 == done.returncode
    assert "use --ready-file FILE with a command" in done.stderr


def test_the_ready_file_is_there_while_the_sandbox_is_ready(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    file.write_text("left by a sandbox that was killed")

    with started("--port", "0", "--ready-file", str(file)) as process:
        deadline = time.monotonic() + PATIENCE_S
        variables: dict[str, str] = {}
        while not variables and time.monotonic() < deadline:
            done = subprocess.run(
                [*HELIOGRAPH, "env", "--ready-file", str(file), "--wait", str(PATIENCE_S), "--json"], capture_output=True, text=True,
                timeout=2 * PATIENCE_S, check=False,
            )  # fmt: skip
            variables = json.loads(done.stdout) if done.returncode == 0 else {}
        about = json.loads(file.read_text())
    left = list(tmp_path.iterdir())

    assert (process.pid, variables["HELIOGRAPH_URL"]) == (about["pid"], about["url"])
    assert [] == left


def test_a_ready_file_in_no_folder_is_refused_before_anything_starts(tmp_path: Path) -> None:
    done = sandbox_for("true", options=("--ready-file", str(tmp_path / "missing" / "ready.json")))

    assert 2 == done.returncode
    assert f"there is no folder {tmp_path / 'missing'}" in done.stderr


def test_a_shell_takes_the_variables_of_a_running_sandbox(sandbox: Sandbox) -> None:
    script = f'eval "$({" ".join(HELIOGRAPH)} env)"; echo "$HELIOGRAPH_URL $AMAPI_EMULATOR_HOST"'
    environment = {**os.environ, "HELIOGRAPH_SERVER": sandbox.url}

    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=True)

    assert f"{sandbox.url} {urlsplit(sandbox.url).netloc}\n" == done.stdout


def test_env_says_that_nothing_runs_there_and_waits_no_longer_than_asked(tmp_path: Path) -> None:
    nothing = f"http://127.0.0.1:{reserved_port()}"
    heliograph = [*HELIOGRAPH, "env"]

    at_once = subprocess.run([*heliograph, "--server", nothing], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    waited = subprocess.run(
        [*heliograph, "--ready-file", str(tmp_path / "none"), "--wait", "0.2"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert (5, 6) == (at_once.returncode, waited.returncode)
    assert (f"Cannot reach {nothing}" in at_once.stderr, "is ready" in waited.stderr) == (True, True)
    assert "" == at_once.stdout + waited.stdout


def test_a_file_that_no_sandbox_wrote_is_named(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("[]")

    done = subprocess.run([*HELIOGRAPH, "env", "--ready-file", str(other)], capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert 2 == done.returncode
    assert f"{other} was not written by heliograph sandbox --ready-file" in done.stderr


def test_an_address_that_others_reach_needs_consent() -> None:
    done = sandbox_for("true", options=("--host", "0.0.0.0"))  # noqa: S104 - refused

    assert 2 == done.returncode
    assert "--allow-anybody" in done.stderr


def test_with_everybody_allowed_a_sandbox_answers_by_the_names_that_containers_have() -> None:
    with beyond_loopback(), started("--host", "0.0.0.0", "--port", "0", "--json", "--allow-anybody") as process:  # noqa: S104 - the subject
        warning = process.complaint()
        url = json.loads(process.line())["url"]
        by_service, world = ask(url, "POST", "/sandbox/v1/worlds", {}, Host="heliograph:8080")
        by_mapped_port, discovery = ask(url, "GET", "/$discovery/rest?version=v1", Host="localhost:49153")
        within_world, devices = ask(url, "GET", f"{urlsplit(world['url']).path}/v1/enterprises/sandbox/devices", Host="heliograph:8080")
        page, _ = ask(url, "GET", "/sandbox/v1/devices", Origin="https://console.example.com")

    assert "Warning: everybody who reaches 0.0.0.0" in warning
    assert "http://127.0.0.1" == url.rpartition(":")[0]
    assert (200, True) == (by_service, world["url"].startswith("http://heliograph:"))
    assert (200, "http://localhost:49153/") == (by_mapped_port, discovery["rootUrl"])
    assert (200, 9) == (within_world, len(devices["devices"]))
    assert 403 == page


def test_a_sandbox_that_listens_everywhere_is_reached_by_another_address_of_this_machine() -> None:
    with beyond_loopback(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only looks for the way
        except OSError:
            pytest.skip("this machine has no other address")
        address = probe.getsockname()[0]

    with beyond_loopback(), started("--host", "0.0.0.0", "--port", "0", "--json", "--allow-anybody") as process:  # noqa: S104 - the subject
        url = json.loads(process.line())["url"]
        status, devices = ask(url.replace("127.0.0.1", address), "GET", "/v1/enterprises/sandbox/devices")

    assert (200, 9) == (status, len(devices["devices"]))
