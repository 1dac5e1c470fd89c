"""The cases: what an agent meets, and what it must do. Each is a row; docs/device-protocol.md is what they are taken from.

They rest on what an agent sends. An agent that also says what it executes (HELIOGRAPH_EFFECTS) is held to that, too.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from heliograph.agent_check.tap import Heard, PassOn, lose, lose_answer
from heliograph.agent_check.trial import ACK_ID, Killing, NotTried, Trial
from heliograph.channel.answer import Answer
from heliograph.commands import COMMANDS
from heliograph.commands.wipe import COMMAND as WIPE
from heliograph.domain.device import DeviceRecord, DeviceReport, ManagementKind, ManagementMode, Ownership

OK, UNAUTHENTICATED, UNAVAILABLE = 200, 401, 503
REJECTION_OF_UNKNOWN = Answer(
    UNAUTHENTICATED,
    b'{"error": {"code": 401, "message": "No device has this credential. Enrol again.", "status": "UNAUTHENTICATED"}}',
)
RETRY_AFTER_S = 2
NOT_NOW = Answer(
    UNAVAILABLE,
    b'{"error": {"code": 503, "message": "Not now.", "status": "UNAVAILABLE"}}',
    ((b"retry-after", str(RETRY_AFTER_S).encode()),),
)
LEAST_OF_PAUSE = 0.5
"""Of a pause, what chance leaves at least."""
BEGINS_WITHIN_S = 1.0
"""Of an agent that does not say when it executes, and has not reported by then."""
SLACK_S = 0.1
"""Clocks of two processes."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that an agent meets."""

    name: str
    expects: str
    run: Callable[[Trial], Awaitable[None]]
    """Raises: Broken, NotTried."""
    starts: bool = False
    """It starts the agent itself, which was never enrolled."""
    kills: bool = False
    """It kills the agent."""
    last_order: bool = False
    """The phone erases itself."""
    once: bool = False
    """Whatever the transport: once is enough."""


async def enrolment_is_repeated(trial: Trial) -> None:
    trial.tap.intercept("enroll", lose_answer)
    await trial.enrolled()
    first, *others = [one.body for one in trial.heard("enroll")]
    fields = ("enrollmentToken", "installationId", "credentialHash")
    trial.require(others, "the enrolment whose answer was lost was not sent again")
    changed = [name for name in fields for other in others if other.get(name) != first.get(name)]
    trial.require(not changed, f"another {' and '.join(dict.fromkeys(changed))}")


async def hello_comes_first(trial: Trial) -> None:
    await trial.enrolled()
    await trial.until(lambda: trial.heard("status"), "status report")
    kinds = [one.kind for one in trial.heard() if one.kind not in {"enroll", "connect"}]
    trial.require(kinds[0] == "hello", f"{kinds[0]} came before hello")


async def nothing_before_the_acknowledgement(trial: Trial) -> None:
    async with trial.holding("acknowledge") as held:
        operation = await trial.issued()
        await trial.until(lambda: held.came or trial.ends(operation), "acknowledgement")
        trial.require(held.came, "it reported without an acknowledgement")
        await trial.quiet()
        trial.require(not trial.heard("report", operation=operation), "it reported before its acknowledgement was answered")
        trial.require(not trial.executed(), "it executed before its acknowledgement was answered")
    await executed_once(trial, operation)


async def executed_once(trial: Trial, operation: str, *, times: tuple[int, ...] = (1,)) -> None:
    """One ackId, one end, taken once, and one execution."""
    end = await trial.ended(operation)
    await trial.quiet()
    ids = trial.ack_ids(operation)
    trial.require(all(ACK_ID.fullmatch(one) for one in ids), f"an ackId that is not 32 lower-case hex digits: {ids}")
    owners = [one.body.get("ackId") for one in trial.heard("acknowledge", operation=operation) if lets_execute(one)]
    stray = [one for one in trial.heard("report", operation=operation) if one.body.get("ackId") not in owners]
    trial.require(not stray, f"it reported under the ackId {stray[0].body.get('ackId') if stray else ''}, which it never acknowledged with")
    later = [one for one in trial.ends(operation) if one is not end and one.at_s > end.at_s]
    trial.require(not later, f"it reported the end {1 + len(later)} times, although the first was taken")
    trial.require_executed(*times)


def lets_execute(acknowledgement: Heard) -> bool:
    """Whether its sender was let execute, as far as it can know: an answer that was lost may have been that."""
    reply = acknowledgement.reply
    return reply is None or b"startWithinMs" in reply.body


async def what_it_cannot_do_is_refused(trial: Trial) -> None:
    record = await trial.stand.device(trial.device)
    type_ = impossible(record)
    operation = await trial.issued(type_)
    await trial.until(lambda: trial.heard("refuse", "acknowledge", operation=operation), "refusal")
    await trial.quiet()
    said = [one.kind for one in trial.heard("refuse", "acknowledge", "report", operation=operation)]
    trial.require(set(said) == {"refuse"}, f"to {type_}, {', '.join(said)}")
    code = trial.heard("refuse", operation=operation)[0].body.get("errorCode")
    trial.require(trial.heard("refuse", operation=operation)[0].answered == OK, f"a refusal that the server rejects: errorCode {code}")
    trial.require_executed(0)


def impossible(record: DeviceRecord | None) -> str:
    """A type that no phone managed like this one can execute, and that would do no harm.  Raises: NotTried: there is none."""
    if record is not None:
        for row in COMMANDS.values():
            if not row.final_at_ack and row.requires.lowest_level(management_kind(record.report)) is None:
                return row.name
    raise NotTried("a phone of this kind can do everything")


def management_kind(report: DeviceReport) -> ManagementKind:
    """How the phone says that it is managed."""
    if report.management_mode is ManagementMode.DEVICE_OWNER:
        return ManagementKind.FULLY_MANAGED
    if report.ownership is Ownership.COMPANY_OWNED:
        return ManagementKind.COMPANY_OWNED_WORK_PROFILE
    return ManagementKind.PERSONALLY_OWNED_WORK_PROFILE


async def a_lost_acknowledgement_is_repeated(trial: Trial) -> None:
    await acknowledged_again(trial, lose)


async def a_lost_answer_to_an_acknowledgement_changes_nothing(trial: Trial) -> None:
    await acknowledged_again(trial, lose_answer)


async def acknowledged_again(trial: Trial, fault: Callable[[Heard, PassOn], Awaitable[None]]) -> None:
    trial.tap.intercept("acknowledge", fault)
    operation = await trial.issued()
    await trial.until(lambda: len(trial.heard("acknowledge", operation=operation)) > 1, "second acknowledgement")
    ids = trial.ack_ids(operation)
    trial.require(len(ids) == 1, f"it acknowledged again with another ackId: {', '.join(ids)}")
    await executed_once(trial, operation)


async def a_lost_answer_to_a_report_changes_nothing(trial: Trial) -> None:
    trial.tap.intercept("report", lose_answer)
    operation = await trial.issued()
    await trial.until(lambda: len(trial.ends(operation)) > 1, "second report")
    first, second = (one.body for one in trial.ends(operation)[:2])
    same = all(first.get(name) == second.get(name) for name in ("ackId", "seq", "state"))
    trial.require(same, f"another report: {brief(first)}, then {brief(second)}")
    await executed_once(trial, operation)


def brief(report: dict[str, object]) -> str:
    """What identifies a report."""
    return f"ackId {report.get('ackId')} seq {report.get('seq')} {report.get('state')}"


async def a_server_that_asks_to_wait_is_obeyed(trial: Trial) -> None:
    async def not_now(_heard: Heard, _pass_on: PassOn) -> Answer:
        return NOT_NOW

    trial.tap.intercept("acknowledge", not_now)
    operation = await trial.issued()
    await trial.until(lambda: len(trial.heard("acknowledge", operation=operation)) > 1, "second acknowledgement")
    first, second = trial.heard("acknowledge", operation=operation)[:2]
    if not first.web_socket:  # a frame has no header
        waited_s = second.at_s - first.at_s
        trial.require(waited_s >= RETRY_AFTER_S - SLACK_S, f"it waited {waited_s:.1f} s, and Retry-After said {RETRY_AFTER_S}")
    await executed_once(trial, operation)


async def an_offer_that_comes_twice_is_one_command(trial: Trial) -> None:
    trial.tap.repeat_next_offer()
    operation = await trial.issued()
    await trial.until(lambda: [one for _, one in trial.tap.offered].count(operation) > 1, "second offer")
    await executed_once(trial, operation)


async def a_cancelled_command_is_dropped(trial: Trial) -> None:
    async with trial.holding("acknowledge") as held:
        operation = await trial.issued()
        await trial.until(lambda: held.came, "acknowledgement")
        await trial.stand.cancel(operation)
    await dropped(trial, operation)


async def an_expired_command_is_dropped(trial: Trial) -> None:
    async with trial.holding("acknowledge") as held:
        operation = await trial.issued(duration_s=60)
        await trial.until(lambda: held.came, "acknowledgement")
        trial.stand.advance(120)
    await dropped(trial, operation)


async def dropped(trial: Trial, operation: str) -> None:
    """The server answered `drop`: nothing follows."""
    await trial.until(lambda: trial.heard("acknowledge", operation=operation)[0].answered, "answer to the acknowledgement")
    await trial.quiet()
    reports = [str(one.body.get("state")) for one in trial.heard("report", operation=operation)]
    trial.require(not reports, f"it reported {', '.join(reports)}")
    trial.require_executed(0)


async def what_is_too_late_is_not_started(trial: Trial) -> None:
    async def too_late(_heard: Heard, pass_on: PassOn) -> Answer:
        await pass_on()
        return Answer(OK, b'{"startWithinMs":0}')

    trial.tap.intercept("acknowledge", too_late)
    end = await trial.ended(operation := await trial.issued())
    trial.require(end.body.get("state") == "NOT_STARTED", f"it reported {end.body.get('state')} on {operation.rpartition('/')[2]}")
    trial.require_executed(0)


def killed_at(kind: str, *, after_the_server: bool, times: tuple[int, ...] = (1,)) -> Callable[[Trial], Awaitable[None]]:
    """A case in which the agent dies when this message of its has arrived."""

    async def run(trial: Trial) -> None:
        killing = Killing(trial.subject, after_the_server=after_the_server)
        trial.tap.intercept(kind, killing)
        operation = await trial.issued()
        await trial.until(lambda: killing.done, kind)
        before = trial.heard(kind, operation=operation)[0].body
        await came_back(trial, operation, before)
        await executed_once(trial, operation, times=times)

    return run


async def killed_once_it_may_begin(trial: Trial) -> None:
    async with trial.holding("report") as held:
        operation = await trial.issued()
        await trial.until(lambda: any(one.answered for one in trial.heard("acknowledge", operation=operation)), "acknowledgement")
        before = trial.heard("acknowledge", operation=operation)[0].body
        await trial.tap.until(lambda: bool(held.came or trial.executed()), within_s=BEGINS_WITHIN_S)
        await trial.subject.kill()
        held.lost = True
    await came_back(trial, operation, before)
    await executed_once(trial, operation, times=(0, 1))


async def came_back(trial: Trial, operation: str, before: dict[str, object]) -> None:
    """After its restart the agent said hello first, listed the operation under its ackId, and saw it through under that."""
    since = await trial.restarted()
    first = next(one for one in trial.heard(since=since) if one.kind != "connect")
    trial.require(first.kind == "hello", f"after its restart, {first.kind} came before hello")
    listed = {one.get("operation"): one.get("ackId") for one in first.body.get("inFlight") or ()}
    trial.require(listed.get(operation) == before.get("ackId"), f"hello after its restart lists {listed or 'nothing'}")
    await trial.ended(operation)
    ids = trial.ack_ids(operation)
    trial.require(len(ids) == 1, f"after its restart it used another ackId: {', '.join(ids)}")


async def the_last_order_is_confirmed_when_it_is_executed(trial: Trial) -> None:
    trial.tap.intercept("orderCarriedOut", lose_answer)
    await trial.stand.delete(trial.device)
    await confirmed(trial)


async def the_last_order_reaches_a_phone_that_was_away(trial: Trial) -> None:
    await trial.subject.kill()
    await trial.stand.delete(trial.device)
    trial.tap.intercept("orderCarriedOut", lose_answer)
    await trial.subject.start()
    await confirmed(trial)


async def confirmed(trial: Trial) -> None:
    await trial.until(lambda: trial.heard("orderCarriedOut"), "orderCarriedOut")
    trial.require(trial.executed() in {None, 1}, f"it confirmed, and had executed it {trial.executed()} times")
    await trial.until(
        lambda: any(one.answered in {OK, UNAUTHENTICATED} for one in trial.heard("orderCarriedOut")), "second orderCarriedOut"
    )
    await trial.quiet()
    end = next(one for one in trial.heard("orderCarriedOut") if one.answered)
    later = [one.kind for one in trial.heard() if one.at_s > end.at_s]
    trial.require(not later, f"it did not forget its credential: after the confirmation came {', '.join(later)}")


async def a_wipe_ends_with_its_acknowledgement(trial: Trial) -> None:
    operation = await trial.issued(WIPE.name)
    await trial.until(lambda: trial.heard("refuse", "acknowledge", operation=operation), "acknowledgement")
    if trial.heard("refuse", operation=operation):
        raise NotTried("it refuses WIPE")
    await confirmed(trial)
    trial.require(not trial.heard("report", operation=operation), "it reported, although the acknowledgement ended the operation")


async def an_unknown_credential_is_kept_and_tried_seldom(trial: Trial) -> None:
    least_s = LEAST_OF_PAUSE * trial.pace.unknown_first_s - SLACK_S
    since = len(trial.tap.heard)
    trial.tap.rejection = REJECTION_OF_UNKNOWN
    trial.tap.break_connections()
    try:
        await trial.until(lambda: rejected(trial, since), "hello after its connection was lost")
        first = rejected(trial, since)[0]
        await trial.until(
            lambda: len(rejected(trial, since)) > 1, "second hello", within_s=trial.pace.unknown_first_s + trial.pace.patience_s
        )
        waited_s = rejected(trial, since)[1].at_s - first.at_s
        trial.require(waited_s >= least_s, f"it came again after {waited_s:.1f} s; the protocol says {least_s:.0f} s at least")
    finally:
        trial.tap.rejection = None
    later = len(trial.tap.heard)
    within_s = 2 * trial.pace.unknown_first_s + trial.pace.patience_s
    await trial.until(
        lambda: any(one.answered == OK for one in trial.heard("hello", since=later)), "hello once it is known again", within_s=within_s
    )
    await executed_once(trial, await trial.issued())


def rejected(trial: Trial, since: int) -> list[Heard]:
    """Its attempts to say hello that were answered 401: a WebSocket is refused before hello."""
    return [one for one in trial.heard("hello", "connect", since=since) if one.answered == UNAUTHENTICATED]


CASES: tuple[Case, ...] = (
    Case(
        name="enrol-again", run=enrolment_is_repeated, starts=True,
        expects="an enrolment whose answer is lost is sent again: the same token, installation id and credential hash",
    ),
    Case(name="hello-first", run=hello_comes_first, starts=True, expects="hello is the first message, and a status report follows"),
    Case(
        name="ack-before-execute", run=nothing_before_the_acknowledgement,
        expects="nothing is executed or reported before the acknowledgement is answered; then once, under that ackId",
    ),
    Case(name="refuse", run=what_it_cannot_do_is_refused, expects="what the phone cannot do is refused, not acknowledged"),
    Case(name="lost-ack", run=a_lost_acknowledgement_is_repeated, expects="a lost acknowledgement is sent again with the same ackId"),
    Case(
        name="lost-ack-answer", run=a_lost_answer_to_an_acknowledgement_changes_nothing,
        expects="an acknowledgement whose answer is lost is sent again with the same ackId; executed once",
    ),
    Case(
        name="lost-report-answer", run=a_lost_answer_to_a_report_changes_nothing,
        expects="a report whose answer is lost is sent again as it was; executed once",
    ),
    Case(
        name="retry-after", run=a_server_that_asks_to_wait_is_obeyed, expects="503 is tried again, not sooner than Retry-After says",
    ),
    Case(name="offer-twice", run=an_offer_that_comes_twice_is_one_command, expects="an offer that comes twice is executed once"),
    Case(name="cancelled", run=a_cancelled_command_is_dropped, expects="after drop: cancelled, nothing is executed or reported"),
    Case(name="expired", run=an_expired_command_is_dropped, expects="after drop: expired, nothing is executed or reported"),
    Case(name="too-late", run=what_is_too_late_is_not_started, expects="a command that may not start any more is reported NOT_STARTED"),
    Case(
        name="killed-acking", kills=True, run=killed_at("acknowledge", after_the_server=False),
        expects="killed before the server has the acknowledgement: hello lists the operation, the same ackId again, executed once",
    ),
    Case(
        name="killed-acknowledged", kills=True, run=killed_at("acknowledge", after_the_server=True),
        expects="killed before the answer to the acknowledgement: hello lists the operation, the same ackId again, executed once",
    ),
    Case(
        name="killed-executing", kills=True, run=killed_once_it_may_begin,
        expects="killed while it executes: hello lists the operation, its end is reported, executed at most once",
    ),
    Case(
        name="killed-result", kills=True, run=killed_at("report", after_the_server=False),
        expects="killed before the server has the report: hello lists the operation, the report comes again, executed once",
    ),
    Case(
        name="killed-reported", kills=True, run=killed_at("report", after_the_server=True),
        expects="killed before the answer to the report: hello lists the operation, the report comes again, executed once",
    ),
    Case(
        name="unknown-credential", once=True, run=an_unknown_credential_is_kept_and_tried_seldom,
        expects="after 401 hello comes again after 30 s at least, with the same credential, and commands go on once it is known",
    ),
    Case(
        name="last-order", last_order=True, run=the_last_order_is_confirmed_when_it_is_executed,
        expects="the last order is executed, then confirmed until that is answered; then the credential is forgotten",
    ),
    Case(
        name="last-order-while-away", last_order=True, kills=True, run=the_last_order_reaches_a_phone_that_was_away,
        expects="a phone that comes back to 410 executes its last order and confirms it",
    ),
    Case(
        name="wipe", last_order=True, run=a_wipe_ends_with_its_acknowledgement,
        expects="WIPE is acknowledged, executed and confirmed, without a report",
    ),
)  # fmt: skip
"""In the order in which one agent can meet them: what erases it comes last."""
