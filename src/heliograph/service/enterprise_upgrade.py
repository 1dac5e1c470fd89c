"""An enterprise's upgrade to a managed Google domain: its URL, and what its page does."""

from collections.abc import Sequence

import msgspec

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.enterprise import Enterprise, EnterpriseType, ManagedGoogleDomainType
from heliograph.domain.enterprise_upgrade import EnterpriseUpgrade
from heliograph.domain.names import EnterpriseName
from heliograph.domain.sealed_text import opened, seal
from heliograph.domain.sign_up import LINK_LIFE_S, form_violations, people_violations
from heliograph.protojson.errors import FailedPrecondition, InvalidArgument, NotFound, Violations
from heliograph.protojson.messages import encode_message, stored_message
from heliograph.service.enterprises import get_enterprise
from heliograph.service.notifications import upgrade_published
from heliograph.service.ports import Decision, Facts, Ports, Put, Sees
from heliograph.service.sign_up import sign_up_key

PATH = "/upgrade/"
"""Path of the page below the server's address."""


class UpgradedAlready(FailedPrecondition):
    """The enterprise is a managed Google domain already."""

    reason = "ENTERPRISE_UPGRADED"


class NoSuchUpgrade(NotFound):
    """This link to upgrade an enterprise is not valid, is older than a day, or was used. Ask for a new one."""


async def generate_upgrade_url(
    ports: Ports, name: EnterpriseName, *, server_url: str, admin_email: str = "", allowed_domains: Sequence[str] = ()
) -> str:
    """The address of the page, which is valid for a day; nothing is stored.

    Raises: EnterpriseNotAuthorized; InvalidArgument; UpgradedAlready.
    """
    if found := Violations(people_violations(admin_email=admin_email, allowed_domains=allowed_domains)):
        raise InvalidArgument(violations=found)
    if _is_upgraded(await get_enterprise(ports, name)):
        raise UpgradedAlready
    upgrade = EnterpriseUpgrade(
        enterprise=name.enterprise,
        admin_email=admin_email,
        allowed_domains=tuple(allowed_domains),
        expires_us=ports.clock.now_us() + LINK_LIFE_S * 1_000_000,
    )
    return f"{server_url}{PATH}{seal(upgrade, key=sign_up_key(ports))}"


def upgrade_of(ports: Ports, sealed: str) -> EnterpriseUpgrade:
    """The upgrade that the page's address names.  Raises: NoSuchUpgrade."""
    upgrade = opened(sealed, EnterpriseUpgrade, key=sign_up_key(ports), now_us=ports.clock.now_us())
    if upgrade is None:
        raise NoSuchUpgrade
    return upgrade


async def complete_upgrade(ports: Ports, sealed: str, *, admin_email: str, accepted: bool) -> EnterpriseName:
    """The enterprise is a managed Google domain, and ENTERPRISE_UPGRADE goes out once.

    Raises: NoSuchUpgrade; InvalidArgument: the form's mistakes, by field.
    """
    upgrade = upgrade_of(ports, sealed)
    if found := Violations(form_violations(admin_email.strip(), upgrade.allowed_domains, email_needed=True, accepted=accepted)):
        raise InvalidArgument(violations=found)
    name = EnterpriseName(upgrade.enterprise)

    def rule(facts: Facts) -> Decision[bool]:
        if facts.enterprise is None or _is_upgraded(facts.enterprise):
            return Decision(answer=False)
        changed = msgspec.structs.replace(facts.enterprise, resource=_upgraded(facts.enterprise))
        return Decision(answer=True, writes=(Put(changed), *upgrade_published(ports, changed)))

    if not await ports.store.decide(Sees(enterprise=name), rule):
        raise NoSuchUpgrade
    return name


def _is_upgraded(record: EnterpriseRecord) -> bool:
    return stored_message(Enterprise, record.resource).enterprise_type is EnterpriseType.MANAGED_GOOGLE_DOMAIN


def _upgraded(record: EnterpriseRecord) -> bytes:
    """A team: its admin has an address, and no one has proved that a domain is theirs."""
    return encode_message(
        msgspec.structs.replace(
            stored_message(Enterprise, record.resource),
            enterprise_type=EnterpriseType.MANAGED_GOOGLE_DOMAIN,
            managed_google_domain_type=ManagedGoogleDomainType.TYPE_TEAM,
        )
    )
