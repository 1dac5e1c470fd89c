"""What phones answer to commands: refusals by mode and level, specific statuses, and what is refused when it is issued.

A probe restarts, locks or rings a phone, or sets its password: `--yes` only. No probe wipes one, or gives it up.
"""

from heliograph.conformance.probes.bodies import APP
from heliograph.conformance.probes.probe import OK, changes, rejection, taken_or_status
from heliograph.conformance.server import Answer, Json, NotTried, Server

LOST: Json = {"startLostModeParams": {"lostMessage": {"defaultMessage": "A probe of heliograph conformance."}}}
FOUND: Json = {"stopLostModeParams": {}}
EID: Json = {"requestDeviceInfoParams": {"deviceInfo": "EID"}}
PASSWORD = "h3liograph-probe"  # noqa: S105 - set on phones that were given to be probed
LOST_MODE_FROM_API_LEVEL = 30
ESIM_FROM_API_LEVEL = 35
SIX_DIGITS_AT_API_LEVEL = 34


def _personal(device: Json) -> bool:
    return device.get("ownership") == "PERSONALLY_OWNED"


def _fully_managed(device: Json) -> bool:
    return device.get("managementMode") == "DEVICE_OWNER"


def _level(device: Json) -> int:
    return int(device.get("apiLevel", 0))


def _fully_managed_with_lost_mode(server: Server) -> str:
    wanted = f"a fully managed device with API level {LOST_MODE_FROM_API_LEVEL} or higher"
    return server.device(wanted, lambda device: _fully_managed(device) and _level(device) >= LOST_MODE_FROM_API_LEVEL)


def _end(operation: Json) -> str:
    """How a command ended: its errorCode and the error's code, or that it has a response."""
    metadata, error = operation.get("metadata", {}), operation.get("error")
    ends = [f"errorCode {metadata['errorCode']}"] if "errorCode" in metadata else []
    ends += [f"error.code {error['code']}"] if error else ["response"] if "response" in operation else []
    return ", ".join(ends) or "done, with neither error nor response"


def _end_or_rejection(server: Server, answer: Answer) -> str:
    """How a command ends, or how it was refused when it was issued."""
    return _end(server.ended(answer.json)) if answer.status == OK else rejection(answer)


def _reason(operation: Json) -> str:
    """The device's reason, whatever the error says beside it."""
    error_code = operation.get("metadata", {}).get("errorCode")
    return f"errorCode {error_code}" if error_code else "a plain response" if "response" in operation else _end(operation)


def _on_personal(server: Server, body: Json) -> str:
    return _reason(server.outcome(server.device("a personally-owned device", _personal), body))


@changes
def reboot_on_personal(server: Server) -> str:
    return _on_personal(server, {"type": "REBOOT"})


@changes
def lost_mode_on_personal(server: Server) -> str:
    return _on_personal(server, LOST)


@changes
def eid_of_a_company_device(server: Server) -> str:
    return _end(server.outcome(server.device("a fully managed device", _fully_managed), EID))


@changes
def stop_lost_mode_by_type_alone(server: Server) -> str:
    return taken_or_status(server.issue(_fully_managed_with_lost_mode(server), {"type": "STOP_LOST_MODE"}))


@changes
def lost_mode_without_content(server: Server) -> str:
    return _end_or_rejection(server, server.issue(_fully_managed_with_lost_mode(server), {"startLostModeParams": {}}))


@changes
def found_though_not_lost(server: Server) -> str:
    device = _fully_managed_with_lost_mode(server)
    server.outcome(device, FOUND)
    again = server.outcome(device, FOUND)
    return f"{again.get('metadata', {}).get('stopLostModeStatus', {}).get('status', 'no status')}, {_end(again)}"


@changes
def lost_twice(server: Server) -> str:
    device = _fully_managed_with_lost_mode(server)
    try:
        first = server.outcome(device, LOST)
        if "error" in first:
            raise NotTried(f"the device does not enter lost mode: {_end(first)}")
        again = server.outcome(device, LOST)
    finally:
        server.outcome(device, FOUND)
    return f"{again.get('metadata', {}).get('startLostModeStatus', {}).get('status', 'no status')}, {_end(again)}"


@changes
def esim_activated_on_personal(server: Server) -> str:
    wanted = f"a personally-owned device with API level {ESIM_FROM_API_LEVEL} or higher"
    device = server.device(wanted, lambda device: _personal(device) and _level(device) >= ESIM_FROM_API_LEVEL)
    params = {"activationCode": "LPA:1$smdp.example.com$HELIOGRAPH-PROBE", "activationState": "ACTIVATED"}
    return _end_or_rejection(server, server.issue(device, {"addEsimParams": params}))


@changes
def missing_app(server: Server) -> str:
    device = server.device("a device with API level 28 or higher", lambda device: _level(device) >= 28)  # noqa: PLR2004
    operation = server.outcome(device, {"clearAppsDataParams": {"packageNames": [APP]}})
    results = operation.get("metadata", {}).get("clearAppsDataStatus", {}).get("results", {})
    return f"{results.get(APP, {}).get('clearingResult', 'no result')}, {_end(operation)}"


@changes
def params_beside_new_password(server: Server) -> str:
    body = {"clearAppsDataParams": {"packageNames": [APP]}, "newPassword": PASSWORD}
    return taken_or_status(server.issue(server.any_device(), body))


@changes
def short_pin_on_android_14(server: Server) -> str:
    device = server.device("a device with API level 34", lambda device: _level(device) == SIX_DIGITS_AT_API_LEVEL)
    return _reason(server.outcome(device, {"type": "RESET_PASSWORD", "newPassword": "4938"}))


@changes
def new_password_in_answers(server: Server) -> str:
    device = server.device("a fully managed device", _fully_managed)
    answer = server.issue(device, {"type": "RESET_PASSWORD", "newPassword": PASSWORD})
    if answer.status != OK:
        raise NotTried(f"RESET_PASSWORD was refused: {answer.status}")
    then = server.get(str(answer.json["name"]))
    listed = server.get(f"{device}/operations", "pageSize=1000")
    shown = [where for where, said in (("answer", answer), ("operation", then), ("list", listed)) if PASSWORD.encode() in said.body]
    server.ended(answer.json)
    return f"in the {shown[0]}" if shown else "nowhere"


@changes
def bool_in_quotes(server: Server) -> str:
    policy = f"{server.enterprise}/policies/heliograph-probe"
    answer = server.call("PATCH", f"/v1/{policy}", {"cameraDisabled": "true"})
    if answer.status == OK:
        server.call("DELETE", f"/v1/{policy}")
        return f"read as {str(answer.json.get('cameraDisabled')).lower()}"
    return rejection(answer)
