"""One phone of a sandbox: what it was made of, and what runs it."""

import random
from pathlib import Path

from heliograph.agent.journal import Journal
from heliograph.agent.phone import Line, PhoneRunner
from heliograph.agent.profiles import Profile
from heliograph.agent.virtual import ANSWERS, Pace, VirtualPhone, user_of
from heliograph.domain.names import DeviceName
from heliograph.domain.virtual_report import view
from heliograph.sandbox.clock import AdvancingClock

PACE = Pace(times=0.2, reboot_s=1.0)
"""A test waits for a reboot a second, not half a minute."""
BACKOFF_MOST_S = 1.0
"""A phone of a sandbox is back at once when its server is."""


class SandboxPhone:
    """A phone that keeps its id in the sandbox through wipes, resets and new enrolments."""

    def __init__(self, name: DeviceName, profile: Profile, *, clock: AdvancingClock, url: str, folder: Path) -> None:
        """`name` is the device that it enrols as first; `folder` holds its journal."""
        self.name = name
        self.profile = profile
        self._journal = folder / f"{name.enterprise}-{name.device}.journal"
        chance = random.SystemRandom()
        phone = VirtualPhone(profile.phone(), clock=clock, chance=chance, user=user_of(profile.consent), pace=PACE)
        line = Line(server_url=url, progress_every_s=0.0, backoff_first_s=0.05, backoff_most_s=BACKOFF_MOST_S)
        self.runner = PhoneRunner(phone, line, open_journal=lambda: Journal(self._journal, durable=False))
        self._device = name

    @property
    def device(self) -> DeviceName:
        """The device that the phone is, or was last."""
        if self.runner.name and self.runner.name != str(self._device):
            self._device = DeviceName.parse(self.runner.name)
        return self._device

    def forget(self) -> None:
        """The phone's journal is gone."""
        self._journal.unlink(missing_ok=True)

    def view(self) -> dict[str, object]:
        """All there is to see of the phone, ready for JSON; never a password."""
        runner, user = self.runner, self.runner.phone.user
        consent = {answer: answering for answering, answer in ANSWERS.items()}[user.answer]
        return {
            "id": self.name.device,
            "enterprise": str(self.name.parent),
            "name": runner.name,
            "summary": self.profile.summary,
            "condition": runner.condition.value,
            "refusal": runner.refusal,
            "online": runner.mischief.online,
            "connected": runner.connected,
            "consent": consent.name,
            "consentDelay": f"{user.after_s:g}s",
            "latency": f"{runner.mischief.delay_ms / 1_000:g}s",
            "userIsAsked": [{"operation": question.operation, "for": question.wait.value} for question in runner.phone.questions],
            "phone": view(runner.phone.device),
        }
