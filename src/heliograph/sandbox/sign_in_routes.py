"""`/sandbox/v1/provisioningInfo`: a phone is set up with a sign-in enrolment token, and opens the enterprise's sign-in page."""

import msgspec
from starlette.requests import Request

from heliograph.agent.profiles import PROFILES, facts_of
from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.enterprise import Enterprise, SigninDetail, SigninDetailDefaultStatus
from heliograph.domain.names import EnterpriseName
from heliograph.domain.phone.report_fields import Situation, device_report
from heliograph.domain.phone.reports import network_info
from heliograph.domain.provisioning import info_of, sign_in_url
from heliograph.protojson.errors import FailedPrecondition, InvalidArgument, Violation
from heliograph.protojson.messages import stored_message
from heliograph.sandbox.answers import SignInView
from heliograph.sandbox.bodies import Handler, body_of
from heliograph.sandbox.enrolments import require_enterprise
from heliograph.sandbox.messages import SignIn
from heliograph.sandbox.steering_route import ABSENT, CHANGES, SteeringRoute
from heliograph.sandbox.world import World
from heliograph.service.provisioning import create_provisioning_info

_EXAMPLE = '{"signinDetails": [{"signinUrl": "https://emm.example.com/sign-in"}]}'


class NoSignInPage(FailedPrecondition):
    """The enterprise has no sign-in page."""

    reason = "NO_SIGN_IN_PAGE"


async def _create(world: World, request: Request) -> object:
    wanted = await body_of(request, SignIn)
    if not wanted.profile:
        raise InvalidArgument(violations=[Violation("profile", f"profile is required. The profiles: {', '.join(PROFILES)}.")])
    name = EnterpriseName(wanted.enterprise.removeprefix("enterprises/") or world.first_enterprise)
    async with world.change():
        await require_enterprise(world.parts.store, name)
        record = await world.parts.store.enterprise(name)
        detail = _detail(name, record, wanted.token_tag)
        phone = world.enrolments.newcomer(wanted.profile, facts_of(wanted.overrides), detail.allow_personal_usage, name)
        # A phone that is being set up has no policy yet whose switches would keep its IMEI back.
        report = msgspec.structs.replace(device_report(Situation(phone=phone)), network_info=network_info(phone))
        info = info_of(name, report, authenticated_user_email=wanted.authenticated_user_email)
        made = create_provisioning_info(world.parts.ports, info)
    return {"name": made.name, "signinUrl": sign_in_url(detail.signin_url, made.name)}


def _detail(name: EnterpriseName, record: EnterpriseRecord | None, token_tag: str) -> SigninDetail:
    """The sign-in detail with this tag, or the default one, or else the first.  Raises: NoSignInPage.

    Source: disc, SigninDetail.defaultStatus.
    """
    details = stored_message(Enterprise, record.resource).signin_details if record is not None else ()
    details = tuple(detail for detail in details if not token_tag or detail.token_tag == token_tag)
    if not details:
        tagged = f" with the tokenTag {token_tag[:64]!r}" if token_tag else ""
        raise NoSignInPage(f"{name} has no signinDetails{tagged}: PATCH it first, as in {_EXAMPLE}.")
    default = SigninDetailDefaultStatus.SIGNIN_DETAIL_IS_DEFAULT
    return next((detail for detail in details if detail.default_status is default), details[0])


SIGN_IN_ROUTES: tuple[SteeringRoute[Handler], ...] = (
    SteeringRoute(
        id="provisioningInfo.create", http_method="POST", path="/sandbox/v1/provisioningInfo", handler=_create, answer=SignInView,
        body=SignIn, required=("profile",), errors=(ABSENT, *CHANGES),
        summary="A phone is set up, and opens the enterprise's sign-in page.",
        example={"profile": "pixel8-a15-fully-managed", "authenticatedUserEmail": "ada@example.com"},
    ),
)  # fmt: skip
