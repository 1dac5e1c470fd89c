"""The APK's agent on the host's JVM as `heliograph check-agent` starts it: its phone is the folder that it is given.

    python host_agent.py PHONES JAVA…

It is the next phone of those prepared in the folder PHONES. It imports little, since it is started for every case.
"""

import json
import os
import sys
from pathlib import Path


def settings(phones: Path) -> str:
    """What its phone is, which no other agent takes then, and whom it talks to."""
    phone = min(phones.iterdir())
    said = {
        **json.loads(phone.read_text(encoding="utf-8")),
        "url": os.environ["HELIOGRAPH_SERVER"],
        "token": os.environ["HELIOGRAPH_TOKEN"],
        "channel": os.environ["HELIOGRAPH_TRANSPORT"],
    }
    phone.unlink()
    return json.dumps(said)


def main(phones: str, *java: str) -> None:
    """It becomes the agent."""
    folder = Path(os.environ["HELIOGRAPH_FOLDER"])
    if not (folder / "settings.json").exists():
        (folder / "effects").touch()
        (folder / "settings.json").write_text(settings(Path(phones)), encoding="utf-8")
    os.execv(java[0], [*java, "HostAgent", str(folder)])  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
