"""Bodies of issueCommand that people really send, and the last sentence of what each is answered: what to do instead.

A row is a body and the end of the message it gets. They come from clients in the open (spec: amapi.md §1.20, §6.15, §6.16, §10), from
habits of languages, libraries and shells, and from the fields' names. docs/errors.md is made of these rows: `make docs`.
"""

from typing import NamedTuple

from heliograph.commands import COMMANDS

TYPES = ", ".join(COMMANDS)
PARAMS = ", ".join(row.params_field for row in COMMANDS.values() if row.params_field)
SECONDS = 'A number of seconds followed by s is expected, as in "600s".'
OBJECT = 'The body is a JSON object, as in {"name": "value"}.'
QUOTES = "Names and strings need double quotes."
NOTHING = f"No command is given: set type to one of {TYPES}, or set one of {PARAMS}."
MESSAGE = 'An object is expected, as in {"defaultMessage": …}.'
LOST = 'Add for example "lostMessage": {"defaultMessage": "Please call the owner."}.'
IN_URL = "The device is named in the URL: leave it out here."
OF_DEVICE = "It is a field of Device: change it with devices.patch."
NO_BRACKETS = "Send the value itself, without [ ] around it."
ESIM_FORM = "The activation code must start with LPA:1$ and have the form LPA:1$<SM-DP+ host>$[<matching id>][$<oid>[$1]]."
APPS = 'name at least one app, as in "packageNames": ["com.example.app"].'


def out_of(wrapper: str) -> str:
    """What is said of a body inside another."""
    return f'The body is the Command itself: send what is inside "{wrapper}", without "{wrapper}" around it.'


def mean(*names: str) -> str:
    """The question that names what was probably meant."""
    quoted = [f'"{name}"' for name in names]
    return f"Did you mean {' or '.join(quoted)}?"


class Habit(NamedTuple):
    """Bodies that go wrong in the same way."""

    title: str
    bodies: dict[str, str]


HABITS = (
    Habit(
        "A command inside another object",
        {
            '{"command": {"type": "LOCK"}}': out_of("command"),
            '{"Command": {"wipeParams": {}}}': out_of("Command"),
            '{"body": {"type": "LOCK"}}': out_of("body"),
            '{"requestBody": {"type": "LOCK"}}': out_of("requestBody"),
            '{"resource": {"type": "LOCK"}}': out_of("resource"),
            '{"data": {"type": "LOCK"}}': out_of("data"),
            '{"metadata": {"type": "LOCK"}}': out_of("metadata"),
            '[{"type": "LOCK"}]': "Root element must be a message. That is a JSON object: { … }.",
            '"LOCK"': "Root element must be a message. That is a JSON object: { … }.",
            "null": "Root element must be a message. That is a JSON object: { … }.",
        },
    ),
    Habit(
        "A missing command",
        {
            "": NOTHING,
            "{}": NOTHING,
            '{"type": null}': NOTHING,
            '{"type": "COMMAND_TYPE_UNSPECIFIED"}': NOTHING,
            '{"duration": "60s"}': NOTHING,
        },
    ),
    Habit(
        "Invalid JSON",
        {
            "LOCK": OBJECT,
            "type=LOCK": OBJECT,
            "<type>LOCK</type>": OBJECT,
            "{'type': 'LOCK'}": QUOTES,
            '{type: "LOCK"}': QUOTES,
            '{"type": LOCK}': QUOTES,
            '{"type": "LOCK",}': "After a comma, another value must follow.",
            '{"type": "WIPE", "wipeParams": None}': "JSON writes true, false and null.",
            '{"type": "LOCK"} // at once': "JSON has no comments.",
            '{"type": "LOCK"': "Expected , or } after key:value pair. (line 1, column 16)",
            '\ufeff{"type": "LOCK"}': "The body begins with a byte order mark: remove it.",
        },
    ),
    Habit(
        "Wrong type names",
        {
            '{"type": "lock"}': mean("LOCK"),
            '{"type": "Lock"}': mean("LOCK"),
            '{"type": " LOCK "}': mean("LOCK"),
            '{"type": "resetPassword"}': mean("RESET_PASSWORD"),
            '{"type": "COMMAND_TYPE_LOCK"}': mean("LOCK"),
            '{"type": "CommandType.LOCK"}': mean("LOCK"),
            '{"type": "LOCK_DEVICE"}': mean("LOCK"),
            '{"type": "LOCK_NOW"}': mean("LOCK"),
            '{"type": "RESTART"}': mean("REBOOT"),
            '{"type": "RESET"}': mean("RESET_PASSWORD", "WIPE"),
            '{"type": "FACTORY_RESET"}': mean("WIPE"),
            '{"type": "WIPE_DATA"}': mean("WIPE"),
            '{"type": "ERASE"}': mean("WIPE"),
            '{"type": "SET_PASSWORD"}': mean("RESET_PASSWORD"),
            '{"type": "REMOVE_PASSWORD"}': mean("RESET_PASSWORD") + " Without newPassword it removes the password.",
            '{"type": "CLEAR_PASSCODE"}': mean("RESET_PASSWORD") + " Without newPassword it removes the password.",
            '{"type": "REBOOT_CLEAR_PASSCODE"}': mean("RESET_PASSWORD", "REBOOT")
            + " They are two commands; without newPassword the password is removed.",
            '{"type": "unlock"}': mean("RESET_PASSWORD")
            + " No command unlocks a device; this one, without newPassword, removes its password.",
            '{"type": "CLEAR_APPS_DATA"}': mean("CLEAR_APP_DATA"),
            '{"type": "CLEAR_APP_CACHE"}': mean("CLEAR_APP_DATA"),
            '{"type": "LOST_MODE"}': mean("START_LOST_MODE", "STOP_LOST_MODE"),
            '{"type": "ENABLE_LOST_MODE"}': mean("START_LOST_MODE"),
            '{"type": "DISABLE_LOST_MODE"}': mean("STOP_LOST_MODE"),
            '{"type": "SHUTDOWN"}': f"Possible values: {TYPES}.",
            '{"type": 99}': f"Possible values: {TYPES}.",
            '{"type": ["LOCK"]}': NO_BRACKETS,
            '{"type": {"name": "LOCK"}}': "A string is expected, not an object.",
            '{"command": "LOCK"}': mean("type"),
            '{"commandType": "LOCK"}': mean("type"),
            '{"action": "LOCK"}': mean("type"),
            '{"Type": "LOCK"}': mean("type"),
        },
    ),
    Habit(
        "Unknown field names",
        {
            '{"name": "enterprises/e/devices/d", "type": "LOCK"}': IN_URL,
            '{"deviceId": "d", "type": "LOCK"}': IN_URL,
            '{"state": "DISABLED"}': OF_DEVICE,
            '{"policyName": "kiosk"}': OF_DEVICE,
            '{"type": "LOCK", "lockParams": {}}': "Commands of type LOCK take no params: leave it out.",
            '{"type": "REBOOT", "rebootParams": {}}': "Commands of type REBOOT take no params: leave it out.",
            '{"type": "WIPE", "params": {"wipeDataFlags": []}}': f"Each type has params of its own name: {PARAMS}.",
            '{"type": "LOCK", "bogus": 1}': "Unknown name \"bogus\" at 'command': Cannot find field.",
            '{"type": "LOCK", "type": "WIPE"}': "The name is repeated: a field may appear only once.",
        },
    ),
    Habit(
        "Wrong durations",
        {
            '{"type": "LOCK", "duration": "600"}': 'Write "600s".',
            '{"type": "LOCK", "duration": 600}': 'Write "600s".',
            '{"type": "LOCK", "duration": "10m"}': SECONDS,
            '{"type": "LOCK", "duration": "PT10M"}': SECONDS,
            '{"type": "LOCK", "duration": " 600s"}': SECONDS,
            '{"type": "LOCK", "duration": ""}': SECONDS,
            '{"type": "LOCK", "duration": {"seconds": 600}}': SECONDS,
            '{"type": "LOCK", "duration": "0s"}': 'must be more than zero, as in "600s"; without one it is 600s.',
            '{"type": "LOCK", "timeout": "600s"}': mean("duration"),
            '{"type": "LOCK", "ttl": 600}': mean("duration"),
            '{"type": "LOCK", "durationSeconds": 600}': mean("duration"),
        },
    ),
    Habit(
        "WIPE",
        {
            '{"wipeData": true}': mean("wipeParams"),
            '{"type": "WIPE", "wipeData": {}}': mean("wipeParams"),
            '{"type": "WIPE", "wipeparams": {}}': mean("wipeParams"),
            '{"type": "WIPE", "wipeParams": []}': "An empty message is {}, not [].",
            '{"type": "WIPE", "wipeParams": true}': 'An object is expected, as in {"wipeDataFlags": …}.',
            '{"type": "WIPE", "wipeDataFlags": ["WIPE_ESIMS"]}': mean("wipeParams.wipeDataFlags"),
            '{"type": "WIPE", "wipeParams": {"flags": ["WIPE_ESIMS"]}}': mean("wipeDataFlags"),
            '{"type": "WIPE", "wipeParams": {"wipeDataFlags": ["WIPE_ESIM"]}}': mean("WIPE_ESIMS"),
            '{"type": "WIPE", "wipeParams": {"wipeReason": "You left"}}': MESSAGE,
            '{"type": "WIPE", "wipeParams": {"wipeReasonMessage": "You left"}}': mean("wipeReason"),
            '{"type": "REBOOT", "wipeParams": {}}': "but type is REBOOT: remove one of the two.",
            '{"wipeParams": {}, "stopLostModeParams": {}}': "oneof field 'params' is already set. Cannot set 'stopLostModeParams'",
            '{"type": "WIPE", "wipe_params": {}, "wipeParams": {}}': 'The field is given twice, also as "wipe_params".',
        },
    ),
    Habit(
        "RESET_PASSWORD",
        {
            '{"newPassword": "hunter2"}': 'add "type": "RESET_PASSWORD".',
            '{"type": "LOCK", "newPassword": "hunter2"}': "remove newPassword, or set type to RESET_PASSWORD.",
            '{"type": "RESET_PASSWORD", "password": "hunter2"}': mean("newPassword"),
            '{"type": "RESET_PASSWORD", "pin": "hunter2"}': mean("newPassword"),
            '{"type": "RESET_PASSWORD", "passcode": "hunter2"}': mean("newPassword"),
            '{"type": "RESET_PASSWORD", "newPassword": 735512}': "A string is expected: put it in double quotes.",
            '{"type": "RESET_PASSWORD", "resetPasswordParams": {"newPassword": "hunter2"}}': (
                "newPassword and resetPasswordFlags belong in the command itself, beside type."
            ),
            '{"type": "RESET_PASSWORD", "resetPasswordFlags": ["lock_now"]}': mean("LOCK_NOW"),
            '{"type": "RESET_PASSWORD", "flags": ["LOCK_NOW"]}': mean("resetPasswordFlags"),
        },
    ),
    Habit(
        "CLEAR_APP_DATA",
        {
            '{"type": "CLEAR_APP_DATA"}': APPS,
            '{"clearAppsDataParams": {"packageNames": []}}': APPS,
            '{"clearAppsDataParams": {"packageName": "com.x"}}': mean("packageNames"),
            '{"clearAppsDataParams": ["com.x"]}': 'An object is expected, as in {"packageNames": …}.',
            '{"type": "CLEAR_APP_DATA", "packageNames": ["com.x"]}': mean("clearAppsDataParams.packageNames"),
            '{"clearAppDataParams": {"packageNames": ["com.x"]}}': mean("clearAppsDataParams"),
        },
    ),
    Habit(
        "Lost mode",
        {
            '{"type": "START_LOST_MODE"}': LOST,
            '{"startLostModeParams": {}}': LOST,
            '{"startLostModeParams": {"lostOrganization": {"defaultMessage": "ACME"}}}': LOST,
            '{"startLostModeParams": {"lostMessage": "Please call"}}': MESSAGE,
            '{"startLostModeParams": {"lostPhoneNumber": "+1 555 0100"}}': MESSAGE,
            '{"startLostModeParams": {"lostEmailAddress": {"defaultMessage": "a@b.example"}}}': "A string is expected, not an object.",
            '{"startLostModeParams": {"message": {"defaultMessage": "Hi"}}}': mean("lostMessage"),
            '{"startLostModeParams": {"lostMessage": {"message": "Hi"}}}': mean("defaultMessage"),
            '{"startLostModeParams": {"lostMessage": {"localizedMessages": [{"en": "Hi"}], "defaultMessage": "Hi"}}}': (
                'An object is expected, as in {"key": …}.'
            ),
            '{"startLostModeParams": {"lostMessage": {"localizedMessages": {"english_": "Hi"}, "defaultMessage": "Hi"}}}': (
                'write one such as "en-US" or "fr".'
            ),
            '{"type": "START_LOST_MODE", "lostMessage": {"defaultMessage": "Hi"}}': mean("startLostModeParams.lostMessage"),
            '{"type": "START_LOST_MODE", "lostModeParams": {}}': mean("startLostModeParams", "stopLostModeParams"),
            '{"type": "STOP_LOST_MODE", "stopLostModeParams": []}': "An empty message is {}, not [].",
            '{"type": "STOP_LOST_MODE", "stopLostModeParams": "{}"}': "An object is expected: {}.",
        },
    ),
    Habit(
        "eSIM and EID",
        {
            '{"addEsimParams": {"activationCode": "1$sm-dp.example.com$hunter2"}}': ESIM_FORM,
            '{"addEsimParams": {"code": "LPA:1$sm-dp.example.com$hunter2"}}': mean("activationCode"),
            '{"addEsimParams": {"activationCode": "LPA:1$sm-dp.example.com$hunter2", "activationState": "ACTIVE"}}': mean("ACTIVATED"),
            '{"addEsimParams": {"activationCode": "LPA:1$sm-dp.example.com$hunter2", "confirmationCode": "1234"}}': (
                "A confirmation code cannot be sent with the command: the device asks its user for it."
            ),
            '{"type": "ADD_ESIM", "activationCode": "LPA:1$sm-dp.example.com$hunter2"}': mean("addEsimParams.activationCode"),
            '{"type": "ADD_ESIM", "addESIMParams": {}}': mean("addEsimParams"),
            '{"removeEsimParams": {}}': 'the ICC ID of the eSIM profile to remove, as in "iccId": "8901234567890123456".',
            '{"removeEsimParams": {"iccId": 8901234567890123456}}': "A string is expected: put it in double quotes.",
            '{"removeEsimParams": {"iccid": "8901234567890123456"}}': mean("iccId"),
            '{"type": "REQUEST_DEVICE_INFO"}': 'name the information, as in "deviceInfo": "EID".',
            '{"requestDeviceInfoParams": {"deviceInfo": "eid"}}': mean("EID"),
            '{"requestDeviceInfoParams": {"deviceInfo": ["EID"]}}': NO_BRACKETS,
            '{"requestDeviceInfoParams": {"deviceInfo": "IMEI"}}': "Possible values: EID.",
        },
    ),
)


class Sloppy(NamedTuple):
    """A body that Google's parsers put up with: what it is read as, and its answer with `--behaviour strict`."""

    message: str
    body: str
    read_as: str
    advice: str


A_LIST = "A list is expected: put it into [ ]."
NO_QUOTES = "true or false is expected, without quotes."
SLOPPY = (
    Sloppy("Policy", '{"cameraDisabled": "true"}', '{"cameraDisabled": true}', NO_QUOTES),
    Sloppy("Policy", '{"cameraDisabled": "Yes"}', '{"cameraDisabled": true}', NO_QUOTES),
    Sloppy("Policy", '{"adjustVolumeDisabled": "0"}', '{"adjustVolumeDisabled": false}', NO_QUOTES),
    Sloppy(
        "Command",
        '{"clearAppsDataParams": {"packageNames": "com.x"}}',
        '{"clearAppsDataParams": {"packageNames": ["com.x"]}}',
        A_LIST,
    ),
    Sloppy("Command", '{"wipeParams": {"wipeDataFlags": "WIPE_ESIMS"}}', '{"wipeParams": {"wipeDataFlags": ["WIPE_ESIMS"]}}', A_LIST),
    Sloppy("Policy", '{"applications": {"packageName": "com.x"}}', '{"applications": [{"packageName": "com.x"}]}', A_LIST),
    Sloppy(
        "Command",
        '{"clearAppsDataParams": {"packageNames": [["com.x"], ["com.y"]]}}',
        '{"clearAppsDataParams": {"packageNames": ["com.x", "com.y"]}}',
        "Send the value itself, without [ ] around it.",
    ),
    Sloppy(
        "Policy",
        '{"accountTypesWithManagementDisabled": ["com.x", null]}',
        '{"accountTypesWithManagementDisabled": ["com.x", ""]}',
        "(TYPE_STRING), null",
    ),
    Sloppy("Command", '{"type": "1"}', '{"type": "LOCK"}', f"Possible values: {TYPES}."),
)
