"""Enterprises, one or a page of them."""

from collections.abc import Collection, Sequence

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.names import EnterpriseName
from heliograph.service._absence import enterprise_absence
from heliograph.service._pages import page_of
from heliograph.service.ports import Page, Ports


async def get_enterprise(ports: Ports, name: EnterpriseName) -> EnterpriseRecord:
    """The enterprise.  Raises: EnterpriseNotAuthorized."""
    record = await ports.store.enterprise(name)
    if record is None:
        raise await enterprise_absence(ports, name) or EnterpriseNotAuthorized()
    return record


async def list_enterprises(
    ports: Ports, *, page_size: int | None = None, page_token: str = "", only: Collection[str] | None = None
) -> tuple[Sequence[EnterpriseRecord], str]:
    """A page of the enterprises, oldest first, and the next page's token; of those with ids in `only`, or of all (None).

    Raises: InvalidArgument: page size or token.
    """

    async def read(after: str, limit: int) -> Page[EnterpriseRecord]:
        if only is None:
            return await ports.store.enterprises(after=after, limit=limit)
        # Few: a key names at most a hundred.
        found = [await ports.store.enterprise(EnterpriseName(enterprise)) for enterprise in only]
        rest = sorted((record for record in found if record and record.position > after), key=lambda record: record.position)
        return Page(items=rest[:limit], more=len(rest) > limit)

    return await page_of(
        ports,
        "enterprises" if only is None else f"enterprises {sorted(only)}",
        read,
        page_size=page_size,
        page_token=page_token,
    )
