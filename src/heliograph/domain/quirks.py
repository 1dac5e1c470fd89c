"""Where real AMAPI was observed to differ from its reference page; followed only with `--behaviour as-observed`.

What each is, and who saw it, stands in the ledger under the quirk's value: `heliograph/conformance/observations/`.
"""

import enum


class Quirk(enum.Enum):
    """One difference, by its claim in the ledger. A row lists the quirks of its type."""

    SILENT_ON_PERSONAL = "silent-on-personal"
    USER_TAKES_LONGER = "user-takes-longer"
    PARAMS_REQUIRED = "params-required"
