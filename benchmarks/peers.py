"""Others that bring a command to a phone and its word back, in the same run: what they promise less is said beside each."""

import contextlib
import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.conversation import Conversation
from benchmarks.cycle import CycleClient, cycle_client
from benchmarks.figures import Figures, Row, Run, Scale
from benchmarks.servers import Process
from benchmarks.signed_in import heliograph, scratch
from tests.ports import reserved_port

PHONES, CALLERS = 200, 64
"""So few because STYLY-MDM reports every headset to its console, and writes all of them to disk, each time one registers."""
CYCLE, BROKER, STYLY = "Heliograph, full cycle", "Mosquitto, QoS 1 there and back", "STYLY-MDM, REBOOT_DEVICE to its receipt"


def measure_peers(scale: Scale) -> Figures:
    """Full cycles of each in turn, beside Heliograph's."""
    figures = Figures()
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
    figures.rows = [Row(name, rounds, runs[CYCLE], "Heliograph") for name, rounds in runs.items()]
    return figures


@contextlib.contextmanager
def _mosquitto() -> Iterator[CycleClient]:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise FileNotFoundError("mosquitto is not installed (Debian: apt-get install mosquitto)")
    port = reserved_port()
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
