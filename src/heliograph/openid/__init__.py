"""OpenID Connect: how the operator's identity provider is asked, and what it says is verified."""
