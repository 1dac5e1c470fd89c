"""`heliograph listen`: an enterprise's events as lines and as pushes to an endpoint, over real sockets."""

import base64
import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from queue import SimpleQueue

import pytest

from heliograph.cli.event_lines import print_event
from tests.e2e.program import Json, Sandbox, on_a_terminal
from tests.forks import HELIOGRAPH
from tests.http_server import QuietHandler, serving
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.running import Running

PHONE = "pixel8-a15-fully-managed"
EVENTS = "/heliograph/v1/enterprises/sandbox/events"


def enable(sandbox: Sandbox, *types: str) -> None:
    """The sandbox's enterprise enables these types."""
    sandbox.call("PATCH", "/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": list(types)})


@pytest.fixture
def events(sandbox: Sandbox) -> Sandbox:
    """The sandbox, its enterprise with the outcomes of commands enabled."""
    enable(sandbox, "COMMAND")
    return sandbox


def lock(sandbox: Sandbox, *, phone: str = PHONE) -> str:
    """The name of a LOCK that has ended."""
    issued = sandbox.call("POST", f"/v1/enterprises/sandbox/devices/{phone}:issueCommand", {"type": "LOCK"})
    sandbox.steer("POST", "/clock:advance", duration="1s")
    return str(issued["name"])


def report(sandbox: Sandbox) -> None:
    """The phone has reported itself."""
    sandbox.steer("PATCH", f"/devices/{PHONE}", report={"apiLevel": 30})


class Handler:
    """An endpoint like a developer's: what it was sent, and the statuses it answers with first, then 204."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.came: SimpleQueue[Json] = SimpleQueue()

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """Its address, with a secret, while the block lasts."""
        outer = self

        class Answering(QuietHandler, BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.came.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 204)
                self.end_headers()

        with serving(Answering) as url:
            yield f"{url}/amapi?token=s3cret"

    def messages(self, count: int) -> list[Json]:
        """The next messages that it was sent."""
        return [self.came.get(timeout=PATIENCE_S)["message"] for _ in range(count)]


@contextlib.contextmanager
def started(sandbox: Sandbox, *options: str) -> Iterator[tuple[Running, str]]:
    """`heliograph listen`, and the first line that it wrote on stderr; killed at the end if it still runs."""
    command = [*HELIOGRAPH, "listen", "--server", sandbox.url, *options]
    with Running(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process, process.complaint()
        finally:
            process.kill()


@contextlib.contextmanager
def listening(sandbox: Sandbox, *options: str) -> Iterator[Running]:
    """`heliograph listen`, which has begun to follow."""
    with started(sandbox, *options) as (process, said):
        assert said.startswith("Listening to enterprises/sandbox")
        yield process


def ended(process: Running) -> tuple[int, str, str]:
    """How the program ended, and what it had left to say."""
    output, errors = process.communicate()
    assert "Traceback" not in errors
    return process.returncode, output, errors


def test_what_comes_is_printed_from_now_on(events: Sandbox) -> None:
    lock(events)
    with listening(events, "--count", "1", "--json") as process:
        second = lock(events)

        code, output, errors = ended(process)

    assert (0, "Continue with: --after 2\n") == (code, errors)
    assert ("2", second) == ((event := json.loads(output))["cursor"], event["data"]["name"])


def test_events_that_were_are_printed_from_any_cursor_on(events: Sandbox) -> None:
    names = [lock(events) for _ in range(3)]

    every = events.run("listen", "--from-start", "--count", "3", "--json").stdout.splitlines()
    last = events.run("listen", "--after", "2", "--count", "1", "--json").stdout.splitlines()

    assert names == [json.loads(line)["data"]["name"] for line in every]
    assert every[2:] == last
    assert [json.dumps(event, separators=(",", ":")) for event in events.call("GET", EVENTS)["events"]] == every


def test_types_leave_the_others_out(events: Sandbox) -> None:
    enable(events, "COMMAND", "STATUS_REPORT")
    lock(events)
    report(events)

    done = events.run("listen", "--from-start", "--types", "status_report", "--count", "1", "--json")

    assert "STATUS_REPORT" == json.loads(done.stdout)["notificationType"]


def test_types_that_nobody_enabled_are_warned_of_and_enabled_if_asked(sandbox: Sandbox) -> None:
    with started(sandbox, "--types", "COMMAND,ENROLLMENT") as (_, warned):
        assert "has not enabled ENROLLMENT or COMMAND" in warned

    with listening(sandbox, "--types", "COMMAND,ENROLLMENT", "--enable"):
        enterprise = sandbox.call("GET", "/v1/enterprises/sandbox")

    assert ["ENROLLMENT", "COMMAND"] == enterprise["enabledNotificationTypes"]


@pytest.mark.parametrize("columns", [60, 80])
def test_a_line_on_a_terminal_is_no_wider_than_this(events: Sandbox, columns: int) -> None:
    enable(events, "COMMAND", "STATUS_REPORT", "ENROLLMENT")
    body: Json = {"type": "RESET_PASSWORD", "newPassword": "1"}
    events.call("POST", f"/v1/enterprises/sandbox/devices/{PHONE}:issueCommand", body)
    events.steer("POST", "/clock:advance", duration="1s")
    report(events)
    count = len(events.call("GET", EVENTS)["events"])

    printed = on_a_terminal(columns, "listen", "--server", events.url, "--from-start", "--count", str(count))

    lines = [line for line in printed.splitlines() if "RESET_PASSWORD failed" in line or "STATUS_REPORT" in line]
    assert count == len(lines)
    assert columns >= max(map(len, lines))
    assert any("INVALID_VALUE" in line for line in lines) or columns < 80
    assert any(PHONE in line for line in lines)


def test_what_a_phone_says_does_nothing_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "enterprises/e/devices/d/operations/1"
    operation = {"name": name, "done": True, "metadata": {"type": "LOCK"}, "error": {"code": 13, "message": "no\nuse \x1b[2J\x9b1A"}}
    event = {"cursor": "1", "notificationType": "COMMAND", "createTime": "2026-11-27T12:00:00Z", "data": operation}

    print_event(json.dumps(event).encode())

    (line,) = capsys.readouterr().out.splitlines()
    assert "no use �[2J�1A" in line


def test_an_endpoint_gets_each_event_as_a_push_and_one_that_it_did_not_take_again(events: Sandbox) -> None:
    handler = Handler(204, 500, 404)
    with handler.serving() as url, listening(events, "--forward-to", url, "--count", "2") as process:
        names = [lock(events), lock(events)]
        messages = handler.messages(4)
        code, output, errors = ended(process)

    assert 0 == code
    assert ["1", "2", "2", "2"] == [message["messageId"] for message in messages]
    assert [names[0], *[names[1]] * 3] == [json.loads(base64.b64decode(message["data"]))["name"] for message in messages]
    assert {"notificationType": "COMMAND"} == messages[0]["attributes"]
    assert ["LOCK succeeded"] * 2 == [line[line.index("LOCK") :][:14] for line in output.splitlines()]
    failures = [line.partition("; again in ")[0] for line in errors.splitlines()[:2]]
    assert [f"Event 2 was not taken (attempt {n}): 127.0.0.1 answered {status}" for n, status in ((1, 500), (2, 404))] == failures
    assert "s3cret" not in errors


def test_an_event_is_given_up_after_as_many_attempts_as_asked_for(events: Sandbox) -> None:
    handler = Handler(500, 500)
    lock(events)
    lock(events)
    with handler.serving() as url:
        done = events.run("listen", "--from-start", "--forward-to", url, "--attempts", "2", "--count", "2", "--json")

    assert 0 == done.returncode, done.stderr
    assert "Event 1 was not taken (attempt 2): 127.0.0.1 answered 500; given up." in done.stderr
    assert ["2"] == [json.loads(line)["cursor"] for line in done.stdout.splitlines()]


def test_ctrl_c_says_where_to_continue_and_ends_as_shells_report_it(events: Sandbox) -> None:
    with listening(events) as process:
        lock(events)
        process.line()
        process.send_signal(signal.SIGINT)

        code, output, errors = ended(process)

    assert (130, "") == (code, output)
    assert "\nContinue with: --after 1\n" == errors


def test_ctrl_c_ends_a_wait_for_an_endpoint_that_is_away_too(events: Sandbox) -> None:
    lock(events)
    with listening(events, "--from-start", "--forward-to", f"http://127.0.0.1:{reserved_port()}/") as process:
        assert "could not be reached" in process.complaint()
        process.send_signal(signal.SIGINT)

        code, _, errors = ended(process)

    assert (130, True) == (code, "No event came." in errors)


def test_after_a_reset_of_the_sandbox_it_goes_on_with_the_new_events(events: Sandbox) -> None:
    with listening(events, "--count", "2", "--json") as process:
        first = lock(events)
        assert first == json.loads(process.line())["data"]["name"]
        events.steer("POST", ":reset")
        enable(events, "COMMAND")
        second = lock(events)

        code, output, errors = ended(process)

    assert (0, "1", second) == (code, (event := json.loads(output))["cursor"], event["data"]["name"])
    assert "The sandbox was reset: its events start over." in errors


def test_a_world_that_is_deleted_ends_it_with_a_sentence(events: Sandbox) -> None:
    world = events.steer("POST", "/worlds", enabledNotificationTypes=["COMMAND"])
    listened = Sandbox(world["pathUrl"], events.data_dir, events.output)
    with listening(listened) as process:
        events.steer("DELETE", f"/{world['name']}")

        code, _, errors = ended(process)

    assert 3 == code, errors
    assert "Error: " in errors


@pytest.mark.parametrize(
    "options, code, sentence",
    [
        (("--types", "COMAND"), 2, "is not a notification type"),
        (("--forward-to", "ftp://x"), 2, "must be an absolute http or https URL"),
        (("--after", "x"), 2, "is not a cursor"),
        (("--after", "7"), 2, "ahead of the newest event"),
        (("--after", "0", "--from-start"), 2, "exclude each other"),
        (("--enterprise", "nobody"), 4, "enterprises/sandbox"),
        (("--server", "http://127.0.0.1:9"), 5, "Cannot reach"),
    ],
)
def test_what_cannot_be_ends_with_a_sentence_and_a_code(events: Sandbox, options: tuple[str, ...], code: int, sentence: str) -> None:
    done = events.run("listen", *options)

    assert code == done.returncode, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
