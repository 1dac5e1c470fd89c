"""What a test says to the sandbox; proto3 JSON like everything else, so that a typo gets an answer that helps."""

import enum
from typing import Annotated

from heliograph.agent.profiles import Answering, Overrides
from heliograph.domain.usage_log import EVENT_TYPES
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.messages import SECRET, Duration, Message, Timestamp, proto
from heliograph.protojson.types import AnyObject, AnyValue
from heliograph.sandbox.json_schema import Also

DUPLICATES_MOST = 1_000


class Consent(enum.Enum):
    """What the phone's user does when asked."""

    CONSENT_UNSPECIFIED = "CONSENT_UNSPECIFIED"
    APPROVE = "APPROVE"
    DECLINE = "DECLINE"
    IGNORE = "IGNORE"

    @property
    def answering(self) -> Answering:
        """The same in the agent's word."""
        return Answering[self.name]


class Loss(enum.Enum):
    """A message of the phone that gets lost, or whose answer does; the connection breaks with it."""

    LOSS_UNSPECIFIED = "LOSS_UNSPECIFIED"
    ACKNOWLEDGE = "ACKNOWLEDGE"
    ACKNOWLEDGE_ANSWER = "ACKNOWLEDGE_ANSWER"
    REPORT = "REPORT"
    REPORT_ANSWER = "REPORT_ANSWER"


class Steering(Message):
    """`PATCH …/devices/{phone}`: what is absent stays as it is."""

    online: bool | None = None
    lies: bool | None = None
    """Whether it says that commands are done, and does nothing."""
    consent: Consent = Consent.CONSENT_UNSPECIFIED
    consent_delay: Duration = ""
    ongoing_call: bool | None = None
    location_on: bool | None = None
    """Whether its user, or its policy, has location on."""
    setup_in_progress: bool | None = None
    work_profile_paused: bool | None = None
    report: AnyObject | None = None
    """Fields of Device that the phone reports whatever it finds; they take the place of those given before, {} ends it."""
    app_failures: AnyObject | None = None
    """By package: the installationFailureReason for which the phone leaves the app as it is; {} ends it."""
    confirm_esim_removal: bool | None = None
    """Whether it asks its user before REMOVE_ESIM removes an eSIM."""
    reboot_duration: Duration = ""
    download_duration: Duration = ""
    """How long ADD_ESIM stays IN_PROGRESS; of the next one."""
    latency: Duration = ""
    """Every message of the phone waits so long."""
    drop_next: tuple[Loss, ...] = ()
    """Each applies once, in this order for messages of one kind."""
    duplicate_next: AnyValue = None
    """So many acknowledgements or reports are sent twice: a number, or a list of ACKNOWLEDGE and REPORT, one for each."""

    @property
    def duplicates(self) -> int:
        """How many messages are sent twice.  Raises: InvalidArgument."""
        given = self.duplicate_next
        if (
            isinstance(given, list)
            and len(given) <= DUPLICATES_MOST
            and set(map(str, given)) <= {Loss.ACKNOWLEDGE.value, Loss.REPORT.value}
        ):
            return len(given)
        if given is None or (isinstance(given, int | float) and given in range(DUPLICATES_MOST + 1) and not isinstance(given, bool)):
            return int(given or 0)
        description = (
            f'duplicate_next must be a number up to {DUPLICATES_MOST}, as in {{"duplicateNext": 2}}, or a list of ACKNOWLEDGE and REPORT.'
        )
        raise InvalidArgument(violations=[Violation("duplicate_next", description)])


class Unlocking(Message):
    """`POST …:unlock`: the user enters this; without it, whatever the phone asks for."""

    password: Annotated[str, SECRET] = ""


class UsageLogging(Message):
    """`POST …:logUsage`: an event of the usage log."""

    event_type: Annotated[str, Also(enum=EVENT_TYPES)] = ""
    """Type of the event, as in `UsageLogEvent`."""
    event: AnyObject | None = None
    """What the event says: AMAPI's message of its type, as in `{"status": "ATTEMPT_FAILED"}`."""


class EsimChoice(Message):
    """`POST …:activateEsim` and the like: which eSIM the user takes."""

    icc_id: str = ""


@proto("DeviceCreation")
class Creation(Message):
    """`POST /sandbox/v1/devices`."""

    device_id: str = ""
    profile: str = ""
    enterprise: str = ""
    enrollment_token: Annotated[str, SECRET] = ""
    """The value of an enrolment token; its enterprise, policy and ownership count."""
    overrides: Overrides | None = None
    """What differs from the profile."""


class SignIn(Message):
    """`POST /sandbox/v1/provisioningInfo`."""

    profile: str = ""
    enterprise: str = ""
    token_tag: str = ""
    """Of the enterprise's `signinDetails`; without one, the default."""
    authenticated_user_email: str = ""
    """The user who signed in with Google during the setup; without one, nobody did."""
    overrides: Overrides | None = None
    """What differs from the profile."""


class Advance(Message):
    """`POST /sandbox/v1/clock:advance`."""

    duration: Duration = ""


class Setting(Message):
    """`POST /sandbox/v1/clock:set`."""

    time: Timestamp = ""


class Endpoint(Message):
    """`POST /sandbox/v1/pushEndpoints`."""

    url: str = ""
