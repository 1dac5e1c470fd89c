"""What else adb may find at the end of a cable: a phone that asks for trust, and one that says nothing."""

import struct
import sys
from socket import create_server, socket

AUTH, TOKEN = 0x48545541, 1
"""Source: system/core/adb protocol.txt: A_AUTH with a token to sign."""


def serve(port: int, *, asks: bool) -> None:
    """Each connection is asked to sign a token, again and again, or gets no answer at all."""
    with create_server(("", port)) as listener:
        print("ready", flush=True)  # noqa: T201 - the test waits for this
        open_ones = []
        while True:
            connection, _ = listener.accept()
            open_ones.append(connection)
            while asks and _message(connection):
                connection.sendall(struct.pack("<6I", AUTH, TOKEN, 0, 20, 0, AUTH ^ 0xFFFFFFFF) + bytes(20))


def _message(connection: socket) -> bool:
    head = connection.recv(24, 0x100)  # MSG_WAITALL
    if len(head) < 24:
        return False
    length = struct.unpack("<6I", head)[3]
    while length:
        length -= len(connection.recv(length))
    return True


if __name__ == "__main__":
    serve(int(sys.argv[1]), asks=sys.argv[2] == "unauthorized")
