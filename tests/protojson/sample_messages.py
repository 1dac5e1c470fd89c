"""Messages with every kind of field, for the tests of the wire."""

import enum
from typing import Annotated

import msgspec

from heliograph.domain.messages import Message, proto
from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.protojson.messages import SECRET, Duration, Int32, Int64, Timestamp


@proto("Sample.Type")
class SampleType(enum.Enum):
    SAMPLE_TYPE_UNSPECIFIED = "SAMPLE_TYPE_UNSPECIFIED"
    RING = "RING"
    LOCK_DOWN = "LOCK_DOWN"


@proto("Sample.Gapped", numbers={"FAR": 7})
class Gapped(enum.Enum):
    GAPPED_UNSPECIFIED = "GAPPED_UNSPECIFIED"
    NEAR = "NEAR"
    FAR = "FAR"
    FARTHER = "FARTHER"


@proto("RingParams")
class RingParams(Message):
    package_names: tuple[str, ...] = ()
    flags: tuple[SampleType, ...] = ()
    reason: UserFacingMessage | None = None


@proto("HushParams")
class HushParams(Message):
    loudness: Int32 = 0


@proto(
    "Sample",
    oneofs={"params": ("ring_params", "hush_params")},
    habits={"password": "new_password"},
)
class Sample(Message):
    type: SampleType = SampleType.SAMPLE_TYPE_UNSPECIFIED
    name: str = ""
    done: bool = False
    count: Int32 = 0
    total_bytes: Int64 = Int64(0)
    duration: Duration = ""
    create_time: Timestamp = ""
    new_password: Annotated[str, SECRET] = ""
    gapped: Gapped = Gapped.GAPPED_UNSPECIFIED
    ring_params: RingParams | None = None
    hush_params: HushParams | None = None
    results: dict[str, HushParams] = msgspec.field(default_factory=dict)
    many: tuple[HushParams, ...] = ()
