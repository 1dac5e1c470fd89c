"""The APK's agent on the host's JVM as `heliograph check-agent` starts it: its phone is the folder that it is given.

python -m tests.android.host_agent CLASS_PATH
"""

import json
import os
import sys
from pathlib import Path

from scripts.android_tools import program

PROFILE = "galaxy-a14-a13-byod"


def settings(folder: Path) -> str:
    """What its phone is."""
    from heliograph.agent.profiles import PROFILES  # noqa: PLC0415 - only the first start needs all this
    from heliograph.domain.phone.virtual_device import device_facts  # noqa: PLC0415
    from tests.android.subjects import STATUSES, everything_reported, refusals  # noqa: PLC0415

    device = PROFILES[PROFILE].phone(folder.name)
    said = {
        "url": os.environ["HELIOGRAPH_SERVER"],
        "token": os.environ["HELIOGRAPH_TOKEN"],
        "channel": os.environ["HELIOGRAPH_TRANSPORT"],
        "serial": folder.name,
        "facts": everything_reported(device),
        "refuses": refusals(device_facts(device)),
        "statuses": STATUSES,
        "androidId": "9774d56d682e549c",
        "unknownFirstMs": int(float(os.environ["UNKNOWN_FIRST_S"]) * 1_000),
    }
    return json.dumps(said)


def main() -> None:
    """It becomes the agent."""
    folder = Path(os.environ["HELIOGRAPH_FOLDER"])
    if not (folder / "settings.json").exists():
        (folder / "effects").touch()
        (folder / "settings.json").write_text(settings(folder), encoding="utf-8")
    java = program("java")
    os.execv(java, [java, "-XX:TieredStopAtLevel=1", "-cp", sys.argv[1], "HostAgent", str(folder)])  # noqa: S606


if __name__ == "__main__":
    main()
