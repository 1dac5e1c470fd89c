"""Google's Retry Test API, on AMAPI's methods: faults that a client asks for by a header that stays the same over its retries.

Source: googleapis/storage-testbench, README "Retry Test API" and its REST server: paths, fields, instructions, when one is used up.
"""

import functools
import random
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from heliograph.protojson.errors import InvalidArgument, NotFound, ResourceExhausted, Violation
from heliograph.protojson.parser import MALFORMED
from heliograph.sandbox.calls import METHOD_IDS, full_method_id
from heliograph.sandbox.near_names import near

HEADER: Final = b"x-retry-test-id"
TESTS_MOST: Final = 10_000
INSTRUCTIONS_MOST: Final = 10_000
KIB: Final = 1_024
FIRST_BYTES: Final = 4
"""After so many bytes of its answer a broken stream breaks, as the testbench's does."""
EXAMPLE: Final = '{"instructions": {"androidmanagement.enterprises.devices.issueCommand": ["return-503", "return-503"]}}'
POSSIBLE: Final = (
    "return-X, return-X-after-YK, return-reset-connection, return-broken-stream, return-broken-stream-after-YK, "
    "return-broken-stream-final-chunk-after-YB, stall-for-Ts-after-YK"
)


class RetryTestNotFound(NotFound):
    """There is no Retry Test of this id."""

    reason = "RETRY_TEST_NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One forced failure. Of the fields after `text` one group is set."""

    text: str
    status: int = 0
    """Answer so, and do nothing..."""
    from_request_bytes: int = 0
    """...to a request with a body of at least so many bytes."""
    reset: bool = False
    """Reset the connection, and do nothing."""
    break_after_bytes: int | None = None
    """Do it, and break the connection after so many bytes of the answer..."""
    always: bool = False
    """...a shorter answer too."""
    stall_s: float = 0.0
    """Do it, and stall so long before what comes after `stall_after_bytes` of request or answer."""
    stall_after_bytes: int = 0


_FORMS: tuple[tuple[re.Pattern[str], Callable[[str, list[int]], Instruction]], ...] = (
    (re.compile(r"return-([1-5][0-9]{2})"), lambda text, given: Instruction(text=text, status=given[0])),
    (
        re.compile(r"return-([1-5][0-9]{2})-after-([0-9]{1,7})K"),
        lambda text, given: Instruction(text=text, status=given[0], from_request_bytes=given[1] * KIB),
    ),
    (re.compile(r"return-reset-connection"), lambda text, _given: Instruction(text=text, reset=True)),
    (re.compile(r"return-broken-stream"), lambda text, _given: Instruction(text=text, break_after_bytes=FIRST_BYTES, always=True)),
    (
        re.compile(r"return-broken-stream-after-([0-9]{1,7})K"),
        lambda text, given: Instruction(text=text, break_after_bytes=given[0] * KIB),
    ),
    (
        re.compile(r"return-broken-stream-final-chunk-after-([0-9]{1,10})B"),
        lambda text, given: Instruction(text=text, break_after_bytes=given[0], always=True),
    ),
    (
        re.compile(r"stall-for-([0-9]{1,4})s-after-([0-9]{1,7})K"),
        lambda text, given: Instruction(text=text, stall_s=float(given[0]), stall_after_bytes=given[1] * KIB),
    ),
)
STATUSES = range(400, 600)


@dataclass(slots=True, kw_only=True)
class RetryTest:
    """One plan: for each method, what its next calls with this id meet."""

    id: str
    instructions: Mapping[str, deque[Instruction]]
    """By method as it was written."""
    by_method: Mapping[str, deque[Instruction]]
    """By AMAPI's full id; the same queues."""

    def view(self) -> dict[str, Any]:
        """As the testbench shows it: `instructions` are those that are left."""
        left = {method: [instruction.text for instruction in queue] for method, queue in self.instructions.items()}
        return {"id": self.id, "instructions": left, "completed": not any(left.values()), "transport": "HTTP"}

    def peek(self, method: str) -> Instruction | None:
        """What the next call of this method meets; None: nothing more."""
        queue = self.by_method.get(method)
        return queue[0] if queue else None

    def consume(self, method: str, instruction: Instruction) -> bool:
        """Whether the instruction was still there; it is used up now."""
        queue = self.by_method.get(method)
        if not queue or queue[0] is not instruction:
            return False
        queue.popleft()
        return True


class RetryTests:
    """The Retry Tests of one world."""

    def __init__(self, *, chance: Callable[[], random.Random]) -> None:
        """There is none yet; what `chance()` returns makes their ids."""
        self._make_chance = chance
        self._tests: dict[str, RetryTest] = {}

    @functools.cached_property
    def _chance(self) -> random.Random:
        return self._make_chance()

    def create(self, body: bytes) -> RetryTest:
        """A new test from the request's body.  Raises: InvalidArgument, ResourceExhausted."""
        given = _read(body)
        if len(self._tests) >= TESTS_MOST:
            raise ResourceExhausted(f"There are {TESTS_MOST} Retry Tests: DELETE /retry_test/ID those that are done.")
        return self._plan(f"{self._chance.getrandbits(128):032x}", given)

    def state(self) -> tuple[dict[str, dict[str, tuple[str, ...]]], random.Random]:
        """Of each test, what is left of its instructions; and what makes ids."""
        left = {
            test.id: {method: tuple(one.text for one in queue) for method, queue in test.instructions.items()}
            for test in self._tests.values()
        }  # fmt: skip
        return left, self._chance

    def recall(self, left: Mapping[str, Mapping[str, Sequence[str]]], *, stand_at: Callable[[random.Random], None]) -> None:
        """The tests are as they were; `stand_at(chance)`: so is what makes ids.  Raises: InvalidArgument."""
        for test_id, given in left.items():
            self._plan(test_id, given)
        stand_at(self._chance)

    def _plan(self, test_id: str, given: Mapping[str, Sequence[str]]) -> RetryTest:
        written = {method: deque(map(_instruction, failures)) for method, failures in given.items()}
        by_method = {full_method_id(method): queue for method, queue in written.items()}
        self._tests[test_id] = test = RetryTest(id=test_id, instructions=written, by_method=by_method)
        return test

    def find(self, id: str) -> RetryTest:
        """The test of this id.  Raises: RetryTestNotFound."""
        test = self._tests.get(id)
        if test is None:
            raise RetryTestNotFound(f"Retry Test {id[:64]} does not exist: POST /retry_test makes one and answers its id.")
        return test

    def delete(self, id: str) -> None:
        """The test is gone; calls with its id are answered 404.  Raises: RetryTestNotFound."""
        del self._tests[self.find(id).id]

    def views(self) -> list[dict[str, Any]]:
        """All tests, oldest first."""
        return [test.view() for test in self._tests.values()]


def _read(body: bytes) -> dict[str, list[str]]:
    """The instructions, each of a form there is, of methods there are.  Raises: InvalidArgument with every violation."""
    try:
        given = msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except MALFORMED:
        raise InvalidArgument(f"Invalid JSON payload received. An object is expected, as in {EXAMPLE}.") from None
    found = [
        Violation(name[:64], f'Unknown name "{name[:64]}". Possible: instructions, transport, as in {EXAMPLE}.')
        for name in given
        if name not in {"instructions", "transport"}
    ]
    if str(given.get("transport") or "HTTP").upper() != "HTTP":
        found.append(Violation("transport", 'transport must be "HTTP", or be left out: AMAPI has no gRPC.'))
    instructions = given.get("instructions")
    if not isinstance(instructions, dict) or not instructions:
        found.append(Violation("instructions", f"instructions must name at least one method with a list of failures, as in {EXAMPLE}."))
    else:
        found += [violation for method, failures in instructions.items() for violation in _violations(method, failures)]
    if found:
        raise InvalidArgument(violations=found)
    return {method: list(failures) for method, failures in given["instructions"].items()}


def _violations(method: str, failures: object) -> list[Violation]:
    where = f"instructions[{method[:128]!r}]"
    if not full_method_id(method):
        return [Violation(where, f"{method[:128]!r} is not a method of AMAPI. {near(method, METHOD_IDS)}")]
    if not isinstance(failures, list) or not failures or len(failures) > INSTRUCTIONS_MOST:
        return [Violation(where, f"{where} must be a list of 1 to {INSTRUCTIONS_MOST} failures, as in {EXAMPLE}.")]
    return [
        Violation(
            f"{where}[{place}]",
            f"{str(failure)[:64]!r} is not a failure that can be forced. Possible: {POSSIBLE}; X from {STATUSES[0]} to {STATUSES[-1]}.",
        )
        for place, failure in enumerate(failures)
        if not isinstance(failure, str) or _parsed(failure) is None
    ]


def _instruction(text: str) -> Instruction:
    found = _parsed(text)
    if found is None:  # never: it was checked
        raise InvalidArgument(POSSIBLE)
    return found


def _parsed(text: str) -> Instruction | None:
    for form, make in _FORMS:
        if match := form.fullmatch(text):
            made = make(text, [int(group) for group in match.groups()])
            return made if not made.status or made.status in STATUSES else None
    return None
