"""The tables of docs/device-reports.md, from the rows by which virtual phones report and judge themselves."""

from heliograph.domain.device import ManagementKind
from heliograph.domain.phone.compliance import JUDGED, unjudged_settings
from heliograph.domain.phone.events import EVENT_TYPES, HARDWARE_STATUS
from heliograph.domain.phone.policy_support import ANY, SUPPORT, Support
from heliograph.domain.phone.report_fields import FILLED_BY_SERVER, REPORTED, ReportedField
from heliograph.domain.phone.usage_logs import LOGGED_EVENTS
from heliograph.domain.usage_log import log_type_of
from scripts.markdown import table


def reported() -> str:
    """What a phone fills."""
    rows = [(f"`{row.name}`", f"`{row.switch}`" if row.switch else "", _who(row), row.says) for row in REPORTED]
    return table(("field", "switch", "reported by", "what a virtual phone reports"), rows)


def _who(row: ReportedField) -> str:
    phones = "company-owned phones" if row.company_owned else "all phones"
    return f"{phones} from API level {row.api_level} on" if row.api_level else phones


def events() -> str:
    """What a phone measures and goes through."""
    rows = [(f"`{kind.field}`", "a sample" if kind.name == HARDWARE_STATUS else kind.name, kind.says) for kind in EVENT_TYPES]
    return table(("field", "event", "what it says"), rows)


def usage_log() -> str:
    """What a phone logs by itself."""
    times = ("LOST_MODE_LOCATION", "every minute in lost mode, from 5 minutes after its start on", True)
    enrolled = ("ENROLLMENT_COMPLETE", "it has enrolled", True)
    remote_lock = ("REMOTE_LOCK", "LOCK was executed", True)
    rows = [times, enrolled, remote_lock, *((kind.type, kind.says, kind.in_work_profile) for kind in LOGGED_EVENTS)]
    return table(
        ("event", "logged when", "enabled by", "in a work profile too"),
        [(kind, says, f"`{log_type_of(kind)}`" if log_type_of(kind) else "", "yes" if inside else "") for kind, says, inside in rows],
    )


def server_filled() -> str:
    """What the server fills."""
    return table(("field", "what it says"), [(f"`{name}`", says) for name, says in FILLED_BY_SERVER.items()])


def judged() -> str:
    """How a phone judges itself."""
    return table(("policy field", "how it is judged"), [(f"`{row.setting}`", row.says) for row in JUDGED])


def support() -> str:
    """Where a setting is supported."""
    rows = [(f"`{row.path}`", ", ".join(row.values) or "any", *_versions(row)) for row in SUPPORT]
    return table(("policy field", "values", *(kind.value for kind in ManagementKind)), rows)


def _versions(row: Support) -> list[str]:
    return ["–" if version is None else "any" if version == ANY else f"Android {version}" for version in row.android]


def unjudged() -> str:
    """What counts as applied."""
    return ", ".join(f"`{name}`" for name in unjudged_settings()) + "."
