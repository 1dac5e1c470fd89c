"""`/approve/…`: the page of a link, on which one person approves or declines one thing. To open it decides nothing."""

from collections.abc import Mapping
from html import escape

from heliograph.api.resources.web_page import BAD_REQUEST, OK, alert, send_page, template, web_page, web_page_app
from heliograph.asgi import Asgi, Send
from heliograph.domain.approval import Approval, past
from heliograph.domain.audit import Acting
from heliograph.protojson.times import format_timestamp
from heliograph.service.acting import ACTING
from heliograph.service.approval_links import LINK_PATH, opened_link
from heliograph.service.approvals import approve, decline
from heliograph.service.ports import Ports

TITLE = "Approve or decline"
AUDITED_AS = "approvalPage"
UNDECIDED = "Choose one of the two."


def approval_app(ports: Ports, *, otherwise: Asgi) -> Asgi:
    """The ASGI app that answers the page of an approval's link, and hands every other request on."""

    async def show(sealed: str) -> bytes:
        standing, caller = await opened_link(ports, sealed)
        return _form(standing.approval, caller.actor)

    async def complete(sealed: str, fields: Mapping[str, str], send: Send) -> None:
        """Take the person's word, or show what is wrong.  Raises: NoSuchLink; what approve and decline raise."""
        standing, caller = await opened_link(ports, sealed)
        approval = standing.approval
        # The audit trail names the person, not everyone who has the address.
        ACTING.set(Acting.caller(caller, method=AUDITED_AS, address=ACTING.get().address))
        match fields.get("decision"):
            case "approve":
                # Of the page that was shown: another digest, and it is rejected.
                after = await approve(ports, approval.name, caller, digest=fields.get("digest", ""))
            case "decline":
                after = await decline(ports, approval.name, caller, reason=fields.get("reason", "").strip())
            case _:
                return await send_page(send, BAD_REQUEST, _form(approval, caller.actor, wrong=UNDECIDED))
        done = f"<p>{escape(str(approval.name))} is {escape(past(after.state))}. You can close this page.</p>"
        return await send_page(send, OK, web_page(TITLE, done))

    return web_page_app(LINK_PATH, TITLE, show=show, complete=complete, otherwise=otherwise)


def _form(approval: Approval, actor: str, *, wrong: str = "") -> bytes:
    """The page with all that is bound by the digest."""
    more = approval.device_count - len(approval.devices)
    devices = "".join(f"<li>{escape(device)}</li>" for device in approval.devices) + (f"<li>and {more} more</li>" if more else "")
    form = template("approval_form.html").substitute(
        what=escape(approval.what), target=escape(approval.target), count=approval.device_count, devices=devices,
        params=escape(approval.params or "{}"), asked_by=escape(approval.asked_by), actor=escape(actor),
        asked=format_timestamp(approval.created_us), until=format_timestamp(approval.deadline_us), digest=approval.digest,
        wrong=alert(wrong or None),
    )  # fmt: skip
    return web_page(TITLE, form)
