"""Phones enrolled for a benchmark, through the server's own front door."""

import asyncio
import hashlib
import json
import random
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
import msgspec

from heliograph.agent.profiles import PROFILES
from heliograph.domain.phone.report_fields import Situation, device_report
from heliograph.protojson.messages import encode_message

PROFILE = "pixel8-a15-fully-managed"
AT_ONCE = 16


@dataclass(frozen=True)
class Enrolled:
    """One phone: its resource name, and the credential that it made."""

    name: str
    credential: str


async def enroll(url: str, count: int, token: str = "") -> list[Enrolled]:
    """`count` phones of one profile in a new enterprise; `token`: the caller's bearer token, where the server asks for one.

    Raises: aiohttp.ClientResponseError: the server refused.
    """
    report = msgspec.Raw(encode_message(device_report(Situation(phone=PROFILES[PROFILE].phone(serial="BENCH")))))
    places = asyncio.Semaphore(AT_ONCE)
    caller = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(url, raise_for_status=True) as session:
        enterprise = (await _post(session, "/v1/enterprises?projectId=bench&agreementAccepted=true", {}, caller))["name"]
        ticket = await _post(session, f"/v1/{enterprise}/enrollmentTokens", {"duration": "86400s"}, caller)

        async def one(number: int) -> Enrolled:
            credential = secrets.token_hex(32)
            message = {
                "enrollmentToken": ticket["value"],
                "installationId": f"bench-{number}",
                "credentialHash": hashlib.sha256(credential.encode()).hexdigest(),
                "serial": f"BENCH{number}",
                "report": report,
            }
            async with places:
                return Enrolled(await _enrolled(session, msgspec.json.encode(message)), credential)

        return list(await asyncio.gather(*(one(number) for number in range(count))))


async def _enrolled(session: aiohttp.ClientSession, message: bytes) -> str:
    """The device's name; a server that is overloaded is asked again, as phones do."""
    while True:
        async with session.post("/device/v1/enroll", data=message, raise_for_status=False) as response:
            if response.status != HTTPStatus.SERVICE_UNAVAILABLE:
                response.raise_for_status()
                name: str = (await response.json())["name"]
                return name
        await asyncio.sleep(0.5)


def issue_paths(devices: Iterable[Enrolled]) -> list[str]:
    """One issueCommand path a device, in an order that no cache likes."""
    paths = [f"/v1/{device.name}:issueCommand" for device in devices]
    random.Random(7).shuffle(paths)  # noqa: S311 - no secret
    return paths


async def _post(session: aiohttp.ClientSession, path: str, body: object, headers: dict[str, str]) -> dict[str, str]:
    async with session.post(path, data=json.dumps(body), headers=headers) as response:
        answer: dict[str, str] = await response.json()
        return answer
