"""Policies, one or a page of them."""

from collections.abc import Sequence

from heliograph.domain.errors import NotFound
from heliograph.domain.names import EnterpriseName, PolicyName
from heliograph.domain.policy import DEFAULT_ID, PolicyRecord, implicit_default
from heliograph.service._absence import enterprise_absence
from heliograph.service._pages import page_of
from heliograph.service._policy import policy_record
from heliograph.service.ports import Page, Ports


async def get_policy(ports: Ports, name: PolicyName) -> PolicyRecord:
    """The policy.  Raises: EnterpriseNotAuthorized, NotFound."""
    if (error := await enterprise_absence(ports, name.parent)) is not None:
        raise error
    record = await policy_record(ports, name)
    if record is None:
        raise NotFound
    return record


async def list_policies(
    ports: Ports, enterprise: EnterpriseName, *, page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[PolicyRecord], str]:
    """A page of the enterprise's policies, oldest first, and the next page's token.

    A default policy that nobody has patched comes first.

    Raises: EnterpriseNotAuthorized; InvalidArgument: page size or token.
    """
    if (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error

    async def read(after: str, limit: int) -> Page[PolicyRecord]:
        page = await ports.store.policies(enterprise, after=after, limit=limit)
        if after or await ports.store.policy(PolicyName(enterprise.enterprise, DEFAULT_ID)) is not None:
            return page
        items = (implicit_default(enterprise), *page.items)
        return Page(items=items[:limit], more=page.more or len(items) > limit)

    return await page_of(ports, f"{enterprise}/policies", read, page_size=page_size, page_token=page_token)
