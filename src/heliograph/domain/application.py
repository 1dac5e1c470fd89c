"""The Application message, and what stands in for what only Google Play knows of an app.

Source: disc, Application.
"""

import enum
import re

from heliograph.domain.messages import Message, proto
from heliograph.domain.names import ApplicationName
from heliograph.domain.official_messages import officially
from heliograph.protojson.types import AnyValue

PACKAGE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+")
"""Source: developer.android.com/build/configure-app-module, "Set the application ID"."""
STAND_IN = "This is a stand-in: Heliograph does not ask Google Play about apps, and shows the package name as the title."


@proto("Application.AppPricing")
class AppPricing(enum.Enum):
    """Source: disc, Application.appPricing."""

    APP_PRICING_UNSPECIFIED = "APP_PRICING_UNSPECIFIED"
    FREE = "FREE"
    FREE_WITH_IN_APP_PURCHASE = "FREE_WITH_IN_APP_PURCHASE"
    PAID = "PAID"


@proto("Application.DistributionChannel")
class DistributionChannel(enum.Enum):
    """Source: disc, Application.distributionChannel."""

    DISTRIBUTION_CHANNEL_UNSPECIFIED = "DISTRIBUTION_CHANNEL_UNSPECIFIED"
    PUBLIC_GOOGLE_HOSTED = "PUBLIC_GOOGLE_HOSTED"
    PRIVATE_GOOGLE_HOSTED = "PRIVATE_GOOGLE_HOSTED"
    PRIVATE_SELF_HOSTED = "PRIVATE_SELF_HOSTED"


@proto("ManagedProperty.ManagedPropertyType")
class ManagedPropertyType(enum.Enum):
    """Source: disc, ManagedProperty.type."""

    MANAGED_PROPERTY_TYPE_UNSPECIFIED = "MANAGED_PROPERTY_TYPE_UNSPECIFIED"
    BOOL = "BOOL"
    STRING = "STRING"
    INTEGER = "INTEGER"
    CHOICE = "CHOICE"
    MULTISELECT = "MULTISELECT"
    HIDDEN = "HIDDEN"
    BUNDLE = "BUNDLE"
    BUNDLE_ARRAY = "BUNDLE_ARRAY"


class ManagedPropertyEntry(Message):
    """Source: disc, ManagedPropertyEntry."""

    value: str = ""
    name: str = ""


class ManagedProperty(Message):
    """Written by hand, because it holds itself.  Source: disc, ManagedProperty."""

    key: str = ""
    type: ManagedPropertyType = ManagedPropertyType.MANAGED_PROPERTY_TYPE_UNSPECIFIED
    title: str = ""
    description: str = ""
    entries: tuple[ManagedPropertyEntry, ...] = ()
    default_value: AnyValue = None
    nested_properties: "tuple[ManagedProperty, ...]" = ()


@officially("Application")
class Application(Message):
    """Source: disc, Application."""

    name: str = ""
    title: str = ""
    description: str = ""
    app_pricing: AppPricing = AppPricing.APP_PRICING_UNSPECIFIED
    distribution_channel: DistributionChannel = DistributionChannel.DISTRIBUTION_CHANNEL_UNSPECIFIED
    managed_properties: tuple[ManagedProperty, ...] = ()


def stand_in(name: ApplicationName) -> Application:
    """What is shown of an app that is not the enterprise's own. It is FREE: without a price, an app is not available any more."""
    return Application(
        name=str(name),
        title=name.package_name,
        description=STAND_IN,
        app_pricing=AppPricing.FREE,
        distribution_channel=DistributionChannel.PUBLIC_GOOGLE_HOSTED,
    )


def of_web_app(name: ApplicationName, title: str) -> Application:
    """What is shown of a web app of the enterprise."""
    return Application(
        name=str(name), title=title, app_pricing=AppPricing.FREE, distribution_channel=DistributionChannel.PRIVATE_GOOGLE_HOSTED
    )
