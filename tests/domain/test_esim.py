"""Activation codes, the chip, the numbers of its errors and the profile server."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.activation_code import MAX_CHARS, ActivationCode, activation_code_problems, parse_activation_code
from heliograph.domain.phone.esim_status import smdx_error_code
from heliograph.domain.phone.euicc import DOWNLOADS_APART_US, EsimProfile, Euicc
from heliograph.domain.phone.numbers import icc_id_of, luhn_digit
from heliograph.domain.phone.sm_dp import CATALOGUE, Download, Listing, look_up

hosts = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z0-9]{1,8}){0,3}", fullmatch=True)
matching_ids = st.from_regex(r"[0-9A-Z-]{0,30}", fullmatch=True)
oids = st.from_regex(r"([0-9]{1,4}(\.[0-9]{1,4}){0,5})?", fullmatch=True)
icc_ids = st.sampled_from([f"8999000000000000{number}" for number in range(6)])


@given(host=hosts, matching_id=matching_ids, oid=oids, flag=st.sampled_from(["", "1"]), parts=st.integers(3, 5))
def test_a_code_of_the_documented_form_is_read(host: str, matching_id: str, oid: str, flag: str, parts: int) -> None:
    """Parts may be empty, and the last two may be missing with their $."""
    given_parts = ["LPA:1", host, matching_id, oid, flag][:parts]

    code = parse_activation_code("$".join(given_parts))

    _, _, _, read_oid, read_flag = [*given_parts, "", ""][:5]
    assert (host, matching_id, read_oid) == (code.host, code.matching_id, read_oid and code.oid)
    assert (read_flag == "1") is code.confirmation_code_required


@pytest.mark.parametrize(
    "text,code",
    [
        ("LPA:1$SMDP.Example.com$", ActivationCode(host="smdp.example.com")),
        ("LPA:1$h$K2-a_b/c", ActivationCode(host="h", matching_id="K2-a_b/c")),
        ("LPA:1$h$$1.3.6", ActivationCode(host="h", oid="1.3.6")),
        ("LPA:1$h$$$1", ActivationCode(host="h", confirmation_code_required=True)),
        ("LPA:1$h$X$1.3$1", ActivationCode(host="h", matching_id="X", oid="1.3", confirmation_code_required=True)),
        ("LPA:1$h$X$$", ActivationCode(host="h", matching_id="X")),
    ],
)
def test_the_parts_of_a_code(text: str, code: ActivationCode) -> None:
    assert code == parse_activation_code(text)


@pytest.mark.parametrize(
    "text,told",
    [
        ("", "required"),
        ("x" * (MAX_CHARS + 1), f"longer than {MAX_CHARS}"),
        ("1$smdp.example.com$SECRET", "must start with LPA:1$"),
        ("lpa:1$smdp.example.com$SECRET", "must start with LPA:1$"),
        (" LPA:1$smdp.example.com$SECRET", "must start with LPA:1$"),
        ("LPA:2$smdp.example.com$SECRET", "must start with LPA:1$"),
        ("LPA:1$smdp.example.com", "2 parts"),
        ("LPA:1$h$SECRET$1.3$1$", "6 parts"),
        ("LPA:1$$SECRET", "host"),
        ("LPA:1$SECRET host$", "host"),
        ("LPA:1$-h$SECRET", "host"),
        (f"LPA:1${'h' * 64}$SECRET", "host"),
        ("LPA:1$h$SECRET ID", "matching id"),
        ("LPA:1$h$SECRET\n", "matching id"),
        ("LPA:1$h$SÉCRET", "matching id"),
        ("LPA:1$h$SECRET$1.", "oid"),
        ("LPA:1$h$SECRET$$0", "last part"),
        ("LPA:1$h$SECRET$$1234", "last part"),
    ],
)
def test_a_malformed_code_is_told_what_is_wrong_and_never_quoted(text: str, told: str) -> None:
    problems = activation_code_problems(text)

    assert told in " ".join(problems)
    assert "SECRET" not in " ".join(problems)
    with pytest.raises(ValueError, match="activation code"):
        parse_activation_code(text)


def test_everything_wrong_with_the_parts_is_told_at_once() -> None:
    assert 4 == len(activation_code_problems("LPA:1$ $ $x$2"))


@given(text=st.text(max_size=300) | st.text("LPA:1$.-X ", max_size=30).map("LPA:1$".__add__))
def test_any_text_is_a_code_or_has_problems(text: str) -> None:
    problems = activation_code_problems(text)

    if not problems:
        assert "ActivationCode(<secret>)" == repr(parse_activation_code(text))


@pytest.mark.parametrize(
    "subject,reason,packed",
    [
        ("8.11.1", "5.1", 9113681),
        ("8.11.1", "5.1.1", 9114897),
        ("1", "1", 4097),
        ("3.0.1", "5.1", 3149905),
        ("8.1", "5", 528389),
        ("0", "0", 0),
        ("15.15.15", "15.15.15", 0xFFFFFF),
    ],
)
def test_subject_and_reason_are_packed_into_six_sections(subject: str, reason: str, packed: int) -> None:
    """The first sum is the reference page's own; the others follow from AOSP's rule, each code padded on the left."""
    assert packed == smdx_error_code(subject, reason)


def test_the_reference_page_s_bits() -> None:
    assert 0b0000_0000_1000_1011_0001_0000_0101_0001 == smdx_error_code("8.11.1", "5.1")


@pytest.mark.parametrize("code", ["", ".", "1.", "8.11.1.1", "16", "-1", "x", "²"])
def test_what_cannot_be_packed_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="subject or reason code"):
        smdx_error_code(code, "1")


@pytest.mark.parametrize("digits,digit", [("7992739871", "3"), ("37828224631000", "5"), ("", "0"), ("0", "0")])
def test_the_check_digit(digits: str, digit: str) -> None:
    assert digit == luhn_digit(digits)


@given(code=st.text(max_size=40), eid=st.text(max_size=32))
def test_an_icc_id_is_always_the_same_and_well_formed(code: str, eid: str) -> None:
    icc_id = icc_id_of(code, eid)

    assert icc_id == icc_id_of(code, eid)
    assert (19, "8999") == (len(icc_id), icc_id[:4])
    assert luhn_digit(icc_id[:-1]) == icc_id[-1]


@pytest.mark.parametrize("listing", CATALOGUE, ids=lambda listing: listing.example)
def test_every_line_of_the_catalogue_is_the_first_for_its_own_example(listing: Listing) -> None:
    """Otherwise it could never be reached."""
    code = parse_activation_code(listing.example)

    first = next(line for line in CATALOGUE if line.look_up(code) is not None)

    assert listing is first


@given(host=hosts, matching_id=matching_ids)
def test_the_catalogue_has_an_answer_for_every_code(host: str, matching_id: str) -> None:
    look_up(ActivationCode(host=host, matching_id=matching_id))


def test_the_confirmation_code_is_known_to_the_catalogue() -> None:
    by_flag = look_up(parse_activation_code("LPA:1$h$ABC$$1"))
    by_id = look_up(parse_activation_code("LPA:1$h$CODE-98765$$1"))

    assert isinstance(by_flag, Download)
    assert isinstance(by_id, Download)
    assert ("1234", "98765") == (by_flag.confirmation_code, by_id.confirmation_code)


changes = st.tuples(st.sampled_from(["add", "add active", "activate", "deactivate", "remove"]), icc_ids)


@given(ports=st.integers(1, 3), capacity=st.integers(0, 5), steps=st.lists(changes, max_size=20))
def test_a_chip_never_holds_more_than_fits_nor_has_more_active_than_ports(ports: int, capacity: int, steps: list[tuple[str, str]]) -> None:
    chip = Euicc(eid="E", ports=ports, capacity=capacity)

    for step, icc_id in steps:
        chip = changed(chip, step, icc_id)

        assert len(chip.profiles) <= capacity
        assert len(chip.active) <= ports
        assert len(chip.profiles) == len({held.icc_id for held in chip.profiles})


def changed(chip: Euicc, step: str, icc_id: str) -> Euicc:
    """The chip after one step."""
    match step:
        case "add" | "add active":
            return chip.add(EsimProfile(icc_id=icc_id, active=step == "add active"))
        case "activate":
            return chip.activate(icc_id)
        case "deactivate":
            return chip.deactivate(icc_id)
        case _:
            return chip.remove(icc_id)


def test_what_is_left_of_a_chip_after_a_wipe() -> None:
    mine, theirs = EsimProfile(icc_id="1"), EsimProfile(icc_id="2", managed=True)
    chip = Euicc(eid="E", profiles=(mine, theirs), last_download_us=1)

    assert (mine,) == chip.without_managed().profiles
    assert Euicc(eid="E") == chip.erased()


def test_a_chip_is_busy_for_a_minute_after_a_download_began() -> None:
    chip = Euicc(eid="E").downloading(1000)

    assert [False, True, True, False] == [chip.busy(now_us) for now_us in (999, 1000, 999 + DOWNLOADS_APART_US, 1000 + DOWNLOADS_APART_US)]
    assert chip == msgspec.json.decode(msgspec.json.encode(chip), type=Euicc)
