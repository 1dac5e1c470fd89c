"""One Command of each type that stands on its docs page; a type without one has a page without an example."""

from typing import Any

TEXT = {"defaultMessage": "Please call the owner.", "localizedMessages": {"fr": "Merci d'appeler le propriétaire."}}

EXAMPLES: dict[str, dict[str, Any]] = {
    "LOCK": {},
    "RESET_PASSWORD": {"newPassword": "correct-horse-42", "resetPasswordFlags": ["REQUIRE_ENTRY", "LOCK_NOW"]},
    "REBOOT": {},
    "RELINQUISH_OWNERSHIP": {},
    "CLEAR_APP_DATA": {"clearAppsDataParams": {"packageNames": ["com.slack", "com.microsoft.teams"]}},
    "START_LOST_MODE": {"startLostModeParams": {"lostMessage": TEXT, "lostPhoneNumber": {"defaultMessage": "+1 555 0100"}}},
    "STOP_LOST_MODE": {"stopLostModeParams": {}},
    "ADD_ESIM": {"addEsimParams": {"activationCode": "LPA:1$smdp.example.com$FLEET-PLAN", "activationState": "ACTIVATED"}},
    "REMOVE_ESIM": {"removeEsimParams": {"iccId": "8999101234567890128"}},
    "REQUEST_DEVICE_INFO": {"requestDeviceInfoParams": {"deviceInfo": "EID"}},
    "WIPE": {"wipeParams": {"wipeDataFlags": ["WIPE_EXTERNAL_STORAGE", "WIPE_ESIMS"]}},
}
"""The Command without its `type`."""

OPTIONS: dict[str, str] = {
    "RESET_PASSWORD": "--new-password - --reset-password-flag REQUIRE_ENTRY --reset-password-flag LOCK_NOW",
    "CLEAR_APP_DATA": "--package-name com.slack --package-name com.microsoft.teams",
    "START_LOST_MODE": (
        "--lost-message 'Please call the owner.' --lost-message-in \"fr=Merci d'appeler le propriétaire.\" "
        "--lost-phone-number '+1 555 0100'"
    ),
    "ADD_ESIM": "--activation-code 'LPA:1$smdp.example.com$FLEET-PLAN' --activation-state ACTIVATED",
    "REMOVE_ESIM": "--icc-id 8999101234567890128",
    "REQUEST_DEVICE_INFO": "--device-info EID",
    "WIPE": "--wipe-data-flag WIPE_EXTERNAL_STORAGE --wipe-data-flag WIPE_ESIMS",
}
"""The same as the command line says it."""
