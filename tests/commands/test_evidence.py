"""A phone's facts show whether it did what it says: for every type, on any phone, with any params and any user."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.agent.pretence import pretended
from heliograph.agent.profiles import PROFILES
from heliograph.commands import COMMANDS
from heliograph.domain.command import Answer, Circumstances, CommandType, Done, Wait
from heliograph.domain.evidence import (
    APPS_MOST,
    EVIDENCE_MAX_BYTES,
    NOT_AT_ALL,
    SOURCES,
    Claim,
    Evidence,
    EvidenceUnreadable,
    Facts,
    Judgement,
    encode_evidence,
    in_words,
    read_evidence,
    stored_evidence,
)
from heliograph.domain.outcome import Outcome
from heliograph.domain.phone.facts import LOOKS, look
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.protojson.types import secret_fields
from tests.commands.expected import expected_of
from tests.commands.phones import NOW_US, example_params, params_of, phones_for

SHOWN = [row for row in COMMANDS.values() if row.observed_by is not NOT_AT_ALL]
"""Of a new type, perhaps nothing shows whether it was executed."""
OFFICIAL_SINCE_2026 = 11
shown = pytest.mark.parametrize("row", SHOWN, ids=lambda row: row.name)
rows = pytest.mark.parametrize("row", COMMANDS.values(), ids=COMMANDS.keys())
searching = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
AT_NOW = Circumstances(now_us=NOW_US)


def looked_at(row: CommandType, phone: VirtualDevice, params: msgspec.Struct) -> Facts:
    """The facts that the row names."""
    return look(phone, row.observed_by.facts, row.observed_by.packages(params))


def judged(row: CommandType, params: msgspec.Struct, outcome: Outcome, evidence: Evidence) -> Judgement:
    """What the row says of a command that ended so."""
    secret = any(getattr(params, name) for name in secret_fields(row.params))
    return row.observed_by.judge(Claim(params=params, secret=secret, status=outcome.status, before=evidence.before, after=evidence.after))


def succeeded(row: CommandType, outcome: Outcome) -> bool:
    """Whether the phone reports success."""
    return outcome.error_code is None and (outcome.status is None or row.succeeded(outcome.status))


def carried_out(row: CommandType, phone: VirtualDevice, params: msgspec.Struct, answers: Any = None) -> Done:  # noqa: ANN401
    """The command carried out to its end, by a user who agrees, or who answers as `answers()` says."""
    effect = row.execute(phone, params, AT_NOW)
    while not isinstance(effect, Done):
        agreed = Answer.APPROVED if effect.wait in {Wait.CONSENT, Wait.CONFIRMATION_CODE} else Answer.ELAPSED
        effect = effect.then(effect.phone, answers() if answers else agreed, AT_NOW)
    return effect


def example_phone(row: CommandType) -> VirtualDevice:
    """A phone on which the row's example succeeds."""
    case = expected_of(row)
    return case.prepared(PROFILES[case.phone].phone("EVIDENCE"), row)


def test_of_every_type_that_there_was_something_shows_whether_it_was_executed() -> None:
    assert OFFICIAL_SINCE_2026 <= len(SHOWN)


@shown
def test_what_shows_that_a_type_was_executed_is_a_fact_and_said(row: CommandType) -> None:
    assert set(row.observed_by.facts) <= SOURCES.keys()
    assert row.observed_by.observed
    assert row.observed_by.contradicted


@shown
def test_a_phone_that_does_it_is_observed(row: CommandType) -> None:
    phone, params = example_phone(row), example_params(row)

    done = carried_out(row, phone, params)

    evidence = Evidence(before=looked_at(row, phone, params), after=looked_at(row, done.phone, params))
    assert (True, Judgement.OBSERVED) == (succeeded(row, done.outcome), judged(row, params, done.outcome, evidence))


@shown
def test_a_phone_that_says_so_and_does_nothing_is_contradicted(row: CommandType) -> None:
    phone, params = example_phone(row), example_params(row)

    outcome = pretended(row, phone, params, AT_NOW)

    facts = looked_at(row, phone, params)
    assert (True, Judgement.CONTRADICTED) == (
        succeeded(row, outcome), judged(row, params, outcome, Evidence(before=facts, after=facts)),
    )  # fmt: skip


@rows
@given(data=st.data())
@searching
def test_what_was_done_is_never_contradicted(row: CommandType, data: st.DataObject) -> None:
    phone, params = data.draw(phones_for(row)), data.draw(params_of(row))

    done = carried_out(row, phone, params, lambda: data.draw(st.sampled_from(Answer)))

    evidence = Evidence(before=looked_at(row, phone, params), after=looked_at(row, done.phone, params))
    if succeeded(row, done.outcome):
        assert Judgement.CONTRADICTED is not judged(row, params, done.outcome, evidence)


@rows
@given(data=st.data())
@searching
def test_what_was_not_done_is_never_observed(row: CommandType, data: st.DataObject) -> None:
    phone, params = data.draw(phones_for(row)), data.draw(params_of(row))

    outcome = pretended(row, phone, params, AT_NOW)

    facts = looked_at(row, phone, params)
    if succeeded(row, outcome):
        assert Judgement.OBSERVED is not judged(row, params, outcome, Evidence(before=facts, after=facts))


@pytest.mark.parametrize("row", [row for row in COMMANDS.values() if row.observed_by.facts], ids=lambda row: row.name)
def test_a_phone_that_gives_no_facts_is_not_observed(row: CommandType) -> None:
    phone, params = example_phone(row), example_params(row)

    done = carried_out(row, phone, params)

    assert Judgement.NOT_OBSERVED is judged(row, params, done.outcome, Evidence())
    assert Judgement.NOT_OBSERVED is judged(row, params, done.outcome, Evidence(before=looked_at(row, phone, params)))


def test_every_fact_has_its_source_in_android_and_in_the_virtual_phone() -> None:
    names = {field.name for field in msgspec.structs.fields(Facts)}

    assert names == SOURCES.keys()
    assert names == LOOKS.keys() | {"app_data_bytes"}


natural = st.none() | st.integers(0, 2**63 - 1)
truth = st.none() | st.booleans()
short = st.text(max_size=20)
some_bytes = st.none() | st.dictionaries(short, st.integers(0, 2**63 - 1), max_size=4)
any_facts = st.builds(
    Facts, boot_count=natural, device_secure=truth, device_locked=truth, interactive=truth, password_changes=natural, lost_mode=truth,
    icc_ids=st.none() | st.lists(short, max_size=4).map(tuple), app_data_bytes=some_bytes,
    android_id=st.none() | short,
)  # fmt: skip


@given(before=any_facts, after=any_facts)
@searching
def test_what_is_stored_is_read_again(before: Facts, after: Facts) -> None:
    evidence = Evidence(before=before, after=after)
    stored = encode_evidence(evidence)

    assert evidence == stored_evidence(stored)
    assert not stored or evidence == read_evidence(stored)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b"{", b'{"before": 1}', b'{"before": {"bootCount": "7"}}', b'{"after": {"bootCount": -1}}', b"\xff",
        b'{"after": {"iccIds": ' + msgspec.json.encode(["8" * 19] * 65) + b"}}",
        b'{"after": {"androidId": "' + b"a" * 256 + b'"}}',
        b'{"before": {"appDataBytes": ' + msgspec.json.encode({f"com.example.app{i:0200}": 1 for i in range(30)}) + b"}}",
        b'{"unknown": "' + b"a" * 2 * EVIDENCE_MAX_BYTES + b'"}',
        b"[" * 4_000,
    ],
)  # fmt: skip
def test_what_is_no_evidence_is_refused_without_quoting_it(raw: bytes) -> None:
    with pytest.raises(EvidenceUnreadable) as refused:
        read_evidence(raw)

    assert len(str(refused.value)) < 100


def test_facts_that_are_not_known_here_are_left_out() -> None:
    assert Evidence(before=Facts(boot_count=1)) == read_evidence(b'{"before": {"bootCount": 1, "hingeAngle": 90}, "during": {}}')


def test_the_largest_honest_evidence_fits() -> None:
    names = [f"com.example.a-rather-long-name-of-an-application.app{number:03}" for number in range(APPS_MOST)]
    facts = Facts(app_data_bytes=dict.fromkeys(names, 2**40))

    assert 0 < len(encode_evidence(Evidence(before=facts, after=facts))) <= EVIDENCE_MAX_BYTES


def test_facts_are_told_in_short() -> None:
    evidence = Evidence(before=Facts(boot_count=41, device_locked=False), after=Facts(boot_count=42))

    assert "bootCount 41 → 42, deviceLocked false → ?" == in_words(evidence)
    assert "bootCount 41 → 42" == in_words(
        Evidence(before=Facts(boot_count=41, lost_mode=True), after=Facts(boot_count=42, lost_mode=True))
    )
    assert "lostMode true → true" == in_words(Evidence(before=Facts(lost_mode=True), after=Facts(lost_mode=True)))
