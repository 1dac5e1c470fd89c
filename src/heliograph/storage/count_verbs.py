"""What a Store counts of one enterprise: the same in both engines."""

import abc
from collections.abc import Sequence

from heliograph.domain.names import EnterpriseName
from heliograph.domain.outcome_hours import TOOK_MOST_US, EndedCount
from heliograph.service.fleet_counts import DeviceStates
from heliograph.service.tenant_bounds import Held, Holding
from heliograph.storage.codec import ended_counts_from, states_in
from heliograph.storage.kind import ReadRow
from heliograph.storage.kinds import HOLDING


class CountVerbs(abc.ABC):
    """See service/fleet_counts.py and service/tenant_bounds.py, Counting."""

    @abc.abstractmethod
    async def _rows(self, name: str, *values: object) -> Sequence[ReadRow]:
        """The rows of the statement, read beside everything else."""

    async def states_of_devices(self, enterprise: EnterpriseName, *, after: str, limit: int) -> DeviceStates:
        return states_in(await self._rows("states_of_devices", enterprise.enterprise, after, limit), limit=limit)

    async def open_count(self, enterprise: EnterpriseName) -> int:
        ((count,),) = await self._rows("open_count", enterprise.enterprise)
        return int(count)

    async def ended_counts(self, enterprise: EnterpriseName, *, from_us: int, until_us: int, limit: int) -> Sequence[EndedCount]:
        return ended_counts_from(await self._rows("ended_counts", *TOOK_MOST_US, from_us, until_us, limit, enterprise.enterprise))

    async def holding(self, enterprise: EnterpriseName, held: Held, *, most: int) -> Holding:
        ((number, size),) = await self._rows(HOLDING[held], enterprise.enterprise, most)
        return Holding(number, int(size))
