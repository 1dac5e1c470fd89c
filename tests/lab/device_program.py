"""`dpm`, `pm`, `cmd` and the others on adbd's PATH: each asks the played phone what it prints.

Only the standard library, and started by `python -S -E`: a shell command of adb takes as long as this.
"""

import json
import os
import socket
import sys


def main() -> int:
    """The program's exit code."""
    name, arguments = sys.argv[1].rpartition("/")[2], sys.argv[2:]
    with socket.socket(socket.AF_UNIX) as phone:
        phone.connect(os.environ["PLAYED_PHONE"])
        phone.sendall(json.dumps([name, *arguments]).encode() + b"\n")
        if "-S" in arguments:
            left = int(arguments[arguments.index("-S") + 1])
            while left and (data := os.read(0, min(left, 65_536))):
                phone.sendall(data)
                left -= len(data)
        phone.shutdown(socket.SHUT_WR)
        code, text = json.loads(b"".join(iter(lambda: phone.recv(65_536), b"")))
    (sys.stdout if code == 0 else sys.stderr).write(text)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
