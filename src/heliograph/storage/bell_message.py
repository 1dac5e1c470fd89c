"""What servers say to each other through their database: short texts, each of which may get lost."""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

PAYLOAD_MOST = 7_900
"""For words: PostgreSQL takes 7,999 bytes, head and tail included."""

Kind = Literal["ring", "policy", "ask", "seen"]
"""`ring`: the device's commands have changed. `policy`: what is wanted of it besides. `ask`: who has it? `seen`: this server heard it."""


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One thing that is said of one device."""

    kind: Kind
    device: str
    detail: int = 0
    """Of `seen`: when it was heard last (us), 0 where it is connected now."""


class BellMessage(msgspec.Struct, frozen=True, array_like=True):
    """What one server says at one time; without words, it only wants to hear itself."""

    server: str
    sent_us: int
    words: tuple[Word, ...] = ()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(BellMessage).decode


def payloads(server: str, sent_us: int, words: Iterable[Word]) -> Iterator[str]:
    """The words in as few messages as they fit into; one without words where there are none."""
    head, tail = f'["{server}",{sent_us},[', "]]"
    gathered: list[str] = []
    room = PAYLOAD_MOST
    for word in words:
        text = _encode(word).decode()
        room -= len(text.encode()) + 1
        if room < 0 and gathered:
            yield head + ",".join(gathered) + tail
            gathered, room = [], PAYLOAD_MOST - len(text.encode()) - 1
        gathered.append(text)
    yield head + ",".join(gathered) + tail


def message_from(payload: str) -> BellMessage | None:
    """The message; None where it is none of ours: anybody with the database's password may say something on the channel."""
    try:
        return _decode(payload)
    except msgspec.MsgspecError:
        return None
