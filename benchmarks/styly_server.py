"""STYLY-MDM on a loopback address: `python -m benchmarks.styly_server PORT` (MDM_DATA_DIR says where it writes).

Its own command listens on every address and asks the local network by broadcast whether there is another; this runs the same
application by its own factory, with neither. Its log goes where the other servers' goes: nowhere.
"""

import importlib
import sys

from aiohttp import web


def main() -> None:
    """Serve until interrupted."""
    web.run_app(importlib.import_module("styly_mdm").create_app(), host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
