"""What a phone says of an eSIM command: the messages, and Android's numbers for what went wrong.

Source: disc, EsimCommandStatus; AOSP EuiccManager (OPERATION_*, ERROR_*, EXTRA_EMBEDDED_SUBSCRIPTION_DETAILED_CODE).
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType

from heliograph.domain.messages import Message, proto
from heliograph.protojson.messages import Int64

SECTION_BITS = 4
SECTIONS_PER_CODE = 3


@proto("EsimCommandStatus.Status")
class EsimStatus(enum.Enum):
    """How far an eSIM command is, or how it ended.  Source: disc, EsimCommandStatus.status."""

    STATUS_UNSPECIFIED = "STATUS_UNSPECIFIED"
    SUCCESS = "SUCCESS"
    IN_PROGRESS = "IN_PROGRESS"
    PENDING_USER_ACTION = "PENDING_USER_ACTION"
    ERROR_SETUP_IN_PROGRESS = "ERROR_SETUP_IN_PROGRESS"
    ERROR_USER_DENIED = "ERROR_USER_DENIED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    ERROR_ICC_ID_NOT_FOUND = "ERROR_ICC_ID_NOT_FOUND"
    ERROR_MULTIPLE_ACTIVE_ESIMS_NO_AVAILABLE_SLOT = "ERROR_MULTIPLE_ACTIVE_ESIMS_NO_AVAILABLE_SLOT"


@proto("InternalErrorDetails.OperationCodeDetail")
class OperationCodeDetail(enum.Enum):
    """What the phone was about when it failed.  Source: disc, InternalErrorDetails.operationCodeDetail."""

    OPERATION_CODE_DETAIL_UNSPECIFIED = "OPERATION_CODE_DETAIL_UNSPECIFIED"
    OPERATION_SYSTEM = "OPERATION_SYSTEM"
    OPERATION_SIM_SLOT = "OPERATION_SIM_SLOT"
    OPERATION_EUICC_CARD = "OPERATION_EUICC_CARD"
    OPERATION_SMDX = "OPERATION_SMDX"
    OPERATION_SWITCH = "OPERATION_SWITCH"
    OPERATION_DOWNLOAD = "OPERATION_DOWNLOAD"
    OPERATION_METADATA = "OPERATION_METADATA"
    OPERATION_EUICC_GSMA = "OPERATION_EUICC_GSMA"
    OPERATION_APDU = "OPERATION_APDU"
    OPERATION_SMDX_SUBJECT_REASON_CODE = "OPERATION_SMDX_SUBJECT_REASON_CODE"
    OPERATION_HTTP = "OPERATION_HTTP"


@proto("InternalErrorDetails.ErrorCodeDetail")
class ErrorCodeDetail(enum.Enum):
    """What failed.  Source: disc, InternalErrorDetails.errorCodeDetail."""

    ERROR_CODE_DETAIL_UNSPECIFIED = "ERROR_CODE_DETAIL_UNSPECIFIED"
    ERROR_TIME_OUT = "ERROR_TIME_OUT"
    ERROR_EUICC_MISSING = "ERROR_EUICC_MISSING"
    ERROR_UNSUPPORTED_VERSION = "ERROR_UNSUPPORTED_VERSION"
    ERROR_ADDRESS_MISSING = "ERROR_ADDRESS_MISSING"
    ERROR_INVALID_CONFIRMATION_CODE = "ERROR_INVALID_CONFIRMATION_CODE"
    ERROR_CERTIFICATE_ERROR = "ERROR_CERTIFICATE_ERROR"
    ERROR_NO_PROFILES_AVAILABLE = "ERROR_NO_PROFILES_AVAILABLE"
    ERROR_CONNECTION_ERROR = "ERROR_CONNECTION_ERROR"
    ERROR_INVALID_RESPONSE = "ERROR_INVALID_RESPONSE"
    ERROR_CARRIER_LOCKED = "ERROR_CARRIER_LOCKED"
    ERROR_DISALLOWED_BY_PPR = "ERROR_DISALLOWED_BY_PPR"
    ERROR_INVALID_ACTIVATION_CODE = "ERROR_INVALID_ACTIVATION_CODE"
    ERROR_INCOMPATIBLE_CARRIER = "ERROR_INCOMPATIBLE_CARRIER"
    ERROR_OPERATION_BUSY = "ERROR_OPERATION_BUSY"
    ERROR_INSTALL_PROFILE = "ERROR_INSTALL_PROFILE"
    ERROR_EUICC_INSUFFICIENT_MEMORY = "ERROR_EUICC_INSUFFICIENT_MEMORY"
    ERROR_INVALID_PORT = "ERROR_INVALID_PORT"
    ERROR_SIM_MISSING = "ERROR_SIM_MISSING"


class EuiccOperation(enum.IntEnum):
    """EuiccManager.OPERATION_*."""

    SYSTEM = 1
    SIM_SLOT = 2
    EUICC_CARD = 3
    SWITCH = 4
    DOWNLOAD = 5
    METADATA = 6
    EUICC_GSMA = 7
    APDU = 8
    SMDX = 9
    SMDX_SUBJECT_REASON_CODE = 10
    HTTP = 11


class EuiccError(enum.IntEnum):
    """EuiccManager.ERROR_*."""

    CARRIER_LOCKED = 10000
    INVALID_ACTIVATION_CODE = 10001
    INVALID_CONFIRMATION_CODE = 10002
    INCOMPATIBLE_CARRIER = 10003
    EUICC_INSUFFICIENT_MEMORY = 10004
    TIME_OUT = 10005
    EUICC_MISSING = 10006
    UNSUPPORTED_VERSION = 10007
    SIM_MISSING = 10008
    INSTALL_PROFILE = 10009
    DISALLOWED_BY_PPR = 10010
    ADDRESS_MISSING = 10011
    CERTIFICATE_ERROR = 10012
    NO_PROFILES_AVAILABLE = 10013
    CONNECTION_ERROR = 10014
    INVALID_RESPONSE = 10015
    OPERATION_BUSY = 10016
    INVALID_PORT = 10017


OPERATION_OF: Mapping[EuiccError, EuiccOperation] = MappingProxyType(
    dict.fromkeys(EuiccError, EuiccOperation.DOWNLOAD)
    | {
        EuiccError.INCOMPATIBLE_CARRIER: EuiccOperation.METADATA,
        EuiccError.EUICC_INSUFFICIENT_MEMORY: EuiccOperation.EUICC_GSMA,
        EuiccError.EUICC_MISSING: EuiccOperation.EUICC_CARD,
        EuiccError.UNSUPPORTED_VERSION: EuiccOperation.SMDX,
        EuiccError.SIM_MISSING: EuiccOperation.SIM_SLOT,
        EuiccError.INSTALL_PROFILE: EuiccOperation.EUICC_GSMA,
        EuiccError.DISALLOWED_BY_PPR: EuiccOperation.METADATA,
        EuiccError.ADDRESS_MISSING: EuiccOperation.SMDX,
        EuiccError.CERTIFICATE_ERROR: EuiccOperation.SMDX,
        EuiccError.NO_PROFILES_AVAILABLE: EuiccOperation.SMDX,
        EuiccError.CONNECTION_ERROR: EuiccOperation.SMDX,
        EuiccError.INVALID_RESPONSE: EuiccOperation.SMDX,
        EuiccError.OPERATION_BUSY: EuiccOperation.EUICC_CARD,
        EuiccError.INVALID_PORT: EuiccOperation.SIM_SLOT,
    }
)
"""The operation in which a virtual phone meets each error: AOSP pairs them in many ways, this is our choice of one."""


@proto("EsimInfo")
class EsimInfo(Message):
    """The eSIM that was added or removed.  Source: disc, EsimInfo."""

    icc_id: str = ""


@proto("InternalErrorDetails")
class InternalErrorDetails(Message):
    """Where a phone failed and why, as Android numbers it.  Source: disc, InternalErrorDetails."""

    operation_code: Int64 = Int64(0)
    error_code: Int64 = Int64(0)
    operation_code_detail: OperationCodeDetail = OperationCodeDetail.OPERATION_CODE_DETAIL_UNSPECIFIED
    error_code_detail: ErrorCodeDetail = ErrorCodeDetail.ERROR_CODE_DETAIL_UNSPECIFIED


@proto("EsimCommandStatus")
class EsimCommandStatus(Message):
    """What the phone says of an eSIM command.  Source: disc, EsimCommandStatus."""

    status: EsimStatus = EsimStatus.STATUS_UNSPECIFIED
    esim_info: EsimInfo | None = None
    internal_error_details: InternalErrorDetails | None = None


def smdx_error_code(subject: str, reason: str) -> int:
    """The number for what an SM-DP+ or SM-DS answered: six sections of 4 bits, each code padded with zeros on the left.

    "8.11.1" and "5.1" give 9113681.

    Raises: ValueError when a code has more than three sections, or a section is not a number from 0 to 15.
    Source: disc, InternalErrorDetails.operationCodeDetail; EuiccManager.OPERATION_SMDX_SUBJECT_REASON_CODE; SGP.22 §5.2.6.
    """
    packed = 0
    for code in (subject, reason):
        sections = [_section(text) for text in code.split(".")]
        if len(sections) > SECTIONS_PER_CODE:
            raise ValueError("a subject or reason code has at most three sections")
        for section in [0] * (SECTIONS_PER_CODE - len(sections)) + sections:
            packed = packed << SECTION_BITS | section
    return packed


def _section(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < 1 << SECTION_BITS):
        raise ValueError("a section of a subject or reason code is a number from 0 to 15")
    return int(text)


def internal_error(operation: int, error: int) -> EsimCommandStatus:
    """INTERNAL_ERROR with these numbers, and the names of those that have one.

    A number without a name has no detail. Nor has any error of SMDX_SUBJECT_REASON_CODE: there it is packed from two codes, and
    an equal named code is a coincidence.
    """
    unnamed = operation == EuiccOperation.SMDX_SUBJECT_REASON_CODE
    return EsimCommandStatus(
        status=EsimStatus.INTERNAL_ERROR,
        internal_error_details=InternalErrorDetails(
            operation_code=Int64(operation),
            error_code=Int64(error),
            operation_code_detail=OPERATION_DETAILS.get(operation, OperationCodeDetail.OPERATION_CODE_DETAIL_UNSPECIFIED),
            error_code_detail=ErrorCodeDetail.ERROR_CODE_DETAIL_UNSPECIFIED
            if unnamed
            else ERROR_DETAILS.get(error, ErrorCodeDetail.ERROR_CODE_DETAIL_UNSPECIFIED),
        ),
    )


def euicc_error(error: EuiccError) -> EsimCommandStatus:
    """INTERNAL_ERROR with this error, in the operation in which a virtual phone meets it."""
    return internal_error(OPERATION_OF[error], error)


def smdx_error(subject: str, reason: str) -> EsimCommandStatus:
    """INTERNAL_ERROR as when the profile server answers with these codes.

    Raises: ValueError, as `smdx_error_code` does.
    """
    return internal_error(EuiccOperation.SMDX_SUBJECT_REASON_CODE, smdx_error_code(subject, reason))


def esim_success(icc_id: str) -> EsimCommandStatus:
    """SUCCESS, with the eSIM that was added or removed."""
    return EsimCommandStatus(status=EsimStatus.SUCCESS, esim_info=EsimInfo(icc_id=icc_id))


def esim_succeeded(status: EsimCommandStatus) -> bool:
    """Whether a final report with this status is a success."""
    return status.status is EsimStatus.SUCCESS


def esim_pending(status: EsimCommandStatus) -> bool:
    """Whether this status is progress rather than an end."""
    return status.status in {EsimStatus.IN_PROGRESS, EsimStatus.PENDING_USER_ACTION}


OPERATION_DETAILS: Mapping[int, OperationCodeDetail] = MappingProxyType(
    {int(operation): OperationCodeDetail[f"OPERATION_{operation.name}"] for operation in EuiccOperation}
)
ERROR_DETAILS: Mapping[int, ErrorCodeDetail] = MappingProxyType(
    {int(error): ErrorCodeDetail[f"ERROR_{error.name}"] for error in EuiccError}
)
