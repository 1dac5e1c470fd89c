"""How people sign in at `heliograph serve`: pages, cookies, sessions for the API. Callers with keys: `api/http/authorization.py`."""
