"""A virtual phone that lives: it holds the newest value of the pure phone, lets commands act on it, and asks its user.

Source: android.md §6.
"""

import asyncio
import functools
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Never

import msgspec

from heliograph.agent.clock import AgentClock, sleep_unless
from heliograph.agent.delivery import never
from heliograph.agent.executor import Leave, Work
from heliograph.agent.pretence import pretended
from heliograph.agent.profile import Answering, ConsentHabit
from heliograph.commands import COMMANDS
from heliograph.commands.wipe import by_enforcement_rule
from heliograph.domain.command import Answer, Circumstances, Wait, Waiting
from heliograph.domain.device import DeviceFacts, DeviceReport
from heliograph.domain.evidence import Facts
from heliograph.domain.outcome import Outcome
from heliograph.domain.phone.applications import with_applications
from heliograph.domain.phone.enforcement import enforced, next_action_us, wipe_due
from heliograph.domain.phone.events import with_events
from heliograph.domain.phone.facts import look
from heliograph.domain.phone.location_mode import with_location
from heliograph.domain.phone.passwords import next_expiry_us, with_password_clocks
from heliograph.domain.phone.report_fields import Situation, device_report, is_reported, value_of
from heliograph.domain.phone.usage_logs import (
    event_json,
    located,
    locates_at_us,
    logged,
    logs,
    reports_location_at_us,
    to_send,
    with_locations,
    with_log,
    without,
)
from heliograph.domain.phone.virtual_device import VirtualDevice, device_facts
from heliograph.domain.policy import PasswordPolicy, PasswordQuality
from heliograph.domain.policy_messages import Policy as PolicyMessage
from heliograph.protocol import PhonePolicy, UsageLogs
from heliograph.protojson.messages import decode_message, known_fields
from heliograph.protojson.times import format_timestamp

EFFECTS_KEPT = 1_000
ASKED = frozenset({Wait.CONSENT, Wait.CONFIRMATION_CODE})
"""Waits that end when the user likes."""
SHOWN_BY_ENROLMENT = sorted({name for row in COMMANDS.values() if row.final_at_ack for name in row.observed_by.facts})
"""What shows that a command was executed which no report follows: the phone's next enrolment."""
NO_POLICY = PhonePolicy(policy_version=0)
"""What a phone applies before a server has sent it anything."""


@dataclass(frozen=True, kw_only=True)
class User:
    """What the phone's user does when asked: answers after this many seconds, or (None) never."""

    answer: Answer | None = Answer.APPROVED
    after_s: float = 2.0


ANSWERS = {Answering.APPROVE: Answer.APPROVED, Answering.DECLINE: Answer.DECLINED, Answering.IGNORE: None}


def user_of(consent: ConsentHabit) -> User:
    """The user who answers as a profile says."""
    return User(answer=ANSWERS[consent.answering], after_s=consent.after_seconds)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a phone is: its own times multiplied, or a fixed one for a restart or a download."""

    times: float = 1.0
    reboot_s: float | None = None
    download_s: float | None = None

    def of(self, waiting: Waiting) -> float:
        """How long a wait that is not for the user takes on this phone."""
        return self.lasting(waiting.wait, waiting.seconds or 0.0)

    def lasting(self, wait: Wait, seconds: float) -> float:
        """The same of a wait that would take so long."""
        fixed_s = {Wait.REBOOT: self.reboot_s, Wait.DOWNLOAD: self.download_s}.get(wait)
        return seconds * self.times if fixed_s is None else fixed_s


REAL_PACE = Pace()
"""As long as a real phone takes."""


class EffectRecord(NamedTuple):
    """One thing that a command did to a phone; what checkers read."""

    operation: str
    type: str
    step: str
    """`began` once per execution, `ended` when it was over; `withdrawn` when it had waited for its user and had no effect."""
    boot_id: str
    at_us: int
    succeeded: bool | None = None
    """At its end: whether the outcome is a success."""


class Question(NamedTuple):
    """Something that the phone asks its user."""

    operation: str
    wait: Wait
    answer: asyncio.Future[Answer]


Restart = Callable[[float, Callable[[VirtualDevice], VirtualDevice]], None]
"""`restart(seconds, then)`: the phone goes down now, is off for that long, and is `then(phone)` when it comes back."""


def _password_rules(policy: PhonePolicy) -> PasswordPolicy:
    """The policy's rules for passwords. A phone has no rules of its own: what refuses must be found in the policy."""
    quality = PasswordQuality.__members__.get(policy.password_quality, PasswordQuality.PASSWORD_QUALITY_UNSPECIFIED)
    return PasswordPolicy(quality=quality, minimum_length=policy.password_minimum_length)


def applied(device: VirtualDevice, policy: PhonePolicy) -> VirtualDevice:
    """The phone that applies the server's policy and state."""
    return msgspec.structs.replace(
        device,
        disabled=policy.disabled,
        disabled_reason=policy.disabled_reason,
        password_policy=_password_rules(policy),
    )


def policy_message(policy: PhonePolicy) -> Any:  # noqa: ANN401 - the made message
    """The Policy message that the server sent, without what is not known here; None: it sent none."""
    return _policy_message(bytes(policy.policy)) if policy.policy is not None else None


@functools.lru_cache(maxsize=64)
def _policy_message(policy: bytes) -> Any:  # noqa: ANN401 - the made message
    """Most phones have the same one."""
    return decode_message(PolicyMessage, known_fields(PolicyMessage, msgspec.json.decode(policy)), root="policy")


def reported(device: VirtualDevice, policy: PhonePolicy, *, now_us: int = 0) -> DeviceReport:
    """The facts of a phone that applies this policy, as its server shall know them."""
    applies = policy.policy is not None  # one that does not exist, or that it has not got yet, it cannot apply
    return device_report(
        Situation(
            phone=device,
            policy_name=policy.policy_name if applies else "",
            policy_version=policy.policy_version if applies else 0,
            policy=policy_message(policy),
            now_us=now_us,
        )
    )


def _kept_to(policy: PhonePolicy, before: VirtualDevice, device: VirtualDevice, *, now_us: int) -> VirtualDevice:
    """The phone that was `before`, as its policy has it."""
    message = policy_message(policy)
    device = with_applications(with_location(device, message), message, now_us=now_us)
    device = with_password_clocks(before, device, message, now_us=now_us)
    if device.breached_since_us or (message is not None and message.policy_enforcement_rules):
        details = value_of(Situation(phone=device, policy=message, now_us=now_us), "nonComplianceDetails") or ()
        device = enforced(device, message, {detail.get("settingName") for detail in details}, now_us=now_us)
    device = with_events(before, device, lambda field: is_reported(message, field), now_us=now_us)
    return with_log(before, device, message, now_us=now_us)


class VirtualPhone:
    """The phone itself: survives its agent's death, as a phone survives that of a process on it."""

    def __init__(
        self, device: VirtualDevice, *, clock: AgentClock, chance: random.Random, user: User | None = None, pace: Pace = REAL_PACE
    ) -> None:
        self.clock = clock
        self.chance = chance
        self.pace = pace
        self.lies = False
        """Whether it says that commands are done, and does nothing; its facts are true all the same."""
        self.policy = NO_POLICY
        self.effects: deque[EffectRecord] = deque(maxlen=EFFECTS_KEPT)
        self.on_effect: Callable[[EffectRecord], None] = self.effects.append
        self.on_change: Callable[[], None] = lambda: None
        """Called whenever the phone changes."""
        self.on_restart: Restart | None = None
        self.on_wiped_itself: Callable[[], None] = lambda: None
        """Called when an enforcement rule has wiped the phone: its agent and all that it knew are gone."""
        self._device = device
        self._changed = asyncio.Event()
        self._user = user or User()
        self._questions: dict[str, Question] = {}
        self._timers: set[asyncio.Task[None]] = set()
        """Of what the user is about to answer."""
        self._limits: set[asyncio.Task[None]] = set()
        """Of how long they may take."""
        self._due: asyncio.Task[None] | None = None
        """Waits until time alone changes something: a password expires, an enforcement rule acts."""
        self._reported: tuple[VirtualDevice, PhonePolicy, DeviceReport] | None = None

    @property
    def device(self) -> VirtualDevice:
        """The phone as it is now."""
        return self._device

    @property
    def user(self) -> User:
        """What the user does when asked."""
        return self._user

    @property
    def questions(self) -> tuple[Question, ...]:
        """What the user is being asked now."""
        return tuple(self._questions.values())

    def become(self, device: VirtualDevice) -> None:
        """The phone is this one from now on."""
        if device is not self._device:
            self._device = _kept_to(self.policy, self._device, device, now_us=self.clock.now_us())
            self._changed.set()
            self._await_due()
            self.on_change()

    def adopt(self, policy: PhonePolicy) -> None:
        """The phone applies the server's policy and state."""
        same = (policy.policy_name, policy.policy_version) == (self.policy.policy_name, self.policy.policy_version)
        if same and policy.policy is None:
            policy = msgspec.structs.replace(policy, policy=self.policy.policy)
        if policy != self.policy:
            self.policy = policy
            self.become(applied(self._device, policy))

    def be_as(self, device: VirtualDevice, policy: PhonePolicy, user: User, pace: Pace, effects: Iterable[EffectRecord]) -> None:
        """The phone goes on where another like it stood, which was asking its user nothing."""
        self._device, self.policy, self._user, self.pace = device, policy, user, pace
        self.effects.extend(effects)
        self._await_due()

    def rest(self) -> None:
        """Nothing happens on the phone by itself any more, until it changes."""
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def logs(self, event_type: str) -> bool:
        """Whether it logs events of this type as its policy is."""
        return logs(self._device, policy_message(self.policy), event_type)

    def enrolled(self) -> None:
        """The phone has been set up and is managed."""
        anew = msgspec.structs.replace(self._device, log=())  # what it logged as another device is not this one's
        self.become(logged(anew, "ENROLLMENT_COMPLETE", {}, now_us=self.clock.now_us()))

    async def locate(self) -> Never:
        """While it is lost, the phone logs where it is, every minute."""
        at_us, now_us = locates_at_us(self._device), self.clock.now_us()
        if at_us is not None and at_us < now_us:  # it was off, and where it was meanwhile it does not know
            self.become(located(self._device, now_us=now_us))
        while True:
            self._changed.clear()
            at_us = reports_location_at_us(self._device)
            if at_us is None:
                await self._changed.wait()
            elif (wait_us := at_us - self.clock.now_us()) > 0:
                await sleep_unless(self.clock, wait_us / 1_000_000, self._changed)
            else:
                self.become(with_locations(self._device, now_us=self.clock.now_us()))

    def forget_policy(self) -> None:
        """The phone applies no policy, as before it was first enrolled."""
        self.policy = NO_POLICY

    def report(self) -> DeviceReport:
        """The phone's facts as the server shall know them."""
        if self._reported is None or self._reported[0] is not self._device or self._reported[1] is not self.policy:
            self._reported = (self._device, self.policy, reported(self._device, self.policy, now_us=self.clock.now_us()))
        return self._reported[2]

    def circumstances(self) -> Circumstances:
        """The time and a draw of chance."""
        return Circumstances(now_us=self.clock.now_us(), roll=self.chance.random())

    def be(self, user: User) -> None:
        """The user has these intentions from now on, for open questions too."""
        self._user = user
        _stop(self._timers)
        for question in self._questions.values():
            self._answer_later(question)

    def answer(self, answer: Answer, *, operation: str = "", wait: Wait | None = None) -> int:
        """How many questions the user has answered: those of this operation and this kind, all if neither is given."""
        meant = [
            question
            for question in self._questions.values()
            if operation in {"", question.operation} and wait in {None, question.wait} and not question.answer.done()
        ]
        for question in meant:
            question.answer.set_result(answer)
        return len(meant)

    async def ask(self, operation: str, waiting: Waiting) -> Answer:
        """The user's answer, by intention or as `answer` says; ELAPSED if the wait has an end and it came first."""
        question = Question(operation, waiting.wait, asyncio.get_running_loop().create_future())
        self._questions[operation] = question
        self._answer_later(question)
        if waiting.seconds is not None:
            self._after(waiting.seconds, question, Answer.ELAPSED, of=self._limits)
        try:
            return await question.answer
        finally:
            del self._questions[operation]
            if not self._questions:
                _stop(self._timers)
                _stop(self._limits)

    def answer_within(self, operation: str, seconds: float) -> None:
        """What this operation asks the user is withdrawn after this time."""
        if (question := self._questions.get(operation)) is not None:
            self._after(seconds, question, Answer.ELAPSED, of=self._limits)

    async def restart(self, waiting: Waiting) -> None:
        """The phone goes down; a caller that waits for this runs on it and goes down too."""

        def then(device: VirtualDevice) -> VirtualDevice:
            return waiting.then(device, Answer.ELAPSED, self.circumstances()).phone

        if self.on_restart is None:
            self.become(then(self._device))
        else:
            self.on_restart(self.pace.of(waiting), then)
            await never()

    def _await_due(self) -> None:
        """The phone looks at itself again when time alone changes something about it, if it ever does."""
        self.rest()
        now_us = self.clock.now_us()
        times_us = (
            next_expiry_us(self._device, now_us=now_us),
            next_action_us(self._device, policy_message(self.policy), now_us=now_us) if self._device.breached_since_us else None,
        )
        due_us = min((time_us for time_us in times_us if time_us is not None), default=None)
        if due_us is not None:
            self._due = asyncio.get_running_loop().create_task(self._look_at(due_us))

    async def _look_at(self, due_us: int) -> None:
        await self.clock.sleep(max(0, due_us - self.clock.now_us()) / 1_000_000)
        self._due = None  # `become` must not cancel what it runs in
        policy, device = policy_message(self.policy), self._device
        wipe = wipe_due(device, policy, now_us=self.clock.now_us())
        if wipe is None:
            self.become(msgspec.structs.replace(device))  # judged again, by a later time
            return
        flags = [flag.value for flag in policy.wipe_data_flags]
        self.become(by_enforcement_rule(device, flags, preserve_frp=wipe.preserve_frp))
        self.on_wiped_itself()

    def _answer_later(self, question: Question) -> None:
        if self._user.answer is not None:
            self._after(self._user.after_s, question, self._user.answer, of=self._timers)

    def _after(self, seconds: float, question: Question, answer: Answer, *, of: set[asyncio.Task[None]]) -> None:
        async def wait() -> None:
            await self.clock.sleep(seconds)
            if not question.answer.done():
                question.answer.set_result(answer)

        timer = asyncio.get_running_loop().create_task(wait())
        of.add(timer)
        timer.add_done_callback(of.discard)


def _stop(timers: set[asyncio.Task[None]]) -> None:
    for timer in timers:
        timer.cancel()
    timers.clear()


class VirtualExecutor:
    """An `Executor` on a virtual phone."""

    def __init__(self, phone: VirtualPhone) -> None:
        self._phone = phone
        self._sent_id = 0
        """Of the newest event that was put into a message."""

    def facts(self) -> DeviceFacts:
        return device_facts(self._phone.device)

    def report(self) -> DeviceReport:
        return self._phone.report()

    def usage_logs(self) -> UsageLogs | None:
        waiting = to_send(self._phone.device)
        if not waiting:
            return None
        events = tuple(msgspec.Raw(msgspec.json.encode(event_json(entry))) for entry in waiting)
        self._sent_id = waiting[-1].id
        return UsageLogs(retrieval_time=format_timestamp(self._phone.clock.now_us()), events=events)

    def usage_logs_taken(self) -> None:
        self._phone.become(without(self._phone.device, self._sent_id))

    async def log_usage(self) -> Never:
        await self._phone.locate()

    def boot_id(self) -> str:
        return self._phone.device.boot_id

    def look(self, work: Work) -> Facts:
        shown_by = work.row.observed_by
        return look(self._phone.device, shown_by.facts, shown_by.packages(work.params))

    def look_at_enrolment(self) -> Facts:
        return look(self._phone.device, SHOWN_BY_ENROLMENT)

    def adopt(self, policy: PhonePolicy) -> None:
        self._phone.adopt(policy)

    async def execute(self, work: Work, progress: Callable[[msgspec.Struct], None], leave: Leave | None = None) -> Outcome | None:
        phone = self._phone
        if phone.lies:
            return pretended(work.row, phone.device, work.params, phone.circumstances())
        self._record(work, "began")
        effect = work.row.execute(phone.device, work.params, phone.circumstances())
        while isinstance(effect, Waiting):
            phone.become(effect.phone)
            needed = leave if effect.wait in ASKED else None
            if effect.status is not None:
                (progress if needed is None else needed.asks)(effect.status)
            answer = await self._wait(work, effect)
            if needed is not None and not (answer is Answer.APPROVED and await needed.may_begin()):
                self.withdraw(work)
                if answer in {Answer.APPROVED, Answer.ELAPSED}:
                    return None
            effect = effect.then(phone.device, answer, phone.circumstances())
        phone.become(effect.phone)
        self._record(work, "ended", effect.outcome)
        return effect.outcome

    def answer_within(self, operation: str, seconds: float) -> None:
        self._phone.answer_within(operation, seconds)

    def withdraw(self, work: Work) -> None:
        self._record(work, "withdrawn")

    def probe(self, work: Work) -> Outcome | None:
        return work.row.probe(self._phone.device, work.params)

    async def carry_out(self, order: Work) -> None:
        if self._phone.device.managed:
            await self.execute(order, lambda _status: None)
        if self._phone.lies:  # it forgets its server, as one that has obeyed
            self._phone.become(msgspec.structs.replace(self._phone.device, managed=False))

    async def _wait(self, work: Work, waiting: Waiting) -> Answer:
        match waiting.wait:
            case Wait.TIME | Wait.DOWNLOAD:
                await self._phone.clock.sleep(self._phone.pace.of(waiting))
            case Wait.REBOOT:
                await self._phone.restart(waiting)
            case _:
                return await self._phone.ask(work.operation, waiting)
        return Answer.ELAPSED

    def _record(self, work: Work, step: str, outcome: Outcome | None = None) -> None:
        succeeded = None
        if outcome is not None:
            succeeded = outcome.error_code is None and (outcome.status is None or work.row.succeeded(outcome.status))
        phone = self._phone
        phone.on_effect(EffectRecord(work.operation, work.row.name, step, phone.device.boot_id, phone.clock.now_us(), succeeded))
