"""examples/minimal_agent.py with one fault, and with a slow LOCK: what each case of check-agent must find.

    python wrong_agent.py FAULT SERVER TOKEN FOLDER

It says what it executes in the file HELIOGRAPH_EFFECTS. Without a fault ("none") it is the example.
"""

import importlib.util
import os
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Call = Callable[..., tuple[int, Json]]

FAULT, SERVER, TOKEN, FOLDER = sys.argv[1:5]
EXAMPLE = Path(__file__).parents[2] / "examples" / "minimal_agent.py"
EFFECTS = Path(os.environ["HELIOGRAPH_EFFECTS"])
EXECUTES_S = 0.3
"""Time to be killed in."""


def example() -> Any:  # noqa: ANN401 - a module whose functions are replaced
    """The example, read as a program would be."""
    sys.argv = [str(EXAMPLE), SERVER, TOKEN, str(Path(FOLDER) / "journal.json")]
    spec = importlib.util.spec_from_file_location("minimal_agent", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


agent = example()
right_call: Call = agent.call
right_execute, right_take, right_go_on, right_write = agent.execute, agent.take, agent.go_on, agent.write
restarted = agent.JOURNAL.exists()
agent.CAN = {"LOCK", "REBOOT", "WIPE"}


def execute(kind: str) -> Json:
    """It counts."""
    with EFFECTS.open("a", encoding="utf-8") as file:
        file.write(f"{kind}\n")
    time.sleep(EXECUTES_S if kind == "LOCK" else 0)
    return {"state": "SUCCEEDED"}


def go_on(journal: Json, operation: str) -> None:
    """WIPE is over with its acknowledgement: what its phone executes is the last order."""
    entry = journal["operations"][operation]
    if entry["type"] == "WIPE":
        right_call(f"{operation}:acknowledge", {"ackId": entry["ackId"]}, journal["credential"])
    else:
        right_go_on(journal, operation)


def call(path: str, body: Json | None = None, credential: str = "") -> tuple[int, Json]:
    """The last order is executed before it is confirmed."""
    if path == "orderCarriedOut":
        execute("the last order")
    return right_call(path, body, credential)


agent.execute, agent.go_on, agent.call = execute, go_on, call


def executes_before_the_acknowledgement(journal: Json, offer: Json) -> None:
    if offer["command"]["type"] in agent.CAN:
        execute(offer["command"]["type"])
    right_take(journal, offer)


def executes_each_offer(journal: Json, offer: Json) -> None:
    if offer["operation"] in SEEN:
        execute(offer["command"]["type"])
    SEEN.add(offer["operation"])
    right_take(journal, offer)


def acknowledges_what_it_cannot_do(journal: Json, offer: Json) -> None:
    agent.CAN.add(offer["command"]["type"])
    right_take(journal, offer)


SEEN: set[str] = set()


def calls(change: Callable[[str, Json | None, int], Json | None], *paths: str) -> Call:
    """Calls whose body is changed at every attempt; `change(path, body, attempt)`."""

    def changed(path: str, body: Json | None = None, credential: str = "") -> tuple[int, Json]:
        if not path.endswith(paths):
            return call(path, body, credential)
        for attempt in range(1_000):
            found = once(path, change(path, body, attempt), credential)
            if found is not None:
                return found
            time.sleep(0.2)
        raise SystemExit(1)

    return changed


def once(path: str, body: Json | None, credential: str) -> tuple[int, Json] | None:
    """The answer to one attempt; None: there was none."""
    naps = agent.time.sleep

    class Silence(Exception):
        """The example is about to ask again."""

    def rise(_seconds: float) -> None:
        raise Silence

    agent.time = type("Clock", (), {"sleep": staticmethod(rise)})
    try:
        return right_call(path, body, credential)
    except Silence:
        return None
    finally:
        agent.time = type("Clock", (), {"sleep": staticmethod(naps)})


def another_ack_id(_path: str, body: Json | None, attempt: int) -> Json | None:
    return {**(body or {}), "ackId": secrets.token_hex(16)} if attempt else body


def own_ack_id(_path: str, body: Json | None, _attempt: int) -> Json | None:
    return {**(body or {}), "ackId": secrets.token_hex(16)}


def another_seq(_path: str, body: Json | None, attempt: int) -> Json | None:
    return {**(body or {}), "seq": 1 + attempt}


def another_credential(_path: str, body: Json | None, attempt: int) -> Json | None:
    return {**(body or {}), "installationId": f"attempt {attempt}"}


def as_it_is(_path: str, body: Json | None, _attempt: int) -> Json | None:
    return body


def never_drops(path: str, body: Json | None = None, credential: str = "") -> tuple[int, Json]:
    status, answer = call(path, body, credential)
    return (status, {"startWithinMs": 1_000}) if "drop" in answer else (status, answer)


def never_too_late(path: str, body: Json | None = None, credential: str = "") -> tuple[int, Json]:
    status, answer = call(path, body, credential)
    return status, {**answer, "startWithinMs": 1_000} if "startWithinMs" in answer else answer


def status_first(path: str, body: Json | None = None, credential: str = "") -> tuple[int, Json]:
    if path == "hello":
        call("status", {"report": agent.FACTS}, credential)
    return call(path, body, credential)


def confirms_nothing(path: str, body: Json | None = None, credential: str = "") -> tuple[int, Json]:
    return (200, {}) if path == "orderCarriedOut" else call(path, body, credential)


def confirms_unexecuted(path: str, body: Json | None = None, credential: str = "") -> tuple[int, Json]:
    return right_call(path, body, credential)


def forgets(state: str) -> None:
    """Its journal loses operations in this state when it starts again."""
    if restarted:
        journal = agent.json.loads(agent.JOURNAL.read_text())
        journal["operations"] = {name: entry for name, entry in journal["operations"].items() if entry["state"] != state}
        right_write(journal)


def executes_again(state: str) -> None:
    """What stands in its journal in this state is executed when it starts again."""
    if restarted:
        journal = agent.json.loads(agent.JOURNAL.read_text())
        for entry in journal["operations"].values():
            if entry["state"] == state:
                execute(entry["type"])


def acknowledges_anew() -> None:
    """After a restart, with another ackId."""
    if restarted:
        journal = agent.json.loads(agent.JOURNAL.read_text())
        for entry in journal["operations"].values():
            entry["ackId"] = secrets.token_hex(16)
        right_write(journal)


def hammers() -> None:
    agent.UNKNOWN_FIRST_S = 0.01


def use(**functions: object) -> Callable[[], None]:
    """The agent has these instead of its own."""
    return lambda: vars(agent).update(functions)


FAULTS: dict[str, Callable[[], None]] = {
    "none": use(),
    "acks late": use(take=executes_before_the_acknowledgement),
    "runs twice": use(take=executes_each_offer),
    "reports under another ackId": use(call=calls(own_ack_id, ":report")),
    "refuses late": use(take=acknowledges_what_it_cannot_do),
    "acks again with another ackId": use(call=calls(another_ack_id, ":acknowledge")),
    "reports again with another seq": use(call=calls(another_seq, ":report")),
    "waits for nothing": use(call=calls(as_it_is, ":acknowledge")),
    "ignores drop": use(call=never_drops),
    "starts too late": use(call=never_too_late),
    "enrols again as another phone": use(call=calls(another_credential, "enroll")),
    "sends its status before hello": use(call=status_first),
    "never confirms": use(call=confirms_nothing),
    "confirms unexecuted": use(call=confirms_unexecuted),
    "acks after a restart with another ackId": acknowledges_anew,
    "forgets what it was acknowledging": lambda: forgets("acking"),
    "forgets what it was executing": lambda: forgets("executing"),
    "executes again": lambda: executes_again("executing"),
    "executes again what it has done": lambda: executes_again("result"),
    "hammers": hammers,
}

if __name__ == "__main__":
    EFFECTS.touch()
    FAULTS[FAULT]()
    agent.main()
