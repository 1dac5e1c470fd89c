"""What the discovery document says of the values of enums: in our words, by the enum's proto name. Those of policies have none."""

from collections.abc import Mapping

from heliograph.commands import COMMANDS

_NOT_USED = "Not used: this server does not sign users in with Google."
_PLAY = "Known to Google Play only; never set here."

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "AddEsimParams.ActivationState": {
        "ACTIVATED": "The new eSIM is switched on once it is downloaded.",
        "NOT_ACTIVATED": "The new eSIM stays switched off.",
    },
    "Application.AppPricing": {"FREE": "The app is free.", "FREE_WITH_IN_APP_PURCHASE": _PLAY, "PAID": _PLAY},
    "Application.ContentRating": dict.fromkeys(("THREE_YEARS", "SEVEN_YEARS", "TWELVE_YEARS", "SIXTEEN_YEARS", "EIGHTEEN_YEARS"), _PLAY),
    "Application.DistributionChannel": {
        "PUBLIC_GOOGLE_HOSTED": "An app that Google Play offers to everyone.",
        "PRIVATE_GOOGLE_HOSTED": "An app of this enterprise alone.",
        "PRIVATE_SELF_HOSTED": _PLAY,
    },
    "Application.Feature": {"VPN_APP": _PLAY},
    "AuthenticationRequirement": {"OPTIONAL": _NOT_USED, "REQUIRED": _NOT_USED},
    "Command.CommandErrorCode": {
        "UNKNOWN": "The command failed for a reason that has no code of its own.",
        "API_LEVEL": "The Android version of the device does not support the command.",
        "MANAGEMENT_MODE": "The command is not for devices managed in this way.",
        "INVALID_VALUE": "The device refused a parameter.",
        "UNSUPPORTED": "The device does not support the command.",
    },
    "Command.CommandType": {row.name: row.summary for row in COMMANDS.values()},
    "Command.ResetPasswordFlag": {
        "REQUIRE_ENTRY": "No other admin may change the password until the user has entered it.",
        "DO_NOT_ASK_CREDENTIALS_ON_BOOT": "The device starts without asking for a credential.",
        "LOCK_NOW": "The device locks once the password is set.",
    },
    "Device.DeviceState": {
        "ACTIVE": "The device is in use.",
        "DISABLED": "An admin disabled the device.",
        "DELETED": "The device was deleted; never returned.",
        "PROVISIONING": "The device enrolled, and has not applied its policy yet.",
        "LOST": "The device is in lost mode.",
        "PREPARING_FOR_MIGRATION": "Never returned: no device migrates here.",
        "DEACTIVATED_BY_DEVICE_FINANCE": "Never returned: no device is financed here.",
    },
    "Device.ManagementMode": {
        "DEVICE_OWNER": "The whole device is managed.",
        "PROFILE_OWNER": "A work profile on the device is managed.",
    },
    "Device.Ownership": {"COMPANY_OWNED": "The company owns the device.", "PERSONALLY_OWNED": "The user owns the device."},
    "EnrollmentToken.AllowPersonalUsage": {
        "PERSONAL_USAGE_ALLOWED": "Devices may have a personal side: a work profile is set up.",
        "PERSONAL_USAGE_DISALLOWED": "Company-owned devices become fully managed; personally-owned ones cannot enrol.",
        "PERSONAL_USAGE_DISALLOWED_USERLESS": "As PERSONAL_USAGE_DISALLOWED, and the device has no user: a dedicated device.",
    },
    "Enterprise.EnterpriseType": {
        "MANAGED_GOOGLE_DOMAIN": "The enterprise belongs to a managed Google domain.",
        "MANAGED_GOOGLE_PLAY_ACCOUNTS_ENTERPRISE": "The enterprise has managed Google Play accounts.",
    },
    "Enterprise.ManagedGoogleDomainType": {
        "TYPE_TEAM": "The domain's email address is verified.",
        "TYPE_DOMAIN": "The domain itself is verified.",
    },
    "Enterprise.ManagedGooglePlayAccountsEnterpriseType": {
        "CUSTOMER_MANAGED": "The enterprise manages itself.",
        "EMM_MANAGED": "An EMM manages the enterprise; deprecated.",
    },
    "Enterprise.NotificationType": {
        "ENROLLMENT": "A device enrolled.",
        "COMPLIANCE_REPORT": "Deprecated; accepted, never sent.",
        "STATUS_REPORT": "A device reported its state.",
        "COMMAND": "A command ended.",
        "USAGE_LOGS": "A device sent usage logs.",
        "ENTERPRISE_UPGRADE": "The enterprise became a managed Google domain.",
    },
    "EnterpriseView": {"BASIC": "The name and the display name of each enterprise."},
    "EsimCommandStatus.Status": {
        "SUCCESS": "The eSIM was added or removed.",
        "IN_PROGRESS": "The device works on it.",
        "PENDING_USER_ACTION": "The device waits for its user.",
        "ERROR_SETUP_IN_PROGRESS": "The device is still being set up.",
        "ERROR_USER_DENIED": "The user refused.",
        "INTERNAL_ERROR": "Android's EuiccManager failed: see internalErrorDetails.",
        "ERROR_ICC_ID_NOT_FOUND": "No managed eSIM of the device has this ICC ID.",
        "ERROR_MULTIPLE_ACTIVE_ESIMS_NO_AVAILABLE_SLOT": "Several eSIMs are active, and no slot is free for another active one.",
    },
    "GoogleAuthenticationOptions.AuthenticationRequirement": {"OPTIONAL": _NOT_USED, "REQUIRED": _NOT_USED},
    "GoogleAuthenticationSettings.GoogleAuthenticationRequired": {"NOT_REQUIRED": _NOT_USED, "REQUIRED": _NOT_USED},
    "ManagedProperty.ManagedPropertyType": dict.fromkeys(
        ("BOOL", "STRING", "INTEGER", "CHOICE", "MULTISELECT", "HIDDEN", "BUNDLE", "BUNDLE_ARRAY"), _PLAY
    ),
    "PerAppResult.ClearingResult": {
        "SUCCESS": "The app's data is cleared.",
        "APP_NOT_FOUND": "The device does not have the app.",
        "APP_PROTECTED": "The device needs the app, and does not clear its data.",
        "API_LEVEL": "The Android version of the device cannot clear data of apps.",
    },
    "RequestDeviceInfoParams.DeviceInfo": {"EID": "The identifiers of the device's eSIM chips; its user is asked."},
    "RequestDeviceInfoStatus.Status": {
        "SUCCEEDED": "The device reported the information.",
        "PENDING_USER_ACTION": "The device waits for its user.",
        "USER_DECLINED": "The user refused.",
        "UNSUPPORTED": "The device has no such information, as without an eSIM chip.",
    },
    "SigninDetail.SigninDetailDefaultStatus": {
        "SIGNIN_DETAIL_IS_DEFAULT": "Phones are sent to this URL unless their sign-in names another.",
        "SIGNIN_DETAIL_IS_NOT_DEFAULT": "Phones are sent to this URL if their sign-in names it.",
    },
    "StartLostModeStatus.Status": {
        "SUCCESS": "The device is in lost mode.",
        "RESET_PASSWORD_RECENTLY": "Its password was reset too recently.",
        "USER_EXIT_LOST_MODE_RECENTLY": "Its user left lost mode too recently.",
        "ALREADY_IN_LOST_MODE": "It was in lost mode already.",
    },
    "StopLostModeStatus.Status": {"SUCCESS": "The device left lost mode.", "NOT_IN_LOST_MODE": "It was not in lost mode."},
    "TelephonyInfo.ActivationState": {"ACTIVATED": "The SIM is switched on.", "NOT_ACTIVATED": "The SIM is switched off."},
    "TelephonyInfo.ConfigMode": {"ADMIN_CONFIGURED": "A command added the SIM.", "USER_CONFIGURED": "The user added the SIM."},
    "WebApp.DisplayMode": {
        "MINIMAL_UI": "With the address and a few buttons of the browser.",
        "STANDALONE": "As an app of its own, below the status bar.",
        "FULL_SCREEN": "On the whole screen.",
    },
    "WipeParams.WipeDataFlag": {
        "PRESERVE_RESET_PROTECTION_DATA": "Keep the data of factory reset protection.",
        "WIPE_EXTERNAL_STORAGE": "Erase SD cards, too.",
        "WIPE_ESIMS": "Remove eSIMs, too; from a personal device, the managed ones.",
    },
}
_OF_ANDROID = ("InternalErrorDetails.ErrorCodeDetail", "InternalErrorDetails.OperationCodeDetail")
"""Their values are constants of EuiccManager."""


def enum_text(enum: str, value: str) -> str:
    """What the value of this enum means; empty: no one has said it yet."""
    if value.endswith("_UNSPECIFIED"):
        return "Not set."
    if enum in _OF_ANDROID:
        return f"EuiccManager.{value} of Android."
    return _TEXTS.get(enum, {}).get(value, "")
