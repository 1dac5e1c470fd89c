"""How the server is, in words: what /readyz and /metrics say, what is stuck, what is full, and where to read on."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import heliograph
from heliograph.api.console.guest import ENTERPRISES_LIST, ConsolePage, Guest
from heliograph.api.console.shown import SECOND_US, moment, span
from heliograph.api.readiness import why_not_ready, worth_a_look
from heliograph.domain.rights import NotEveryEnterprise
from heliograph.service.expire_operations import overdue_us
from heliograph.service.metrics import PROCESS, StoreStats
from heliograph.service.ports import Ports
from heliograph.service.silent_phones import DAYS, Silence

MIB: Final = 1_024 * 1_024
STUCK_S: Final = 60.0
"""A deadline that is overdue for longer is stuck; the timers write it within seconds."""
OLD_S: Final = 3_600.0
"""A notification that waits for longer has a destination that takes nothing."""
NEAR: Final = 0.8
"""A share of a limit from which on it is said that the limit is near."""

WORTH_A_LOOK: Final = DAYS.index(7)
"""Phones that are silent for longer than a holiday."""
DEVICES_DOCS: Final = "docs/operations.md, What to watch"

State = Literal["good", "look", "bad"]
IN_WORDS: Final[dict[State, str]] = {"good": "well", "look": "look at it", "bad": "not well"}


class Check(NamedTuple):
    """One thing that can be well or not."""

    name: str
    state: State
    sentences: Sequence[str]
    read_on: str
    """The page of the documentation."""


async def show_health(guest: Guest) -> ConsolePage:
    """The server's health, for callers who may see every enterprise: it counts what all of them have."""
    await guest.admit(ENTERPRISES_LIST)
    if not guest.sees_whole_server():
        raise NotEveryEnterprise
    await guest.console.stats.refresh()
    stats, ports = guest.console.stats.latest, guest.ports
    checks = [*checks_of(ports, stats, guest.console.stats.silence)]
    worst = next((state for state in ("bad", "look") if any(check.state == state for check in checks)), "good")
    now_us = ports.clock.now_us()
    values = {
        "worst": worst, "checks": checks, "in_words": IN_WORDS,
        "facts": [
            ("Version", heliograph.__version__),
            ("Storage", _storage(ports, stats)),
            ("Runs since", f"{moment(guest.console.started_us)}, for {span(now_us - guest.console.started_us)}"),
            ("Its clock says", moment(now_us)),
            ("Phones connected here", ", ".join(f"{n} by {how}" for how, n in ports.presence.transports().items() if n) or "none"),
            ("Connections open", str(PROCESS.connections_open)),
            ("Streams of events", str(len(ports.followers))),
            ("Commands open", str(stats.open_operations) if stats else "not known now"),
        ],
    }  # fmt: skip
    return ConsolePage("console/health.html", "Health", values)


def checks_of(ports: Ports, stats: StoreStats | None, silence: Silence | None) -> Iterator[Check]:
    """What can be well or not, each in words. `stats`: None: the store did not answer; `silence`: None: nothing was counted yet."""
    why_not, notes = why_not_ready(ports), worth_a_look(ports)
    if why_not:
        yield Check("Requests", "bad", why_not, "docs/operations.md, /readyz failures")
    else:
        yield Check("Requests", "good", ["The server takes requests of callers and phones."], "docs/operations.md")
    yield Check("Clock", "look" if notes else "good", notes or [_clock(ports)], "docs/operations.md, Wrong clock")
    yield _store(ports)
    yield _deadlines(ports)
    yield _notifications(ports, stats)
    if silence is not None:
        yield _silent_phones(silence)
    yield _connections()
    if (listening := ports.doorbell_counts.listening) is not None:
        words = "Other servers' commands arrive at once." if listening else "LISTEN does not work: they are found by looking, later."
        yield Check("Other servers", "good" if listening else "bad", [words], "docs/many-servers.md")
    yield _log()
    if reached := ports.access_counts.blast_radius_reached:
        words = f"{_times(reached)} since the start, someone wanted to destroy more devices in an hour than they may: see the audit trail."
        yield Check("Blast radius", "look", [words], "docs/roles.md, Blast radius")


def _clock(ports: Ports) -> str:
    ahead_us = ports.clock_check.ahead_us() if ports.clock_check is not None else 0
    if abs(ahead_us) < SECOND_US:
        return "It is a test's own, and follows no other." if ports.clock_check is None else "It is as the clock that it follows."
    return f"It is {span(abs(ahead_us))} {'ahead of' if ahead_us > 0 else 'behind'} the clock that it follows."


def _store(ports: Ports) -> Check:
    """Whether the database keeps up."""
    counts, loads = ports.store.counts, ports.store.waiting()
    waiting = sum(load.rules for load in loads.values())
    oldest_s = max((load.oldest_wait_s for load in loads.values()), default=0.0)
    batches = sum(counts.commit_s.counts)
    mean_ms = counts.commit_s.total / batches * 1_000 if batches else 0.0
    words = [f"{batches} commits since the start, {mean_ms:.1f} ms each."] if batches else ["Nothing was written since the start."]
    if waiting:
        words.append(f"{waiting} {'change waits' if waiting == 1 else 'changes wait'} for it, the oldest for {oldest_s:.1f} s.")
    refused = {reason: count for reason, count in counts.refused.items() if count}
    why = {"full": "because too many waited", "waited": "because they had waited for too long", "storage": "because it took no writes"}
    words += [f"{_times(count)} since the start, a change was answered 503 {why.get(reason, reason)}." for reason, count in refused.items()]
    state: State = "bad" if oldest_s > 1 else "look" if refused else "good"
    return Check("Database", state, words, "docs/operations.md, Capacity")


def _deadlines(ports: Ports) -> Check:
    """Whether commands end when their time is over, and phones take those that they were offered."""
    late_us = overdue_us(ports)
    stuck = late_us > STUCK_S * SECOND_US
    words = [f"An end has been due for {span(late_us)} and is not written." if stuck else "Commands end when their time is over."]
    if parked := ports.offers.parked:
        words.append(f"{_times(parked)} since the start, a command was offered ten times and not acknowledged: its page says why it waits.")
    return Check("Commands", "bad" if stuck else "look" if parked else "good", words, "docs/operations.md, Stuck commands")


def _notifications(ports: Ports, stats: StoreStats | None) -> Check:
    """Whether notifications leave, and how near their number is to the limit."""
    now_us, read_on = ports.clock.now_us(), "docs/notifications.md, Guarantees"
    if stats is None:
        return Check("Notifications", "look", ["The database did not say in time how many wait."], read_on)
    age_us, resting = stats.oldest_notification_age_us(now_us), ports.publishing.resting(now_us)
    words = ["None waits."] if not stats.notifications else [f"{stats.notifications} wait, the oldest for {span(age_us)}."]
    if resting:
        takes, is_ = ("destination takes", "is") if resting == 1 else ("destinations take", "are")
        words.append(f"{resting} {takes} nothing, and {is_} left alone for a while.")
    if closed := ports.publishing.closed:
        words.append(f"{_times(closed)} since the start, a push endpoint answered 410 and was disabled.")
    if given_up := ports.publishing.given_up + ports.publishing.overflowed:
        words.append(f"{given_up} became dead letters since the start.")
    most = ports.limits.notifications_most
    near = stats.notifications >= NEAR * most
    if near:
        words.append(f"An enterprise may have {most} waiting; beyond that its oldest become dead letters.")
    late = age_us > OLD_S * SECOND_US
    return Check("Notifications", "look" if late or resting or closed or near else "good", words, read_on)


def _silent_phones(silence: Silence) -> Check:
    """How many were not heard for days."""
    silent = [f"{count} for more than {days} days" for days, count in zip(DAYS, silence.silent, strict=True) if count]
    words = f"Of {silence.devices} phones, {', '.join(silent)} {'was' if len(silent) == 1 else 'were'} not heard." if silent else ""
    state: State = "look" if silence.silent[WORTH_A_LOOK] else "good"
    return Check("Silent phones", state, [words or f"Each of {silence.devices} phones was heard within {DAYS[0]} days."], DEVICES_DOCS)


def _connections() -> Check:
    """Whether some were turned away."""
    why = {"full": "all that there may be were open", "address": "one address had too many", "descriptors": "no file descriptor was left"}
    crowded = {bound: count for bound, count in PROCESS.connections_crowded.items() if count}
    rejected = sum(PROCESS.requests_refused.values())
    words = [f"{_times(count)} since the start, a connection was rejected: {why.get(bound, bound)}." for bound, count in crowded.items()]
    if rejected:
        reasons = ", ".join(f"{reason} {count}" for reason, count in PROCESS.requests_refused.most_common() if count)
        words.append(f"Requests that no method saw since the start: {reasons}.")
    return Check(
        "Connections", "look" if crowded else "good", words or ["None was rejected since the start."], "docs/operations.md, Connections"
    )


def _log() -> Check:
    """Whether the log has everything."""
    dropped = PROCESS.log_lines_dropped
    words = f"{dropped} lines were dropped since the start: nothing reads the log in time." if dropped else "Every line was read in time."
    return Check("Log", "look" if dropped else "good", [words], "docs/operations.md, Logs")


def _storage(ports: Ports, stats: StoreStats | None) -> str:
    if stats is None:
        return "it does not answer in time"
    log = f", and {_size(stats.log_bytes)} of write-ahead log" if stats.log_bytes else ""
    shared = ", shared with other servers" if ports.shared else ""
    return f"{stats.engine}, {_size(stats.database_bytes) if stats.database_bytes else 'in memory'}{log}{shared}"


def _size(length: int) -> str:
    return f"{length / MIB:.1f} MiB" if length >= MIB // 10 else f"{length // 1_024} KiB"


def _times(count: int) -> str:
    return "Once" if count == 1 else f"{count} times"
