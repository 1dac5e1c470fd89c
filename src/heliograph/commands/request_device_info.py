"""REQUEST_DEVICE_INFO: the user of a personally-owned device is asked to disclose something about it."""

import enum
from collections.abc import Iterator
from typing import Annotated

import msgspec

from heliograph.domain.command import DAY_S, Answer, Circumstances, CommandType, Done, Effect, Requires, Wait, Waiting
from heliograph.domain.evidence import Claim, Judgement, ObservedBy
from heliograph.domain.messages import Message, proto
from heliograph.domain.phone.numbers import is_eid
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.domain.quirks import Quirk
from heliograph.protojson.errors import Violation

RESULT_TIMEOUT_S = 30 * DAY_S
"""As observed, users answer when they look at their phone; 30 days is how long a silent device is still believed in (design.md §3)."""


@proto("RequestDeviceInfoParams.DeviceInfo")
class DeviceInfo(enum.Enum):
    """Source: disc, RequestDeviceInfoParams.deviceInfo."""

    DEVICE_INFO_UNSPECIFIED = "DEVICE_INFO_UNSPECIFIED"
    EID = "EID"


@proto("RequestDeviceInfoParams", habits={"info": "device_info", "type": "device_info", "device_info_type": "device_info"})
class RequestDeviceInfoParams(Message):
    """Source: disc, RequestDeviceInfoParams."""

    device_info: Annotated[
        DeviceInfo,
        msgspec.Meta(description="Required. What is requested: EID, the identifier of the eSIM chip."),
    ] = DeviceInfo.DEVICE_INFO_UNSPECIFIED


@proto("RequestDeviceInfoStatus.Status")
class InfoStatus(enum.Enum):
    """Source: disc, RequestDeviceInfoStatus.status."""

    STATUS_UNSPECIFIED = "STATUS_UNSPECIFIED"
    SUCCEEDED = "SUCCEEDED"
    PENDING_USER_ACTION = "PENDING_USER_ACTION"
    USER_DECLINED = "USER_DECLINED"
    UNSUPPORTED = "UNSUPPORTED"


@proto("Eid")
class Eid(Message):
    """Source: disc, Eid."""

    eid: str = ""


@proto("EidInfo")
class EidInfo(Message):
    """Source: disc, EidInfo."""

    eids: tuple[Eid, ...] = ()


@proto("RequestDeviceInfoStatus")
class RequestDeviceInfoStatus(Message):
    """Source: disc, RequestDeviceInfoStatus."""

    status: InfoStatus = InfoStatus.STATUS_UNSPECIFIED
    eid_info: EidInfo | None = None


def check(params: RequestDeviceInfoParams, path: str) -> Iterator[Violation]:
    """Something must be requested."""
    if params.device_info is DeviceInfo.DEVICE_INFO_UNSPECIFIED:
        yield Violation(f"{path}.device_info", f'{path}.device_info is required: name the information, as in "deviceInfo": "EID".')


def execute(phone: VirtualDevice, _params: RequestDeviceInfoParams, _circumstances: Circumstances) -> Effect:
    """The user is asked; a phone without an eSIM chip has nothing to ask for."""
    if not phone.euiccs:
        return Done.with_status(phone, RequestDeviceInfoStatus(status=InfoStatus.UNSUPPORTED))
    pending = RequestDeviceInfoStatus(status=InfoStatus.PENDING_USER_ACTION)
    return Waiting(phone=phone, status=pending, wait=Wait.CONSENT, then=_answered)


def _answered(phone: VirtualDevice, answer: Answer, _circumstances: Circumstances) -> Effect:
    if not phone.euiccs:
        return Done.with_status(phone, RequestDeviceInfoStatus(status=InfoStatus.UNSUPPORTED))
    if answer is not Answer.APPROVED:
        return Done.with_status(phone, RequestDeviceInfoStatus(status=InfoStatus.USER_DECLINED))
    eid_info = EidInfo(eids=tuple(Eid(eid=chip.eid) for chip in phone.euiccs))
    return Done.with_status(phone, RequestDeviceInfoStatus(status=InfoStatus.SUCCEEDED, eid_info=eid_info))


def succeeded(status: RequestDeviceInfoStatus) -> bool:
    """Whether the information was delivered."""
    return status.status is InfoStatus.SUCCEEDED


def pending(status: RequestDeviceInfoStatus) -> bool:
    """Whether the user has not answered yet."""
    return status.status is InfoStatus.PENDING_USER_ACTION


def judge(claim: Claim) -> Judgement:
    """An EID bears two check digits.  Source: GSMA SGP.02 §2.2.2."""
    eids = claim.status.eid_info.eids if claim.status.eid_info is not None else ()
    return Judgement.OBSERVED if eids and all(is_eid(item.eid) for item in eids) else Judgement.CONTRADICTED


COMMAND = CommandType(
    name="REQUEST_DEVICE_INFO",
    also_called=dict.fromkeys(("DEVICE_INFO", "GET_DEVICE_INFO", "REQUEST_EID", "GET_EID"), ""),
    number=10,
    summary=(
        "Request information about the device, which its user must approve. Supported only on personally-owned devices with a work "
        "profile and Android 13 and above."
    ),
    params=RequestDeviceInfoParams,
    params_field="requestDeviceInfoParams",
    params_required=True,
    example={"requestDeviceInfoParams": {"deviceInfo": "EID"}},
    status=RequestDeviceInfoStatus,
    status_field="requestDeviceInfoStatus",
    requires=Requires(fully_managed=None, company_owned_work_profile=None, personally_owned_work_profile=33),
    check=check,
    execute=execute,
    asks_user="Your company asks for the number (EID) of the eSIM chip in this phone.",
    succeeded=succeeded,
    pending=pending,
    result_timeout_s=RESULT_TIMEOUT_S,
    as_observed=frozenset({Quirk.USER_TAKES_LONGER}),
    observed_by=ObservedBy(
        judge=judge,
        observed="each EID in the result has 32 digits and right check digits",
        contradicted="one has not, or there is none",
    ),
)
