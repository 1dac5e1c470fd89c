"""What the user of a phone does to its eSIMs by hand."""

import itertools
from collections.abc import Mapping

from heliograph.agent.overridden_facts import OwnEsim
from heliograph.domain.phone.euicc import EsimProfile, Euicc
from heliograph.domain.phone.numbers import is_icc_id, own_icc_id
from heliograph.domain.phone.virtual_device import VirtualDevice, with_chip
from heliograph.protojson.errors import FailedPrecondition, InvalidArgument, Violation
from heliograph.sandbox.bodies import Handler, by_hand
from heliograph.sandbox.messages import EsimChoice
from heliograph.sandbox.steering_route import Verb

ICC_ID = "8999101234567890122"
"""In examples."""


def _added(phone: VirtualDevice, given: OwnEsim) -> VirtualDevice:
    """Raises: InvalidArgument, FailedPrecondition."""
    if not 0 <= given.chip < len(phone.euiccs):
        raise InvalidArgument(violations=[Violation("chip", f"The phone has {len(phone.euiccs)} eSIM chips; the first is number 0.")])
    chip = phone.euiccs[given.chip]
    own = (own_icc_id(number, chip.eid) for number in itertools.count(1))
    icc_id = given.icc_id or next(icc_id for icc_id in own if chip.find(icc_id) is None)
    if not is_icc_id(icc_id):
        raise InvalidArgument(violations=[Violation("icc_id", f'icc_id must have 18 to 20 digits, as in "{ICC_ID}".')])
    if phone.chip_with(icc_id) is not None:
        raise FailedPrecondition("The phone has an eSIM with this ICC ID already.")
    if chip.full:
        raise FailedPrecondition(f"The chip is full: it holds {chip.capacity} eSIMs.")
    if given.active:
        _require_port(chip)
    return with_chip(phone, chip.add(EsimProfile(icc_id=icc_id, active=given.active, carrier=given.carrier)))


def _activated(phone: VirtualDevice, given: EsimChoice) -> VirtualDevice:
    """Raises: InvalidArgument, FailedPrecondition."""
    chip, esim = _found(phone, given)
    if esim.active:
        raise FailedPrecondition("This eSIM is active already.")
    _require_port(chip)
    return with_chip(phone, chip.activate(esim.icc_id))


def _deactivated(phone: VirtualDevice, given: EsimChoice) -> VirtualDevice:
    """Raises: InvalidArgument, FailedPrecondition."""
    chip, esim = _found(phone, given)
    if not esim.active:
        raise FailedPrecondition("This eSIM is not active.")
    return with_chip(phone, chip.deactivate(esim.icc_id))


def _removed(phone: VirtualDevice, given: EsimChoice) -> VirtualDevice:
    """Raises: InvalidArgument, FailedPrecondition."""
    chip, esim = _found(phone, given)
    if not esim.deletable:
        raise FailedPrecondition("The eSIM's own rules forbid its removal.")
    return with_chip(phone, chip.remove(esim.icc_id))


def _found(phone: VirtualDevice, given: EsimChoice) -> tuple[Euicc, EsimProfile]:
    """Raises: InvalidArgument: no such eSIM is on the phone."""
    chip = phone.chip_with(given.icc_id)
    esim = None if chip is None else chip.find(given.icc_id)
    if chip is None or esim is None:
        there = ", ".join(esim.icc_id for esim in phone.esims) or "none"
        raise InvalidArgument(violations=[Violation("icc_id", f"icc_id must be that of an eSIM on the phone. There are: {there}.")])
    return chip, esim


def _require_port(chip: Euicc) -> None:
    """Raises: FailedPrecondition."""
    if not chip.can_activate():
        there = ", ".join(esim.icc_id for esim in chip.active)
        raise FailedPrecondition(f"As many eSIMs are active as the chip has ports: {there}. Use :deactivateEsim for one of them first.")


_CHOICE = {"iccId": ICC_ID}
ESIM_VERBS: Mapping[str, Verb[Handler]] = {
    "addEsim": Verb(
        by_hand(OwnEsim, _added), "Its user adds an eSIM, which no enterprise manages.", OwnEsim,
        example={"iccId": ICC_ID, "carrier": "Personal Mobile", "active": True},
    ),
    "activateEsim": Verb(
        by_hand(EsimChoice, _activated), "Its user switches an eSIM on; if the chip has one port, the other one goes off.", EsimChoice,
        required=("iccId",), example=_CHOICE,
    ),
    "deactivateEsim": Verb(
        by_hand(EsimChoice, _deactivated), "Its user switches an eSIM off.", EsimChoice, required=("iccId",), example=_CHOICE,
    ),
    "removeEsim": Verb(
        by_hand(EsimChoice, _removed), "Its user removes an eSIM, their own or an admin's.", EsimChoice, required=("iccId",),
        example=_CHOICE,
    ),
}  # fmt: skip
"""By name; each refuses, with what to do, if it could do nothing."""
