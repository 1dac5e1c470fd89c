"""Devices of a running server, enrolled over its own API."""

import secrets

from tests.channel.phones import FACTS, Identity, hash_of
from tests.load.callers import Connection


async def enroll_devices(port: int, count: int) -> list[Identity]:
    """So many newly enrolled devices of a new enterprise."""
    connection = Connection(port)
    enterprise = (await connection.ask_surely("POST", "/v1/enterprises?projectId=p&agreementAccepted=true", {})).body["name"]
    asked = {"policyName": "default", "oneTimeOnly": False}
    token = (await connection.ask_surely("POST", f"/v1/{enterprise}/enrollmentTokens", asked)).body["value"]
    devices = []
    for _ in range(count):
        credential = secrets.token_urlsafe(32)
        message = {
            "enrollmentToken": token,
            "installationId": secrets.token_hex(8),
            "credentialHash": hash_of(credential),
            "report": {**FACTS, "hardwareInfo": {"serialNumber": secrets.token_hex(4)}},
        }
        answer = await connection.ask_surely("POST", "/device/v1/enroll", message)
        assert answer.status == 200, answer
        devices.append(Identity(answer.body["name"], credential))
    await connection.close()
    return devices
