"""The upgrade of an enterprise to a managed Google domain.  Source: disc, generateEnterpriseUpgradeUrl, EnterpriseUpgradeEvent."""

from typing import Any

from heliograph.domain.official_messages import MESSAGES
from heliograph.domain.sealed_text import Sealable

UpgradeUrlRequest: Any = MESSAGES["GenerateEnterpriseUpgradeUrlRequest"]
UpgradeUrlResponse: Any = MESSAGES["GenerateEnterpriseUpgradeUrlResponse"]
_EVENT: Any = MESSAGES["EnterpriseUpgradeEvent"]


class EnterpriseUpgrade(Sealable, frozen=True, kw_only=True, tag="enterpriseUpgrade"):
    """What the page's address says."""

    enterprise: str
    """The enterprise's id."""
    admin_email: str = ""
    allowed_domains: tuple[str, ...] = ()


def upgraded_event(enterprise: str) -> Any:  # noqa: ANN401 - the made message
    """EnterpriseUpgradeEvent of an enterprise, by its name: it has succeeded."""
    return _EVENT(enterprise=enterprise, upgrade_state=type(_EVENT().upgrade_state).UPGRADE_STATE_SUCCEEDED)
