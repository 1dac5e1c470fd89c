"""Enterprises, one or a page of them."""

from collections.abc import Sequence

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.names import EnterpriseName
from heliograph.service._absence import enterprise_absence
from heliograph.service._pages import page_of
from heliograph.service.ports import Ports


async def get_enterprise(ports: Ports, name: EnterpriseName) -> EnterpriseRecord:
    """The enterprise.  Raises: EnterpriseNotAuthorized."""
    record = await ports.store.enterprise(name)
    if record is None:
        raise await enterprise_absence(ports, name) or EnterpriseNotAuthorized()
    return record


async def list_enterprises(ports: Ports, *, page_size: int | None = None, page_token: str = "") -> tuple[Sequence[EnterpriseRecord], str]:
    """A page of all enterprises, oldest first, and the next page's token.  Raises: InvalidArgument: page size or token."""
    return await page_of(
        ports,
        "enterprises",
        lambda after, limit: ports.store.enterprises(after=after, limit=limit),
        page_size=page_size,
        page_token=page_token,
    )
