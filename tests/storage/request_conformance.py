"""What every Store must do with the names of callers' requests: a suite that a backend's test file subclasses, as conformance.py."""

import asyncio

from heliograph.domain import web_app
from heliograph.domain.names import DeviceName, EnterpriseName, PolicyName, PushEndpointName, WebAppName
from heliograph.domain.push_endpoint import PushEndpointRecord
from heliograph.domain.request_id import IssueRequest, RequestKey
from heliograph.service.ports import Decision, Facts, Held, Put, Rule, Sees
from heliograph.storage.codec import encode_record
from tests.storage.conformance import OpenSandboxStore, OpenStore, enrolled
from tests.storage.policy_conformance import policy
from tests.storage.records import ENTERPRISE, SECOND_US, START_US, SetClock, device_name, enterprise_record, look, token_record, write

DAY_US = 86_400 * SECOND_US
KEY = RequestKey(ENTERPRISE.enterprise, "first")


def request(device: DeviceName, *, key: RequestKey = KEY, expires_us: int = START_US + DAY_US) -> IssueRequest:
    """A request that issued a command."""
    return IssueRequest(key=key, device=device, create_ms=START_US // 1_000, digest=b"\0digest\xff", expires_us=expires_us)


def put_once(asked: IssueRequest) -> Rule[IssueRequest | None]:
    """A rule that answers with what its key issued, and writes the request where that is nothing."""

    def rule(facts: Facts) -> Decision[IssueRequest | None]:
        return Decision(None, (Put(asked),)) if facts.request is None else Decision(facts.request)

    return rule


def push_endpoint() -> PushEndpointRecord:
    """A push endpoint of the enterprise."""
    return PushEndpointRecord(name=PushEndpointName(ENTERPRISE.enterprise, "mine"), created_us=START_US, resource=b"{}")


class RequestConformance:
    """The suite."""

    async def test_what_a_request_issued_is_seen_by_its_key_after_a_restart(self, open_store: OpenStore) -> None:
        asked = request(device_name())
        store = await open_store()
        await store.decide(Sees(), write(Put(asked)))

        store = await open_store()

        assert asked == (await store.decide(Sees(request=KEY), look)).request
        assert (await store.decide(Sees(request=RequestKey("LC0other", KEY.request_id)), look)).request is None
        assert (await store.decide(Sees(request=RequestKey(KEY.enterprise, "second")), look)).request is None

    async def test_of_rules_with_one_key_in_one_batch_each_sees_what_the_first_wrote(self, open_store: OpenStore) -> None:
        asked = [request(device_name()) for _ in range(5)]
        store = await open_store()

        seen = await asyncio.gather(*(store.decide(Sees(request=KEY), put_once(one)) for one in asked))

        assert [None, *[asked[0]] * 4] == seen

    async def test_a_key_is_free_again_from_its_expiry_on(self, open_store: OpenStore) -> None:
        clock = SetClock()
        first, second = request(device_name()), request(device_name(), expires_us=START_US + 3 * DAY_US)
        store = await open_store(clock=clock)
        await store.decide(Sees(request=KEY), put_once(first))
        clock.at_us = first.expires_us - 1
        assert first == await store.decide(Sees(request=KEY), put_once(second))

        clock.at_us = first.expires_us

        assert await store.decide(Sees(request=KEY), put_once(second)) is None
        assert second == (await store.decide(Sees(request=KEY), look)).request

    async def test_expired_keys_are_retired_within_the_limit_and_others_kept(self, open_store: OpenStore) -> None:
        clock = SetClock()
        keys = [RequestKey(ENTERPRISE.enterprise, f"key {number}") for number in range(4)]
        asked = [request(device_name(), key=key, expires_us=START_US + number * SECOND_US) for number, key in enumerate(keys)]
        store = await open_store(clock=clock)
        await store.decide(Sees(), write(*map(Put, asked)))
        clock.at_us = START_US + 2 * SECOND_US

        removed = [await store.retire(ended_before_us=0, limit=2) for _ in range(3)]

        assert [2, 1, 0] == removed
        assert asked[3] == (await store.decide(Sees(request=keys[3]), look)).request

    async def test_what_an_enterprise_holds_is_counted_up_to_a_number(self, open_store: OpenStore) -> None:
        """Devices, request ids, tokens, policies, web apps and push endpoints: its own, and after a restart; of policies the bytes too."""
        store = await open_store()
        empty = [await store.holding(ENTERPRISE, held, most=9) for held in Held]
        ids = [write(Put(request(device_name(), key=RequestKey(ENTERPRISE.enterprise, f"id {number}")))) for number in range(3)]
        tokens = [write(Put(token_record(f"token{number}"))) for number in range(4)]
        policies = [write(Put(policy(PolicyName(ENTERPRISE.enterprise, f"policy{number}")))) for number in range(2)]
        app = write(Put(web_app.record_of(WebAppName(ENTERPRISE.enterprise, "com.a"), web_app.WebApp(), version=1, created_us=START_US)))
        endpoint = write(Put(push_endpoint()))
        again = (ids[0], tokens[0], policies[0], app, endpoint)
        for rule in (write(Put(enterprise_record())), *ids, *tokens, *policies, app, endpoint, *again):
            await store.decide(Sees(), rule)
        for number in range(2):
            await enrolled(store, DeviceName(ENTERPRISE.enterprise, f"device{number}"))

        store = await open_store()

        found = {held: await store.holding(ENTERPRISE, held, most=9) for held in Held}
        sizes = sum(len(encode_record(policy(PolicyName(ENTERPRISE.enterprise, f"policy{number}")))) for number in range(2))
        counted = {
            Held.DEVICES: (2, 0),
            Held.ENROLLMENT_TOKENS: (4, 0),
            Held.POLICIES: (2, sizes),
            Held.REQUEST_IDS: (3, 0),
            Held.DEAD_LETTERS: (0, 0),
            Held.WEB_APPS: (1, 0),
            Held.PUSH_ENDPOINTS: (1, 0),
        }
        assert counted == found
        assert [(0, 0)] * len(Held) == empty == [await store.holding(EnterpriseName("LC0other"), held, most=9) for held in Held]
        assert [1, 1, 1, 1, 0, 1, 1] == [(await store.holding(ENTERPRISE, held, most=1)).number for held in Held]


class SandboxRequestConformance(RequestConformance):
    """The suite, and what only the sandbox does to its store."""

    async def test_a_forgotten_devices_requests_are_forgotten(self, open_store: OpenSandboxStore) -> None:
        forgotten, other = request(device_name()), request(device_name(), key=RequestKey(ENTERPRISE.enterprise, "other"))
        store = await open_store()
        await enrolled(store, forgotten.device)
        await store.decide(Sees(), write(Put(forgotten), Put(other)))

        await store.forget_device(forgotten.device)

        assert (await store.decide(Sees(request=forgotten.key), look)).request is None
        assert other == (await store.decide(Sees(request=other.key), look)).request
