"""Android's versions by API level.

Source: developer.android.com/tools/releases/platforms.
"""

from collections.abc import Mapping
from typing import Final

ANDROID_VERSIONS: Final[Mapping[int, str]] = {
    21: "5.0", 22: "5.1", 23: "6.0", 24: "7.0", 25: "7.1", 26: "8.0", 27: "8.1", 28: "9", 29: "10", 30: "11", 31: "12", 32: "12L", 33: "13",
    34: "14", 35: "15", 36: "16",
}  # fmt: skip
"""The version that people know, of each level that Android Device Policy ever ran on; newer levels are not in it."""
