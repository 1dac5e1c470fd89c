"""Ten thousand idle phones on one process: their memory, a push to any of them, and their return after a restart."""

import resource
import signal
import time

from benchmarks.conversation import Conversation
from benchmarks.figures import Figures, Number, Scale
from benchmarks.signed_in import Deployment, scratch

AT_ONCE = 512
PUSH_RATE, PUSH_S = 200.0, 10.0
ISSUE_RATE = 100.0
"""Commands a second while the server goes away and comes back."""
LONELY_S, PINGS_S = 1.0, 31.0
"""A while in which nothing happens; one in which every phone was pinged."""
MANY = 1_000


def measure_many_phones(scale: Scale) -> Figures:
    """On one server that is stopped once and killed once."""
    # A connection is a file: twice as many phones as the usual limit allows.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    figures, phones = Figures(), f"{scale.idle_phones:,}"
    with scratch() as folder, Conversation("benchmarks.crowd") as crowd:
        deployment = Deployment(folder)
        try:
            server = deployment.start()
            crowd.ask({"url": server.url, "token": server.token, "phones": scale.idle_phones})
            time.sleep(LONELY_S)
            before_kib = server.server.pss_kib()
            connected = crowd.ask({"connect": AT_ONCE})
            cpu_s, began = server.cpu_s(), time.monotonic()
            time.sleep(PINGS_S if scale.idle_phones >= MANY else LONELY_S)
            idle_cpu = (server.cpu_s() - cpu_s) / (time.monotonic() - began)
            each = (server.server.pss_kib() - before_kib) / connected["online"]
            figures.numbers += [
                Number(f"user memory of a connected phone (growth of PSS, {phones} phones)", [each], "KiB", most=16),
                Number(f"{phones} phones enrolled, time until all are connected and greeted", [connected["seconds"]], "s"),
                Number(f"share of a core used by {phones} idle phones", [idle_cpu], ""),
            ]
            seconds = min(PUSH_S, scale.idle_phones / PUSH_RATE)
            pushed = crowd.ask({"push": {"rate": PUSH_RATE, "seconds": seconds}})
            name = f"push to any of {phones} phones, {PUSH_RATE:.0f}/s: from issueCommand's due time to the phone,"
            figures.numbers += [
                Number(f"{name} p50", [pushed["p50"]], "ms"),
                Number(f"{name} p99", [pushed["p99"]], "ms", most=50),
                Number(f"{name} worst of {pushed['count']:,}", [pushed["p100"]], "ms"),
                Number(f"{name} never shown", [pushed["never"]], "commands", most=0),
            ]
            for number in (signal.SIGTERM, signal.SIGKILL):
                figures.numbers += _restarted(crowd, deployment, number, phones)
        finally:
            deployment.stop()
    return figures


def _restarted(crowd: Conversation, deployment: Deployment, number: signal.Signals, phones: str) -> list[Number]:
    """The server ends by this signal while commands are issued, and is started again at once."""
    crowd.ask({"issue": ISSUE_RATE})
    time.sleep(LONELY_S)
    began = time.monotonic()
    deployment.stop(number)
    stopped = time.monotonic()
    server = deployment.start()
    returned = crowd.ask({"returned": True})
    time.sleep(LONELY_S)
    told = crowd.ask({"settle": 60.0})
    name = f"{number.name} under {phones} phones:"
    return [
        Number(f"{name} until the process has ended", [stopped - began], "s", most=10),
        Number(f"{name} start to ready", [server.server.started_s], "s"),
        Number(f"{name} from the signal until all are connected again", [returned["at_s"] - began], "s", most=30),
        Number(f"{name} phones that are back", [returned["online"]], "phones"),
        Number(f"{name} commands accepted meanwhile", [told["accepted"]], "commands"),
        Number(f"{name} of them lost", [told["lost"]], "commands", most=0),
        Number(f"{name} of them executed twice", [told["doubled"]], "commands", most=0),
    ]
