"""Web apps: created, read, changed and deleted."""

from collections.abc import Sequence

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.names import EnterpriseName, WebAppName
from heliograph.domain.web_app import WebApp, WebAppRecord, record_of, violations
from heliograph.protojson.errors import InvalidArgument, NotFound, Violations
from heliograph.protojson.field_mask import apply_mask
from heliograph.service.limits import Limits
from heliograph.service.not_found import enterprise_absence
from heliograph.service.paging import page_of
from heliograph.service.ports import Delete, Held, Page, Ports, Put
from heliograph.service.record_rules import RecordDecision, Records
from heliograph.service.tenant_bounds import require_room_for_web_app, require_size


async def create_web_app(ports: Ports, enterprise: EnterpriseName, web_app: WebApp) -> WebAppRecord:
    """The web app is durable, under a package name that the server makes; output-only fields given are ignored.

    Raises: EnterpriseNotAuthorized; InvalidArgument; TooManyWebApps.
    """
    _checked(web_app)
    name = WebAppName(enterprise.enterprise, ports.ids.web_app_package())

    def rule(records: Records) -> RecordDecision[WebAppRecord | None]:
        if records.one(EnterpriseRecord, enterprise) is None:
            return RecordDecision(None)
        record = record_of(name, web_app, version=1, created_us=records.now_us)
        require_room_for_web_app(holding, ports.limits)
        _require_size(record, ports.limits)
        return RecordDecision(record, (Put(record),))

    async with ports.turns.adding(ports.store, enterprise, Held.WEB_APPS, most=ports.limits.web_apps_most) as holding:
        created = await ports.store.decide_records((enterprise, name), rule)
    if created is None:
        raise await enterprise_absence(ports, enterprise) or EnterpriseNotAuthorized()
    return created


async def get_web_app(ports: Ports, name: WebAppName) -> WebAppRecord:
    """The web app.  Raises: EnterpriseNotAuthorized, NotFound."""
    record = await ports.store.record(WebAppRecord, name)
    if record is None:
        raise await enterprise_absence(ports, name.parent) or NotFound()
    return record


async def list_web_apps(
    ports: Ports, enterprise: EnterpriseName, *, page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[WebAppRecord], str]:
    """A page of the enterprise's web apps, oldest first, and the next page's token.

    Raises: EnterpriseNotAuthorized; InvalidArgument: page size or token.
    """

    async def read(after: str, limit: int) -> Page[WebAppRecord]:
        return await ports.store.records(WebAppRecord, *enterprise, after=after, limit=limit)

    records, next_page_token = await page_of(ports, f"{enterprise}/webApps", read, page_size=page_size, page_token=page_token)
    if not records and (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    return records, next_page_token


async def patch_web_app(ports: Ports, name: WebAppName, patch: WebApp, mask: tuple[str, ...] | None) -> WebAppRecord:
    """The web app with the fields that `mask` (proto paths) names taken from `patch`; without a mask, it is what `patch` says, whole.

    Its version rises by one; output-only fields given are ignored.

    Raises: InvalidArgument; EnterpriseNotAuthorized, NotFound.
    Source: disc, webApps.patch ("If not set, all modifiable fields will be modified").
    """

    def rule(records: Records) -> RecordDecision[WebAppRecord | None]:
        old = records.one(WebAppRecord, name)
        if old is None:
            return RecordDecision(None)
        changed = patch if mask is None else apply_mask(old.message, patch, mask)
        _checked(changed)
        record = record_of(name, changed, version=old.version + 1, created_us=old.created_us)
        _require_size(record, ports.limits)
        return RecordDecision(record, (Put(record),))

    patched = await ports.store.decide_records((name,), rule)
    if patched is None:
        raise await enterprise_absence(ports, name.parent) or NotFound()
    return patched


async def delete_web_app(ports: Ports, name: WebAppName) -> None:
    """The web app is gone; policies may still name its package.  Raises: EnterpriseNotAuthorized, NotFound."""

    def rule(records: Records) -> RecordDecision[bool]:
        there = records.one(WebAppRecord, name) is not None
        return RecordDecision(there, (Delete(name),) if there else ())

    if not await ports.store.decide_records((name,), rule):
        raise await enterprise_absence(ports, name.parent) or NotFound()


def _checked(web_app: WebApp) -> None:
    """Validate the web app.  Raises: InvalidArgument with every violation."""
    if found := Violations(violations(web_app)):
        raise InvalidArgument(violations=found)


def _require_size(record: WebAppRecord, limits: Limits) -> None:
    """Raises: InvalidArgument."""
    require_size(len(record.resource), limits, what="web app", path="web_app")
