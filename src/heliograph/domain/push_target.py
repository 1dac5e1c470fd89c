"""What must be known of a push endpoint when a notification is written."""

import msgspec


class PushTarget(msgspec.Struct, frozen=True, kw_only=True):
    """An enabled push endpoint, as its enterprise's record has it: so that no notification costs a further read."""

    push_endpoint: str
    notification_types: frozenset[str] = frozenset()
    """Empty: those that the enterprise enabled."""
