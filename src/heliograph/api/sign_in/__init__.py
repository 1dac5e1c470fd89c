"""How people sign in at `heliograph serve`: pages, cookies, sessions for the API. Callers with keys: `api/http/authorization.py`."""

from typing import Final

PREFIXES: Final = ("/sign-in", "/sign-out", "/account", "/static/")
"""Paths that begin so are the pages of signing in, and their static files."""
