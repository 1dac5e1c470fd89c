"""What a sign-in page may know of a phone that is being set up, and the code by which the page asks for it.

On a phone that is set up with a sign-in enrolment token, Android Device Policy opens the enterprise's sign-in URL with the parameter
`provisioningInfo`. The page asks provisioningInfo.get who comes, makes an enrolment token, and sends the phone's browser on to
`https://enterprise.google.com/android/enroll?et=TOKEN`. A code is sealed (`sealed_text`): it carries what it answers.

Source: disc, provisioningInfo.get, ProvisioningInfo, SigninDetail.signinUrl; the parameter's name: a public sign-in page
(baytonorg/flash_mdm reads it from the query).
"""

from heliograph.domain.device import DeviceReport, HardwareInfo, ManagementMode, NetworkInfo, Ownership
from heliograph.domain.messages import Message
from heliograph.domain.names import EnterpriseName
from heliograph.domain.sealed_text import Sealable
from heliograph.domain.web_address import with_parameter
from heliograph.protojson.messages import Int32

CODE_LIFE_S = 3_600
"""As long as an enrolment token unless its duration is set; Google's is not documented."""
COLLECTION = "provisioningInfo"
"""Of the codes, and the name of the parameter."""


class ProvisioningInfo(Message):
    """Source: disc, ProvisioningInfo."""

    name: str = ""
    enterprise: str = ""
    management_mode: ManagementMode = ManagementMode.MANAGEMENT_MODE_UNSPECIFIED
    ownership: Ownership = Ownership.OWNERSHIP_UNSPECIFIED
    brand: str = ""
    model: str = ""
    api_level: Int32 = 0
    serial_number: str = ""
    imei: str = ""
    meid: str = ""
    authenticated_user_email: str = ""


class ProvisioningCode(Sealable, frozen=True, kw_only=True, tag="provisioningInfo"):
    """What a code says."""

    info: ProvisioningInfo


def info_of(enterprise: EnterpriseName, report: DeviceReport, *, authenticated_user_email: str = "") -> ProvisioningInfo:
    """What is known of a phone that would report this; its name is its code, which is made of it.

    Source: disc, ProvisioningInfo: serialNumber, imei and meid are there "for corporate-owned devices".
    """
    company_owned = report.ownership is Ownership.COMPANY_OWNED
    hardware, network = report.hardware_info or HardwareInfo(), report.network_info or NetworkInfo()
    return ProvisioningInfo(
        enterprise=str(enterprise),
        management_mode=report.management_mode,
        ownership=report.ownership,
        brand=hardware.brand,
        model=hardware.model,
        api_level=report.api_level,
        serial_number=hardware.serial_number if company_owned else "",
        imei=network.imei if company_owned else "",
        meid=network.meid if company_owned else "",
        authenticated_user_email=authenticated_user_email,
    )


def sign_in_url(signin_url: str, name: str) -> str:
    """Where the browser of a phone goes that is set up with this code."""
    return with_parameter(signin_url, COLLECTION, name)
