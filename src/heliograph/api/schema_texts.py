"""What the discovery document says of schemas, fields and parameters: in our words, and as this server means them.

What a command type and its params say of themselves stands in their rows and is read from there.
"""

from collections import defaultdict
from collections.abc import Mapping

from heliograph.commands import COMMANDS
from heliograph.domain.official_messages import MESSAGES
from heliograph.protojson.types import proto_info

_PAGE_TOKEN = "The pageToken of the next page; left out on the last."  # noqa: S105 - no secret
_PHONE_SAYS = "Output only. As the device reported it."
_PHONE_SAYS_IF_ASKED = "Output only. What the device reported last, if its policy's statusReportingSettings ask for it."

_DEVICE_PARTS = (
    "ApplicationEvent", "ApplicationReport", "CommonCriteriaModeInfo", "DefaultApplication", "DefaultApplicationInfo", "DeviceSettings",
    "Display", "HardwareStatus", "KeyedAppState", "MemoryEvent", "NonComplianceDetail", "PostureDetail",
    "PowerManagementEvent", "SecurityPosture", "SpecificNonComplianceContext", "SystemUpdateInfo",
)  # fmt: skip

_APPLICATION_PARTS = ("AppTrackInfo", "AppVersion", "ApplicationPermission", "ManagedProperty", "ManagedPropertyEntry")
_NOT_OFFERED = "A message of a method that this server does not offer."

_POLICY_TEXTS = {
    **dict.fromkeys(MESSAGES, "A part of a policy; stored, returned, and sent to devices."),
    **dict.fromkeys(_DEVICE_PARTS, "A part of what devices report."),
    **dict.fromkeys(_APPLICATION_PARTS, "A part of what Google Play knows of an app; never set here."),
    "DpcMigrationInfo": "How a device migrated from another device policy controller; never set here.",
    "ListPoliciesResponse": "One page of policies.",
    "ModifyPolicyApplicationsRequest": "Changes to single applications of a policy.",
    "ModifyPolicyApplicationsResponse": "The policy afterwards.",
    "Policy": "What an enterprise wants of its devices: validated by shape, stored, and sent to the devices.",
    "RemovePolicyApplicationsRequest": "Applications to remove from a policy.",
    "RemovePolicyApplicationsResponse": "The policy afterwards.",
}


def _schema_texts() -> Mapping[str, str]:
    params, statuses = _types_by_message()
    return {
        **_POLICY_TEXTS,
        **{name: f"Parameters of {types} commands." for name, types in params.items()},
        **{name: f"How a {types} command ended on the device, or its progress." for name, types in statuses.items()},
        "Application": "An app: a web app of the enterprise, or a stand-in for an app of Google Play.",
        "Command": "A command: its type, for how long it is valid, and the parameters of its type.",
        "ContactInfo": "Contacts that Google would ask about an enterprise's data; stored and returned.",
        "Device": "A device of an enterprise.",
        "Eid": "The EID of one eSIM chip.",
        "EidInfo": "The EIDs of a device.",
        "Empty": "Nothing.",
        "EnrollmentToken": "A token that devices enrol with.",
        "Enterprise": "An enterprise: its devices, tokens, and where its notifications go.",
        "EsimInfo": "The eSIM that a command added or removed.",
        "EuiccChipInfo": "One eSIM chip.",
        "ExternalData": "Data at a URL, with its digest.",
        "GenerateEnterpriseUpgradeUrlRequest": "Who may upgrade the enterprise on the page.",
        "GenerateEnterpriseUpgradeUrlResponse": "The address of the page on which an admin upgrades the enterprise.",
        "GoogleAuthenticationOptions": "Stored and returned; this server does not sign users in with Google.",
        "GoogleAuthenticationSettings": "Stored and returned; this server does not sign users in with Google.",
        "HardwareInfo": "A device's hardware, as it reported it.",
        "InternalErrorDetails": "The eSIM error of Android's EuiccManager, in numbers and names.",
        "IssueCommandResponse": "The response of a command that succeeded; empty.",
        "ListDevicesResponse": "One page of devices.",
        "ListEnrollmentTokensResponse": "One page of enrolment tokens.",
        "ListEnterprisesResponse": "One page of enterprises.",
        "ListMigrationTokensResponse": _NOT_OFFERED,
        "ListOperationsResponse": "One page of operations.",
        "ListWebAppsResponse": "One page of web apps.",
        "MemoryInfo": "A device's memory, as it reported it.",
        "MigrationToken": _NOT_OFFERED,
        "NetworkInfo": "A device's network, as it reported it.",
        "Operation": "A command on its way: in progress until done is true, then with either response or error.",
        "PerAppResult": "The outcome for one app's data.",
        "ProvisioningInfo": "What is known of a phone that is being set up.",
        "SignupUrl": "A sign-up: its name for enterprises.create, and the address of its page.",
        "SigninDetail": "How devices enrol by signing in: the server makes token and QR code, a sandbox sends phones to the page.",
        "SigninDetailGoogleAuthenticationOptions": "Stored and returned; this server does not sign users in with Google.",
        "SoftwareInfo": "A device's software, as it reported it.",
        "Status": "An error: a google.rpc.Code and its message.",
        "TelephonyInfo": "One SIM of a device.",
        "TermsAndConditions": "A page of terms; stored and returned.",
        "User": "The user of a device, by its id.",
        "UserFacingMessage": "A text for people, in several languages if it has translations.",
        "WebApp": "A web app of an enterprise: a page that users open like an app.",
        "WebAppIcon": "An icon of a web app.",
        "WebToken": _NOT_OFFERED,
    }


def _command_texts() -> Mapping[str, str]:
    texts = {
        "type": "The type of the command. It may be left out if the parameters of a type are given.",
        "createTime": "Output only. When the command was issued.",
        "duration": "How long the command waits for its device; 600s unless set. No maximum.",
        "userName": "Output only. The user that owns the device.",
        "errorCode": "Output only. Why the command failed on the device. Read the command's own status first, then this, then error.",
    }
    statuses: dict[str, list[str]] = defaultdict(list)
    for row in COMMANDS.values():
        if row.params_field:
            texts[row.params_field] = f"Parameters of {row.name}; if they are given, type may be left out."
        if row.status_field:
            statuses[row.status_field].append(row.name)
    return texts | {field: f"Output only. How {' or '.join(names)} ended, or its progress." for field, names in statuses.items()}


def _types_by_message() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Which types have these params, and which this status: names joined, by the message's name."""
    params: dict[str, list[str]] = defaultdict(list)
    statuses: dict[str, list[str]] = defaultdict(list)
    for row in COMMANDS.values():
        params[proto_info(row.params).name].append(row.name)
        if row.status is not None:
            statuses[proto_info(row.status).name].append(row.name)
    joined = {name: " or ".join(types) for name, types in params.items()}
    return joined, {name: " or ".join(types) for name, types in statuses.items()}


_DEVICE = {
    "name": "enterprises/{enterpriseId}/devices/{deviceId}.",
    "userName": "Output only. The user that owns the device.",
    "managementMode": _PHONE_SAYS,
    "state": "The state that an admin wants. ACTIVE or DISABLED can be set; the others are output only.",
    "appliedState": _PHONE_SAYS,
    "enrollmentTime": "Output only. When the device enrolled.",
    "lastStatusReportTime": "Output only. When the device last reported.",
    "lastPolicySyncTime": "Output only. When the device last fetched its policy.",
    "policyName": "The policy of the device; a bare policy id is accepted too.",
    "appliedPolicyName": _PHONE_SAYS,
    "appliedPolicyVersion": _PHONE_SAYS,
    "apiLevel": _PHONE_SAYS,
    "enrollmentTokenData": "Output only. The additionalData of the token that the device enrolled with.",
    "enrollmentTokenName": "Output only. The token that the device enrolled with.",
    "disabledReason": "What a disabled device shows.",
    "hardwareInfo": _PHONE_SAYS,
    "memoryInfo": _PHONE_SAYS,
    "previousDeviceNames": "Output only. Names of this device before it enrolled again, oldest first.",
    "ownership": _PHONE_SAYS,
    "user": "Output only. The user of userName, by its id.",
    "dpcMigrationInfo": "Output only. Never set: no device migrates here.",
    "lastPolicyComplianceReportTime": "Output only. When the device last reported, once it applies a policy.",
    "policyCompliant": "Output only. Whether the device found nothing against its policy.",
    "nonComplianceDetails": "Output only. What the device found against its policy.",
    "appliedPasswordPolicies": _PHONE_SAYS,
    "securityPosture": _PHONE_SAYS,
    **dict.fromkeys(
        (
            "applicationReports", "commonCriteriaModeInfo", "defaultApplicationInfo", "deviceSettings", "displays",
            "hardwareStatusSamples", "memoryEvents", "networkInfo", "powerManagementEvents", "softwareInfo", "systemProperties",
        ),
        _PHONE_SAYS_IF_ASKED,
    ),
}  # fmt: skip

_ENROLLMENT_TOKEN = {
    "name": "Output only. enterprises/{enterpriseId}/enrollmentTokens/{tokenId}.",
    "value": "Output only. The value that a device presents to enrol.",
    "duration": "How long the token is valid, at least 60s; 3600s unless set.",
    "expirationTimestamp": "Output only. When the token expires.",
    "policyName": "The policy of devices that enrol with it; a bare policy id is accepted too.",
    "additionalData": "Any text, up to 1024 characters; devices show it as enrollmentTokenData.",
    "qrCode": "Output only. JSON text for the QR code that this server's agent enrols a device with.",
    "oneTimeOnly": "Whether only one device may enrol with the token.",
    "user": "Deprecated; read and ignored.",
    "allowPersonalUsage": "Whether devices may have a personal side.",
    "googleAuthenticationOptions": "Stored and returned.",
}

_ENTERPRISE = {
    "name": "Output only. enterprises/{enterpriseId}.",
    "enabledNotificationTypes": "Notifications to send.",
    "pubsubTopic": "Topic to send notifications to: projects/{project}/topics/{topic}.",
    "primaryColor": "Stored and returned: a colour as a number, red << 16 | green << 8 | blue.",
    "logo": "Stored and returned.",
    "enterpriseDisplayName": "The name that people see.",
    "termsAndConditions": "Stored and returned.",
    "appAutoApprovalEnabled": "Deprecated; stored and returned.",
    "signinDetails": "Sign-in pages, each with a token and a QR code that the server makes; a sandbox sends phones to them.",
    "contactInfo": "Stored and returned.",
    "googleAuthenticationSettings": "Stored and returned.",
    "enterpriseType": "Output only. The type of the enterprise.",
    "managedGooglePlayAccountsEnterpriseType": "Output only. The type of a managed Google Play accounts enterprise.",
    "managedGoogleDomainType": "Output only. The type of a managed Google domain.",
}

PARAMETER_TEXTS: Mapping[str, str] = {
    "adminEmail": "Email address that the sign-up page fills in for the admin.",
    "agreementAccepted": "Whether the enterprise agreed that its devices are managed here; true, or signupUrlName and enterpriseToken.",
    "allowedDomains": "The domains that the admin's email address may have, as in example.com or *.example.com; any unless set.",
    "callbackUrl": "Where the admin's browser goes after the sign-up, with enterpriseToken added: an absolute http or https URL.",
    "enterpriseToken": "The token that the sign-up's callback received: valid for an hour, and for one enterprise.",
    "filter": 'Operations to return, as in done=false AND metadata.type="…" (AIP-160).',
    "languageCode": "Accepted and ignored: no text of an app is known here in any language.",
    "pageSize": "Most entries on a page; a number above the server's maximum is lowered to it.",
    "pageToken": "The nextPageToken of the page before, every other parameter unchanged.",
    "projectId": "Accepted and ignored: one server is one project.",
    "requestId": "A UUID of your choice: the same request sent again within 24 hours returns the first operation. Not in Google's API.",
    "returnPartialSuccess": "True is refused with UNIMPLEMENTED, as by Google: nothing is unreachable, so every page is complete.",
    "signupUrlName": "The name of the sign-up that the enterpriseToken comes from.",
    "updateMask": "Fields to change, comma-separated; unless set, all that can be changed.",
    "view": "Only BASIC is supported.",
    "wipeDataFlags": "What to wipe in addition, and what to keep.",
    "wipeReasonMessage": "What the user of a personal device reads before its work profile is wiped, at most 200 characters.",
}

SCHEMA_TEXTS = _schema_texts()
"""What a schema is, by its name."""

FIELD_TEXTS: Mapping[str, Mapping[str, str]] = {
    "Application": {
        "name": "enterprises/{enterpriseId}/applications/{packageName}.",
        "title": "The title of the enterprise's web app; of any other app, its package name.",
        "description": "Of a stand-in: that it is one.",
        "appPricing": "Always FREE.",
        "distributionChannel": "PRIVATE_GOOGLE_HOSTED for web apps of the enterprise, else PUBLIC_GOOGLE_HOSTED.",
        **dict.fromkeys(
            (
                "appTracks",
                "appVersions",
                "author",
                "availableCountries",
                "category",
                "contentRating",
                "features",
                "fullDescription",
                "iconUrl",
                "managedProperties",
                "minAndroidSdkVersion",
                "permissions",
                "playStoreUrl",
                "recentChanges",
                "screenshotUrls",
                "smallIconUrl",
                "updateTime",
            ),
            "Known to Google Play only; never set here.",
        ),
    },
    "Command": _command_texts(),
    "ClearAppsDataStatus": {"results": "The outcome for each app's data, by package name."},
    "Device": _DEVICE,
    "Eid": {"eid": "The EID: 32 digits."},
    "EidInfo": {"eids": "One for each eSIM chip."},
    "EnrollmentToken": _ENROLLMENT_TOKEN,
    "Enterprise": _ENTERPRISE,
    "EsimCommandStatus": {
        "status": "How the eSIM operation ended, or what it waits for.",
        "esimInfo": "The eSIM; set where status is SUCCESS.",
        "internalErrorDetails": "What went wrong; set where status is INTERNAL_ERROR.",
    },
    "EsimInfo": {"iccId": "The ICC ID of the eSIM."},
    "EuiccChipInfo": {"eid": "The chip's EID."},
    "GoogleAuthenticationOptions": {
        "authenticationRequirement": "Stored and returned.",
        "requiredAccountEmail": "Stored and returned.",
    },
    "InternalErrorDetails": {
        "operationCode": "The operation code of EuiccManager.",
        "errorCode": "The error code of EuiccManager; with operation code 10, subject and reason code in one number.",
        "operationCodeDetail": "The operation code's name.",
        "errorCodeDetail": "The error code's name, if it has one.",
    },
    "ListDevicesResponse": {"devices": "The devices, oldest enrolment first.", "nextPageToken": _PAGE_TOKEN},
    "ListEnrollmentTokensResponse": {"enrollmentTokens": "The tokens, oldest first.", "nextPageToken": _PAGE_TOKEN},
    "ListEnterprisesResponse": {"enterprises": "The enterprises, oldest first.", "nextPageToken": _PAGE_TOKEN},
    "ListOperationsResponse": {
        "operations": "The operations, oldest first.",
        "nextPageToken": _PAGE_TOKEN,
        "unreachable": "Never set: nothing is unreachable.",
    },
    "ListWebAppsResponse": {"webApps": "The web apps, oldest first.", "nextPageToken": _PAGE_TOKEN},
    "MemoryInfo": {"totalRam": "RAM in bytes.", "totalInternalStorage": "Internal storage in bytes."},
    "Operation": {
        "name": "enterprises/{enterpriseId}/devices/{deviceId}/operations/{operationId}; the id is the time of issue in milliseconds.",
        "metadata": "The Command, without newPassword and activationCode, and with what the device reported.",
        "done": "Whether it has ended; left out while it has not.",
        "error": "Why the command failed, was cancelled (code 1) or expired (code 4).",
        "response": "An IssueCommandResponse, if the command succeeded.",
    },
    "PerAppResult": {"clearingResult": "The outcome for the app's data."},
    "ProvisioningInfo": {
        "name": "provisioningInfo/{code}; the code is valid for an hour.",
        "enterprise": "enterprises/{enterpriseId}.",
        "managementMode": "How the phone will be managed.",
        "ownership": "Who owns the phone.",
        "brand": "The brand of the phone.",
        "model": "The model of the phone.",
        "apiLevel": "The API level of the phone's Android.",
        "serialNumber": "The serial number; of company-owned phones only.",
        "imei": "The IMEI; of company-owned phones only.",
        "meid": "The MEID of a CDMA phone; of company-owned phones only.",
        "authenticatedUserEmail": "The user who signed in with Google during setup, if one did.",
    },
    "RequestDeviceInfoStatus": {"status": "Whether the device reported it.", "eidInfo": "The EIDs; set where status is SUCCEEDED."},
    "StartLostModeStatus": {"status": "Whether the device is in lost mode, or why not."},
    "Status": {"code": "A google.rpc.Code.", "message": "What went wrong, for people.", "details": "Further details."},
    "StopLostModeStatus": {"status": "Whether the device left lost mode."},
    "UserFacingMessage": {
        "defaultMessage": "The text if no translation fits; required with translations. At most 4096 characters.",
        "localizedMessages": "Translations by BCP 47 language tag, as in en-US or fr. At most 4096 characters each.",
    },
    "WebApp": {
        "name": "Output only. enterprises/{enterpriseId}/webApps/{packageName}.",
        "title": "Required. The name that users see.",
        "startUrl": "Required. The page that opens first: an absolute http or https URL.",
        "icons": "Required. At least one icon.",
        "displayMode": "How much of the browser users see.",
        "versionCode": "Output only. 1 at first, and one more with each patch.",
    },
    "WebAppIcon": {"imageData": "The image in base64url; stored and returned, not looked at."},
}
"""What a field means, by its schema's name and its own. Fields with self-explanatory names are left out."""
