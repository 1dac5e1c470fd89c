"""A key calls no more."""

from heliograph.domain.errors import NotFound
from heliograph.service.authenticate_caller import Callers
from heliograph.service.sign_in import SignIn


class ServiceKeyNotFound(NotFound):
    """There is no such key: `heliograph keys list` tells their ids."""


async def delete_service_key(sign_in: SignIn, callers: Callers, key_id: str) -> None:
    """The key and every token made with it are refused: here at once, by other server processes within a minute.

    Raises: ServiceKeyNotFound.
    """
    known = await sign_in.keys.delete_service_key(key_id)
    # After the deletion is durable: who asked in between was remembered by the key that is gone now.
    callers.forget()
    if not known:
        raise ServiceKeyNotFound
