"""The Enterprise message as callers write and read it, and what the server alone can find wrong with one.

Source: disc, Enterprise (field order as there).
"""

import enum
import re
from collections.abc import Iterator

from heliograph.domain import user_facing_message
from heliograph.domain.device import AllowPersonalUsage
from heliograph.domain.messages import Message, proto
from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.protojson.errors import Violation
from heliograph.protojson.messages import Int32

DISPLAY_NAME_MAX_CHARS = 100  # disc, Enterprise.enterpriseDisplayName

_TOPIC = re.compile(r"projects/[^/\s]+/topics/[^/\s]+\Z")  # disc, Enterprise.pubsubTopic


@proto("Enterprise.NotificationType")
class NotificationType(enum.Enum):
    """Source: disc, Enterprise.enabledNotificationTypes."""

    NOTIFICATION_TYPE_UNSPECIFIED = "NOTIFICATION_TYPE_UNSPECIFIED"
    ENROLLMENT = "ENROLLMENT"
    COMPLIANCE_REPORT = "COMPLIANCE_REPORT"
    STATUS_REPORT = "STATUS_REPORT"
    COMMAND = "COMMAND"
    USAGE_LOGS = "USAGE_LOGS"
    ENTERPRISE_UPGRADE = "ENTERPRISE_UPGRADE"


@proto("Enterprise.EnterpriseType")
class EnterpriseType(enum.Enum):
    """Source: disc, Enterprise.enterpriseType."""

    ENTERPRISE_TYPE_UNSPECIFIED = "ENTERPRISE_TYPE_UNSPECIFIED"
    MANAGED_GOOGLE_DOMAIN = "MANAGED_GOOGLE_DOMAIN"
    MANAGED_GOOGLE_PLAY_ACCOUNTS_ENTERPRISE = "MANAGED_GOOGLE_PLAY_ACCOUNTS_ENTERPRISE"


@proto("Enterprise.ManagedGoogleDomainType")
class ManagedGoogleDomainType(enum.Enum):
    """Source: disc, Enterprise.managedGoogleDomainType."""

    MANAGED_GOOGLE_DOMAIN_TYPE_UNSPECIFIED = "MANAGED_GOOGLE_DOMAIN_TYPE_UNSPECIFIED"
    TYPE_TEAM = "TYPE_TEAM"
    TYPE_DOMAIN = "TYPE_DOMAIN"


@proto("Enterprise.ManagedGooglePlayAccountsEnterpriseType")
class ManagedGooglePlayAccountsEnterpriseType(enum.Enum):
    """Source: disc, Enterprise.managedGooglePlayAccountsEnterpriseType."""

    MANAGED_GOOGLE_PLAY_ACCOUNTS_ENTERPRISE_TYPE_UNSPECIFIED = "MANAGED_GOOGLE_PLAY_ACCOUNTS_ENTERPRISE_TYPE_UNSPECIFIED"
    CUSTOMER_MANAGED = "CUSTOMER_MANAGED"
    EMM_MANAGED = "EMM_MANAGED"


@proto("GoogleAuthenticationSettings.GoogleAuthenticationRequired")
class GoogleAuthenticationRequired(enum.Enum):
    """Source: disc, GoogleAuthenticationSettings.googleAuthenticationRequired."""

    GOOGLE_AUTHENTICATION_REQUIRED_UNSPECIFIED = "GOOGLE_AUTHENTICATION_REQUIRED_UNSPECIFIED"
    NOT_REQUIRED = "NOT_REQUIRED"
    REQUIRED = "REQUIRED"


@proto("AuthenticationRequirement")
class AuthenticationRequirement(enum.Enum):
    """Source: disc, SigninDetailGoogleAuthenticationOptions.authenticationRequirement."""

    AUTHENTICATION_REQUIREMENT_UNSPECIFIED = "AUTHENTICATION_REQUIREMENT_UNSPECIFIED"
    OPTIONAL = "OPTIONAL"
    REQUIRED = "REQUIRED"


@proto("SigninDetail.SigninDetailDefaultStatus")
class SigninDetailDefaultStatus(enum.Enum):
    """Source: disc, SigninDetail.defaultStatus."""

    SIGNIN_DETAIL_DEFAULT_STATUS_UNSPECIFIED = "SIGNIN_DETAIL_DEFAULT_STATUS_UNSPECIFIED"
    SIGNIN_DETAIL_IS_DEFAULT = "SIGNIN_DETAIL_IS_DEFAULT"
    SIGNIN_DETAIL_IS_NOT_DEFAULT = "SIGNIN_DETAIL_IS_NOT_DEFAULT"


class ExternalData(Message):
    """Source: disc, ExternalData."""

    url: str = ""
    sha256_hash: str = ""


class TermsAndConditions(Message):
    """Source: disc, TermsAndConditions."""

    header: UserFacingMessage | None = None
    content: UserFacingMessage | None = None


class ContactInfo(Message):
    """Source: disc, ContactInfo."""

    contact_email: str = ""
    data_protection_officer_name: str = ""
    data_protection_officer_email: str = ""
    data_protection_officer_phone: str = ""
    eu_representative_name: str = ""
    eu_representative_email: str = ""
    eu_representative_phone: str = ""


class GoogleAuthenticationSettings(Message):
    """Source: disc, GoogleAuthenticationSettings."""

    google_authentication_required: GoogleAuthenticationRequired = GoogleAuthenticationRequired.GOOGLE_AUTHENTICATION_REQUIRED_UNSPECIFIED


class SigninDetailGoogleAuthenticationOptions(Message):
    """Source: disc, SigninDetailGoogleAuthenticationOptions."""

    authentication_requirement: AuthenticationRequirement = AuthenticationRequirement.AUTHENTICATION_REQUIREMENT_UNSPECIFIED


class SigninDetail(Message):
    """Source: disc, SigninDetail."""

    signin_url: str = ""
    signin_enrollment_token: str = ""
    qr_code: str = ""
    allow_personal_usage: AllowPersonalUsage = AllowPersonalUsage.ALLOW_PERSONAL_USAGE_UNSPECIFIED
    default_status: SigninDetailDefaultStatus = SigninDetailDefaultStatus.SIGNIN_DETAIL_DEFAULT_STATUS_UNSPECIFIED
    google_authentication_options: SigninDetailGoogleAuthenticationOptions | None = None
    token_tag: str = ""


class Enterprise(Message):
    """Source: disc, Enterprise."""

    name: str = ""
    enabled_notification_types: tuple[NotificationType, ...] = ()
    pubsub_topic: str = ""
    primary_color: Int32 = 0
    logo: ExternalData | None = None
    enterprise_display_name: str = ""
    terms_and_conditions: tuple[TermsAndConditions, ...] = ()
    app_auto_approval_enabled: bool = False
    signin_details: tuple[SigninDetail, ...] = ()
    contact_info: ContactInfo | None = None
    google_authentication_settings: GoogleAuthenticationSettings | None = None
    enterprise_type: EnterpriseType = EnterpriseType.ENTERPRISE_TYPE_UNSPECIFIED
    managed_google_play_accounts_enterprise_type: ManagedGooglePlayAccountsEnterpriseType = (
        ManagedGooglePlayAccountsEnterpriseType.MANAGED_GOOGLE_PLAY_ACCOUNTS_ENTERPRISE_TYPE_UNSPECIFIED
    )
    managed_google_domain_type: ManagedGoogleDomainType = ManagedGoogleDomainType.MANAGED_GOOGLE_DOMAIN_TYPE_UNSPECIFIED


OUTPUT_ONLY = frozenset(
    {
        "name",
        "enterprise_type",
        "managed_google_play_accounts_enterprise_type",
        "managed_google_domain_type",
        "google_authentication_settings",
    }
)
"""What the server says and a caller's words about are ignored.  Source: disc, `readOnly`."""


def violations(enterprise: Enterprise, *, path: str = "enterprise") -> Iterator[Violation]:
    """Every mistake in the enterprise at the proto path `path` that its shape does not show."""
    length = len(enterprise.enterprise_display_name)
    if length > DISPLAY_NAME_MAX_CHARS:
        where = f"{path}.enterprise_display_name"
        yield Violation(where, f"{where} must have at most {DISPLAY_NAME_MAX_CHARS} characters; it has {length}.")
    if enterprise.pubsub_topic and not _TOPIC.match(enterprise.pubsub_topic):
        yield Violation(f"{path}.pubsub_topic", f"{path}.pubsub_topic must have the form projects/{{project}}/topics/{{topic}}.")
    if enterprise.logo is not None and not enterprise.logo.url.startswith(("http://", "https://")):
        yield Violation(f"{path}.logo.url", f"{path}.logo.url must be an absolute http or https URL.")
    for index, terms in enumerate(enterprise.terms_and_conditions):
        where = f"{path}.terms_and_conditions[{index}]"
        yield from user_facing_message.violations(terms.header, path=f"{where}.header")
        yield from user_facing_message.violations(terms.content, path=f"{where}.content")
    for index, detail in enumerate(enterprise.signin_details):
        if not detail.signin_url.startswith("https://"):
            where = f"{path}.signin_details[{index}].signin_url"
            yield Violation(where, f"{where} must be an https URL.")
