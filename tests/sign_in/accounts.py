"""What the verbs of signing in need, in memory: a set clock, and keys that no database keeps."""

from collections.abc import Callable, Mapping, Sequence

from heliograph.domain.access import Role, ServiceKey
from heliograph.service.callers import SignIn
from tests.sign_in.key_pairs import key_pair

NOW_S = 1_800_000_000
SECRET = bytes(range(32))
KEY = ServiceKey(
    key_id="k1", client_email="ci@acme", client_id="1", project_id="acme", role=Role.ADMIN, enterprises=("acme",),
    public_key=key_pair(0).public, created_us=0,
)  # fmt: skip


class Keys:
    """ServiceKeys in a dict."""

    def __init__(self, *keys: ServiceKey) -> None:
        self.by_id = {key.key_id: key for key in keys}
        self.uses: dict[str, int] = {}

    async def service_key(self, key_id: str) -> ServiceKey | None:
        return self.by_id.get(key_id)

    async def service_keys_of(self, client_email: str) -> Sequence[ServiceKey]:
        return [key for key in self.by_id.values() if key.client_email == client_email]

    async def service_keys(self) -> Sequence[ServiceKey]:
        return list(self.by_id.values())

    async def put_service_key(self, key: ServiceKey) -> None:
        self.by_id[key.key_id] = key

    async def change_service_key(self, key_id: str, change: Callable[[ServiceKey], Sequence[ServiceKey]]) -> Sequence[ServiceKey]:
        keys = change(self.by_id[key_id]) if key_id in self.by_id else ()
        self.by_id |= {key.key_id: key for key in keys}
        return keys

    async def delete_service_key(self, key_id: str) -> bool:
        return self.by_id.pop(key_id, None) is not None

    async def key_uses(self) -> Mapping[str, int]:
        return self.uses

    async def note_key_use(self, key_id: str, at_us: int) -> None:
        self.uses[key_id] = at_us


class SetTime:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = float(NOW_S)

    def now_us(self) -> int:
        """The time."""
        return int(self.now_s * 1_000_000)


def sign_in(*keys: ServiceKey, time: SetTime | None = None, strangers: bool = False, secret: bytes = SECRET) -> SignIn:
    """Signing in with these keys."""
    return SignIn(keys=Keys(*(keys or (KEY,))), secret=secret, now_us=(time or SetTime()).now_us, admits_strangers=strangers)
