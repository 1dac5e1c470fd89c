"""Others in the same run: those that take commands, and those that bring one to a phone and its word back. What each promises is said."""

import contextlib
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks.conversation import Conversation
from benchmarks.cycle import CycleClient, cycle_client
from benchmarks.enqueuing import FOLLOWED, SYNCED, measure_enqueuing
from benchmarks.figures import Figures, Promise, Row, Run, Scale
from benchmarks.servers import Process
from benchmarks.signed_in import heliograph, scratch
from tests.patience import PATIENCE_S
from tests.ports import reserved_port

PHONES, CALLERS = 200, 64
"""So few because STYLY-MDM reports every headset to its console, and writes all of them to disk, each time one registers."""
CYCLE, BROKER, STYLY = "Heliograph, full cycle", "Mosquitto, QoS 1 there and back", "STYLY-MDM, REBOOT_DEVICE to its receipt"


LOST = "it has arrived; nothing is stored"
PROMISES: dict[str, Callable[[], Promise]] = {
    CYCLE: lambda: Promise(version("heliograph"), SYNCED, FOLLOWED),
    BROKER: lambda: Promise(_mosquitto_version(), LOST, "sent again until acknowledged, while both are connected; no state, no sign-in"),
    STYLY: lambda: Promise(version("styly-mdm"), LOST, "lost for a headset that is offline; no state, no sign-in"),
}


def measure_peers(scale: Scale) -> Figures:
    """Commands taken, then full cycles, of each in turn, beside Heliograph's."""
    figures = Figures()
    measure_enqueuing(scale, figures)
    _measure_cycles(scale, figures)
    return figures


def _measure_cycles(scale: Scale, figures: Figures) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(heliograph())
        clients = {CYCLE: stack.enter_context(cycle_client(server, phones=PHONES, callers=CALLERS))}
        for name, peer in ((BROKER, _mosquitto), (STYLY, _styly)):
            try:
                clients[name] = stack.enter_context(peer())
            except (FileNotFoundError, RuntimeError) as error:
                figures.notes.append(f"{name} was left out: {error}")
        runs: dict[str, list[Run]] = {name: [] for name in clients}
        for _ in range(scale.rounds):
            for name, client in clients.items():
                runs[name].append(client.run(scale.seconds))
    figures.rows += [Row(name, rounds, runs[CYCLE], CYCLE, promise=PROMISES[name]()) for name, rounds in runs.items()]


def _mosquitto_program() -> str:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise FileNotFoundError("mosquitto is not installed (Debian: apt-get install mosquitto)")
    return program


def _mosquitto_version() -> str:
    said = subprocess.run([_mosquitto_program(), "-h"], capture_output=True, text=True, check=False, timeout=PATIENCE_S).stdout
    found = re.search(r"mosquitto version (\S+)", said)
    return found[1] if found else "version unknown"


@contextlib.contextmanager
def _mosquitto() -> Iterator[CycleClient]:
    program, port = _mosquitto_program(), reserved_port()
    with scratch() as folder:
        settings = Path(folder) / "mosquitto.conf"
        settings.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_dest none\npersistence false\n", encoding="ascii"
        )
        process = Process(["-c", str(settings)], port, ready="", program=program)
        with _played(process, "benchmarks.mqtt_play", {"port": port}) as client:
            yield client


@contextlib.contextmanager
def _styly() -> Iterator[CycleClient]:
    if importlib.util.find_spec("styly_mdm") is None:
        raise FileNotFoundError("styly-mdm is not installed (uv sync --group bench)")
    port = reserved_port()
    with scratch() as folder:
        process = Process(["benchmarks.styly_server", str(port)], port, ready="/", environment={"MDM_DATA_DIR": str(folder)})
        with _played(process, "benchmarks.styly_play", {"url": f"http://127.0.0.1:{port}"}) as client:
            yield client


@contextlib.contextmanager
def _played(process: Process, module: str, where: dict[str, object]) -> Iterator[CycleClient]:
    try:
        server = process.start()
        with Conversation(module) as conversation:
            conversation.ask({**where, "phones": PHONES, "callers": CALLERS})
            yield CycleClient(conversation, server.cpu_s)
    finally:
        process.stop()
