"""This server as a client of its identity provider."""

from dataclasses import dataclass, field

from heliograph.domain.openid import GroupRule


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdClient:
    """This server as its identity provider knows it, and what the operator makes of groups."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    """Empty: a public client, which PKCE alone protects."""
    name: str = ""
    """What people call the provider; empty: by its host."""
    groups_claim: str = "groups"
    more_scopes: tuple[str, ...] = ()
    rules: tuple[GroupRule, ...] = ()
