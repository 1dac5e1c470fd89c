"""Which phones have been silent for days: counted in parts, and whole counts only are shown."""

from pathlib import Path

from heliograph.service import silent_phones
from heliograph.service.silent_phones import AGAIN_US, DAYS, TURN_DEVICES, Silence, SilentPhones
from tests.service.world import Phone, World, facts, world

DAY_S = 86_400


async def counted(silent: SilentPhones) -> Silence:
    """The next whole count."""
    before = silent.latest
    while silent.latest is before:
        await silent.count_on()
    assert silent.latest is not None
    return silent.latest


async def enrolled(lab: World, serial: str) -> Phone:
    """A phone that is not connected."""
    phone = await lab.phone(facts(serial=serial))
    lab.here.connected_devices.clear()
    return phone


def later(lab: World, days: float = 0) -> None:
    """So much later, and at least so much that a new count begins."""
    lab.clock.advance(days * DAY_S or AGAIN_US / 1_000_000)


async def test_a_phone_is_silent_from_its_last_report_on(tmp_path: Path) -> None:
    async with world(tmp_path) as lab:
        silent = SilentPhones(lab.ports)
        quiet, other = await enrolled(lab, "S1"), await enrolled(lab, "S2")
        assert Silence(2, (0, 0, 0)) == await counted(silent)

        later(lab, days=8)
        await other.tells(facts(serial="S2"))
        assert Silence(2, (1, 1, 0)) == await counted(silent)

        later(lab, days=23)
        assert Silence(2, (2, 2, 1)) == await counted(silent)

        await quiet.tells(facts())
        later(lab)
        assert Silence(2, (1, 1, 0)) == await counted(silent)


async def test_a_phone_that_is_connected_is_not_silent(tmp_path: Path) -> None:
    async with world(tmp_path) as lab:
        phone = await enrolled(lab, "S1")
        lab.here.connected_devices.add(phone.name)
        later(lab, days=max(DAYS) + 1)

        assert Silence(1, (0, 0, 0)) == await counted(SilentPhones(lab.ports))


async def test_many_phones_are_counted_over_several_turns_and_not_again_at_once(tmp_path: Path) -> None:
    async with world(tmp_path) as lab:
        many = TURN_DEVICES + silent_phones.PAGE + 1
        for number in range(many):
            await enrolled(lab, f"S{number}")
        later(lab, days=4)
        silent = SilentPhones(lab.ports)

        found = []
        for _ in range(3):
            await silent.count_on()
            found.append(silent.latest)

        assert [None, Silence(many, (many, 0, 0))] == found[:2]
        assert found[1] is found[2]
