"""The subscriptions by which sleeping phones are woken: given, given again, taken back (docs/device-protocol.md, Waking a phone)."""

from heliograph.domain.names import DeviceName
from heliograph.domain.web_push import RENEWED_AFTER_US, WebPushName, WebPushSubscription, read_subscription
from heliograph.protocol import ApplicationServer, PushSubscription
from heliograph.service.ports import Delete, Lane, Ports, Put
from heliograph.service.record_rules import RecordDecision, Records


async def give_push_subscription(ports: Ports, device: DeviceName, message: PushSubscription) -> ApplicationServer:
    """The device can be woken there, or, if the message names no endpoint, cannot. Returns what subscriptions must be made for.

    Raises: InvalidArgument: the endpoint may not be pushed to, or a key is malformed.
    """
    web_push = ports.web_push
    if web_push is None:
        return ApplicationServer()
    name, given = WebPushName(*device), None
    if message.endpoint:
        now_us = ports.clock.now_us()
        given = read_subscription(name, message.endpoint, message.keys, addresses=ports.push_addresses, now_us=now_us)
    known = await ports.store.record(WebPushSubscription, name)
    if given is not None:
        web_push.used = True
        if not given.reaches_the_same(known) or (known is not None and given.renewed_us - known.renewed_us >= RENEWED_AFTER_US):
            await ports.store.decide_records((name,), lambda _: RecordDecision(None, (Put(given),)), lane=Lane.PHONES)
    elif known is not None:
        await forget_push_subscription(ports, known)
    return ApplicationServer(application_server_key=web_push.key.public_text)


async def forget_push_subscription(ports: Ports, known: WebPushSubscription) -> None:
    """The device cannot be woken by this subscription any more; by one that it has given since, it can."""

    def rule(records: Records) -> RecordDecision[None]:
        found = records.one(WebPushSubscription, known.name)
        return RecordDecision(None, (Delete(known.name),) if known.reaches_the_same(found) else ())

    await ports.store.decide_records((known.name,), rule, lane=Lane.PHONES)


async def forget_the_phone(ports: Ports, device: DeviceName) -> None:
    """The phone has obeyed its last order: there is nothing left to wake it for."""
    if ports.web_push is not None and (known := await ports.store.record(WebPushSubscription, WebPushName(*device))) is not None:
        await forget_push_subscription(ports, known)


async def any_subscription(ports: Ports) -> bool:
    """Whether any phone of the database has given one."""
    return bool((await ports.store.records(WebPushSubscription, after="", limit=1)).items)
