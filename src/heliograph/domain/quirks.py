"""Where real AMAPI was observed to differ from its reference page; followed only with `--behaviour as-observed`.

Source: amapi.md §1.17, §1.21 and the reports named there.
"""

import enum


class Quirk(enum.Enum):
    """One observed difference: its value says what happens and who saw it. A row lists the quirks of its type."""

    SILENT_ON_PERSONAL = (
        "On a personally-owned device the command ends with a plain response and no effect, where the page promises MANAGEMENT_MODE "
        "(fleetdm/fleet issues 53151 and 52123)."
    )
    USER_TAKES_LONGER = (
        "A request that waits for its user outlives its duration, and the answer counts whenever it comes, where the page says that a "
        'command expires "if not executed by the device during this time" (assumed from a client, baytonorg/flash_mdm, that waits on while '
        "PENDING_USER_ACTION is shown)."
    )
    PARAMS_REQUIRED = "The type alone is refused with 400: its params object is required, even if empty (fleetdm/fleet issue 53161)."
