"""One batch of rules: what each of them sees, and what they wrote together.

A rule sees committed rows and the writes of the rules before it; nothing of this is in the database until the batch is written
as a whole. A rule that raises has written nothing, since its writes would have come with its decision.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from heliograph.domain.device import Tombstone
from heliograph.domain.names import DeviceName, EnrollmentTokenName
from heliograph.domain.operation import Operation
from heliograph.service.outbox import Postponed, Publish, Published
from heliograph.service.ports import (
    DeleteDevice,
    DeleteEnterprise,
    DeletePolicy,
    DeleteToken,
    PutDevice,
    PutEnterprise,
    PutOperation,
    PutPolicy,
    PutRequest,
    PutToken,
    PutTombstone,
    Write,
)
from heliograph.storage.looking import NOTHING, DeviceState
from heliograph.storage.seen import Seen


class Batch(Seen):
    """What the rules see, and what they write."""

    def take(self, writes: Sequence[Write]) -> None:
        """The decision's writes hold for all rules after it.  Raises: ValueError, KeyError (nothing taken)."""
        takes = [_TAKE[type(write)] for write in writes]
        self._check(writes)
        for take, write in zip(takes, writes, strict=True):
            take(self, write)

    def _check(self, writes: Sequence[Write]) -> None:
        newest: dict[DeviceName, int] = {}
        for write in writes:
            if type(write) is not PutOperation or not write.new:
                continue
            operation = write.operation
            device, create_ms = operation.device, operation.create_ms
            last_ms = newest.get(device) or self.newest_ms(device)
            if create_ms <= last_ms:
                raise ValueError(f"{operation.name} is not newer than {last_ms}: an operation of its device may be as new")
            newest[device] = create_ms

    def _named(self, name: DeviceName) -> DeviceState:
        state = self.state(name)
        if state is None:
            state = DeviceState(key=self._source.new_device_key())
            self.written.names.append((state.key, name))
            self.states[name] = state
        return state

    def put_operation(self, write: PutOperation) -> None:
        operation = write.operation
        key = device, create_ms = operation.device, operation.create_ms
        state = self._named(device)
        before = self.operations.get(key)
        self.operations[key] = operation
        if write.new:
            self.written.new_operations[key] = state.key
            self.given[device] = create_ms
            self.happened.issued.append(operation)
        else:
            self.written.operations.add(key)
            if operation.ack_id and before is not None and not before.ack_id:
                self.happened.acknowledged.append(operation)
        if operation.deadline_us is None:
            self._end(operation)
        elif write.new:  # newer than all of its device
            self.opened.setdefault(device, []).append(create_ms)

    def _end(self, operation: Operation) -> None:
        before = self._open(operation.device)
        if operation.create_ms in before:
            self.open[operation.device] = [create_ms for create_ms in before if create_ms != operation.create_ms]
            self.opened.pop(operation.device, None)
            self.happened.ended.append(operation)

    def put_device(self, write: PutDevice) -> None:
        record = write.record
        name = record.name
        self.states[name] = msgspec.structs.replace(self._named(name), record=record)
        self.credentials[record.credential_hash] = name
        self.written.devices.add(name)
        if write.serial is not None:
            key = name.enterprise, write.serial
            known = self.serials.one(key, NOTHING, self._source.serials) or ()
            if str(name) not in known:
                self.serials[key] = (*known, str(name))
                self.written.serials.append((name.enterprise, write.serial, record.position, name.device))

    def delete_device(self, write: DeleteDevice) -> None:
        state = self.state(write.name)
        if state is not None:
            self.states[write.name] = msgspec.structs.replace(state, record=None)
            self.written.devices.add(write.name)

    def put_tombstone(self, write: PutTombstone) -> None:
        tombstone: Tombstone = write.tombstone
        self.states[tombstone.name] = msgspec.structs.replace(self._named(tombstone.name), tombstone=tombstone)
        self.credentials[tombstone.credential_hash] = tombstone.name
        self.written.tombstones.add(tombstone.name)

    def put_token(self, write: PutToken) -> None:
        record = write.record
        name = EnrollmentTokenName(record.enterprise.enterprise, record.token_id)
        self.tokens[name] = record
        self.token_names[record.value] = name
        self.written.tokens.add(name)

    def delete_token(self, write: DeleteToken) -> None:
        self.tokens[write.name] = None
        self.written.tokens.add(write.name)

    def put_enterprise(self, write: PutEnterprise) -> None:
        self.enterprises[write.record.name] = write.record
        self.written.enterprises.add(write.record.name)

    def delete_enterprise(self, write: DeleteEnterprise) -> None:
        self.enterprises[write.name] = None
        self.written.enterprises.add(write.name)
        self.written.emptied.add(write.name)
        for name in [name for name in self.tokens if name.parent == write.name]:
            self.tokens[name] = None
        for policy in [policy for policy in self.policies if policy.parent == write.name]:
            self.policies[policy] = None

    def put_request(self, write: PutRequest) -> None:
        self.requests[write.request.key] = write.request
        self.written.requests.add(write.request.key)

    def put_policy(self, write: PutPolicy) -> None:
        self.policies[write.record.name] = write.record
        self.written.policies.add(write.record.name)

    def delete_policy(self, write: DeletePolicy) -> None:
        self.policies[write.name] = None
        self.written.policies.add(write.name)

    def change_outbox(self, write: Publish | Published | Postponed) -> None:
        self.written.outbox.take(write, now_us=self.now_us, new_id=self._source.new_message_id)


_TAKE: Mapping[type, Callable[[Batch, Any], None]] = {
    PutOperation: Batch.put_operation,
    PutDevice: Batch.put_device,
    DeleteDevice: Batch.delete_device,
    PutTombstone: Batch.put_tombstone,
    PutToken: Batch.put_token,
    DeleteToken: Batch.delete_token,
    PutEnterprise: Batch.put_enterprise,
    DeleteEnterprise: Batch.delete_enterprise,
    PutRequest: Batch.put_request,
    PutPolicy: Batch.put_policy,
    DeletePolicy: Batch.delete_policy,
    **dict.fromkeys((Publish, Published, Postponed), Batch.change_outbox),
}
