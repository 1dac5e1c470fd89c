"""A phone that lies: it reports commands as done and does nothing, as broken firmware does."""

import msgspec

from heliograph.domain.command import Answer, Circumstances, CommandType, Wait, Waiting
from heliograph.domain.outcome import Outcome
from heliograph.domain.phone.numbers import EID_DIGITS
from heliograph.domain.phone.virtual_device import VirtualDevice

MADE_UP_EID = "0" * EID_DIGITS
"""A phone that does not look at its eSIM chip does not know its number."""
OF_USERS = {Wait.CONSENT: Answer.APPROVED, Wait.CONFIRMATION_CODE: Answer.APPROVED}


def pretended(row: CommandType, phone: VirtualDevice, params: msgspec.Struct, circumstances: Circumstances) -> Outcome:
    """How the command would have ended on the phone if no user had been asked and no time had passed; the phone stays as it is."""
    chips = tuple(msgspec.structs.replace(chip, eid=MADE_UP_EID) for chip in phone.euiccs)
    effect = row.execute(msgspec.structs.replace(phone, euiccs=chips), params, circumstances)
    while isinstance(effect, Waiting):
        effect = effect.then(effect.phone, OF_USERS.get(effect.wait, Answer.ELAPSED), circumstances)
    return effect.outcome
