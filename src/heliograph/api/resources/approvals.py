"""`/heliograph/v1/enterprises/*/approvals` and `…/approvalRules`: a second person's approval.  Heliograph's own: not in AMAPI."""

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Call
from heliograph.api.resources.answers import list_body
from heliograph.domain.approval import ApprovalRules, ApprovalState
from heliograph.domain.messages import Message
from heliograph.domain.names import ApprovalName, EnterpriseName
from heliograph.protojson.messages import Int32, Timestamp, encode_message
from heliograph.protojson.times import format_timestamp
from heliograph.service.approval_links import create_approval_link
from heliograph.service.approvals import (
    Standing,
    approve,
    call_off,
    decline,
    get_approval,
    get_approval_rules,
    list_approvals,
    set_approval_rules,
)
from heliograph.service.explanations import explain_standing


class VoteView(Message):
    """One person who agreed."""

    actor: str = ""
    time: Timestamp = ""


class ApprovalView(Message):
    """An approval as callers see it."""

    name: str = ""
    state: ApprovalState = ApprovalState.STATE_UNSPECIFIED
    what: str = ""
    target: str = ""
    devices: tuple[str, ...] = ()
    device_count: Int32 = 0
    params: str = ""
    digest: str = ""
    asked_by: str = ""
    create_time: Timestamp = ""
    expire_time: Timestamp = ""
    approvals_needed: Int32 = 0
    approvals: tuple[VoteView, ...] = ()
    approvers: tuple[str, ...] = ()
    decide_time: Timestamp = ""
    decided_by: str = ""
    reason: str = ""
    start_time: Timestamp = ""
    why_stuck: str = ""


class ListApprovalsResponse(Message):
    """A page, oldest first."""

    approvals: tuple[ApprovalView, ...] = ()
    next_page_token: str = ""


class ApproveRequest(Message):
    """What the approver saw: without it, nothing is approved."""

    digest: str = ""


class ReasonRequest(Message):
    """Why it is declined or called off, for the one who asked."""

    reason: str = ""


class LinkView(Message):
    """The address of a page on which one person decides."""

    url: str = ""
    expire_time: Timestamp = ""


async def list_(call: Call) -> bytes:
    """One page of an enterprise's approvals, oldest first."""
    query: PageQuery = call.query
    found, next_page_token = await list_approvals(
        call.ports, EnterpriseName(*call.ids), page_size=query.page_size, page_token=query.page_token
    )
    return list_body("approvals", map(_body, found), next_page_token)


async def get(call: Call) -> bytes:
    """The approval."""
    return _body(await get_approval(call.ports, ApprovalName(*call.ids)))


async def approve_(call: Call) -> bytes:
    """The approval with the caller's word."""
    wanted = await call.message(ApproveRequest, root="")
    return _body(await approve(call.ports, ApprovalName(*call.ids), call.caller, digest=wanted.digest))


async def decline_(call: Call) -> bytes:
    """The approval, declined."""
    wanted = await call.message(ReasonRequest, root="")
    return _body(await decline(call.ports, ApprovalName(*call.ids), call.caller, reason=wanted.reason))


async def call_off_(call: Call) -> bytes:
    """The approval, called off."""
    wanted = await call.message(ReasonRequest, root="")
    return _body(await call_off(call.ports, ApprovalName(*call.ids), call.caller, reason=wanted.reason))


async def link(call: Call) -> bytes:
    """A link with which the caller approves or declines in a browser."""
    url, expires_us = await create_approval_link(call.ports, ApprovalName(*call.ids), call.caller, server_url=call.server_url())
    return encode_message(LinkView(url=url, expire_time=Timestamp(format_timestamp(expires_us))))


async def get_rules(call: Call) -> bytes:
    """The enterprise's rules."""
    return encode_message(await get_approval_rules(call.ports, EnterpriseName(*call.ids)))


async def patch_rules(call: Call) -> bytes:
    """The rules in the body are the enterprise's."""
    wanted = await call.message(ApprovalRules, root="")
    return encode_message(await set_approval_rules(call.ports, EnterpriseName(*call.ids), wanted, call.caller))


def _body(standing: Standing) -> bytes:
    approval = standing.approval
    return encode_message(
        ApprovalView(
            name=str(approval.name),
            state=standing.state,
            what=approval.what,
            target=approval.target,
            devices=approval.devices,
            device_count=approval.device_count,
            params=approval.params,
            digest=approval.digest,
            asked_by=approval.asked_by,
            create_time=_time(approval.created_us),
            expire_time=_time(approval.deadline_us),
            approvals_needed=approval.needed,
            approvals=tuple(VoteView(actor=vote.actor, time=_time(vote.at_us)) for vote in approval.votes),
            approvers=standing.approvers,
            decide_time=_time(approval.decided_us),
            decided_by=approval.decided_by,
            reason=approval.reason,
            start_time=_time(standing.starts_us),
            why_stuck=explain_standing(standing).text if standing.state is ApprovalState.PENDING else "",
        )
    )


def _time(at_us: int) -> Timestamp:
    return Timestamp(format_timestamp(at_us) if at_us else "")
