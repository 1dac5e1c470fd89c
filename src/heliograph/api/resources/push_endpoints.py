"""`/heliograph/v1/enterprises/*/pushEndpoints`: where notifications of an enterprise are pushed.  Heliograph's own: not in AMAPI."""

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Call
from heliograph.api.resources.answers import EMPTY, list_body
from heliograph.api.resources.devices import UpdateQuery
from heliograph.domain.names import EnterpriseName, PushEndpointName
from heliograph.domain.push_endpoint import PushEndpoint, PushEndpointRecord, render_push_endpoint
from heliograph.protojson.field_mask import parse_field_mask
from heliograph.protojson.messages import Duration, Message
from heliograph.protojson.times import parse_duration_ns
from heliograph.service.push_endpoints import (
    create_push_endpoint,
    delete_push_endpoint,
    get_push_endpoint,
    list_push_endpoints,
    patch_push_endpoint,
    rotate_webhook_secret,
    send_test_message,
)
from heliograph.service.webhook_keys import GRACE_US


class CreatePushEndpointQuery(Message):
    """Source: AIP-133."""

    push_endpoint_id: str = ""


class RotateSecretRequest(Message):
    """How long the old secret signs beside the new one; not given: a day."""

    grace_period: Duration = Duration("")


class ListPushEndpointsResponse(Message):
    """A page, oldest first."""

    push_endpoints: tuple[PushEndpoint, ...] = ()
    next_page_token: str = ""


async def create(call: Call) -> bytes:
    """The new endpoint, with its secret."""
    query: CreatePushEndpointQuery = call.query
    wanted = await call.message(PushEndpoint, root="push_endpoint")
    shown = await create_push_endpoint(
        call.ports, EnterpriseName(*call.ids), wanted, endpoint_id=query.push_endpoint_id, issuer=call.server_url()
    )
    return _body(call, shown.record, shown.secret)


async def get(call: Call) -> bytes:
    """The endpoint."""
    return _body(call, await get_push_endpoint(call.ports, PushEndpointName(*call.ids)))


async def list_(call: Call) -> bytes:
    """One page of an enterprise's endpoints, oldest first."""
    query: PageQuery = call.query
    endpoints, next_page_token = await list_push_endpoints(
        call.ports, EnterpriseName(*call.ids), page_size=query.page_size, page_token=query.page_token
    )
    return list_body("pushEndpoints", (_body(call, endpoint) for endpoint in endpoints), next_page_token)


async def patch(call: Call) -> bytes:
    """The endpoint as it is now, with its secret if it got one."""
    query: UpdateQuery = call.query
    wanted = await call.message(PushEndpoint, root="push_endpoint")
    mask = parse_field_mask(query.update_mask, of=PushEndpoint) or None
    shown = await patch_push_endpoint(call.ports, PushEndpointName(*call.ids), wanted, mask, issuer=call.server_url())
    return _body(call, shown.record, shown.secret)


async def rotate(call: Call) -> bytes:
    """The endpoint, with its new secret."""
    wanted = await call.message(RotateSecretRequest, root="")
    grace_us = parse_duration_ns(wanted.grace_period) // 1_000 if wanted.grace_period else GRACE_US
    shown = await rotate_webhook_secret(call.ports, PushEndpointName(*call.ids), grace_us=grace_us)
    return _body(call, shown.record, shown.secret)


async def test(call: Call) -> bytes:
    """An empty answer: a message of type `test` is on its way."""
    await send_test_message(call.ports, PushEndpointName(*call.ids))
    return EMPTY


async def delete(call: Call) -> bytes:
    """An empty answer: the endpoint is gone."""
    await delete_push_endpoint(call.ports, PushEndpointName(*call.ids))
    return EMPTY


def _body(call: Call, record: PushEndpointRecord, secret: str = "") -> bytes:
    return render_push_endpoint(record, now_us=call.ports.clock.now_us(), secret=secret)
