"""Numbers of phones and chips: right in form, and others for each name."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.phone.numbers import (
    eid_of,
    enterprise_specific_id,
    imei_of,
    is_eid,
    is_imei,
    is_meid,
    meid_of,
    serial_of,
    wifi_mac_address_of,
)

MAKERS = (serial_of, imei_of, meid_of, eid_of, wifi_mac_address_of)


@given(name=st.text(max_size=30))
def test_what_is_made_is_right_in_form(name: str) -> None:
    assert is_imei(imei_of(name))
    assert is_meid(meid_of(name))
    assert is_eid(eid_of(name))
    assert is_eid(eid_of(name, 1))


@pytest.mark.parametrize("make", MAKERS)
def test_every_name_has_its_own(make: Callable[[str], str]) -> None:
    names = [f"enterprises/e/devices/{number}" for number in range(5_000)]

    assert len(names) == len({make(name) for name in names})
    assert make("a") == make("a")


def test_every_chip_of_a_phone_has_its_own() -> None:
    assert eid_of("a") != eid_of("a", 1)


@pytest.mark.parametrize("imei, right", [("490154203237518", True), ("490154203237519", False), ("49015420323751", False)])
def test_an_imei_ends_with_its_luhn_digit(imei: str, *, right: bool) -> None:
    """The example of 3GPP TS 23.003."""
    assert right is is_imei(imei)


@pytest.mark.parametrize(
    "eid, right", [("89049032123451234512345678901235", True), ("89049032123451234512345678901253", False), ("8904", False)]
)
def test_an_eid_is_one_modulo_97(eid: str, *, right: bool) -> None:
    """The example of GSMA SGP.22."""
    assert right is is_eid(eid)


@pytest.mark.parametrize(
    "owner, enterprise, expected",
    [
        ("com.example.test.dpc", "", "C4W7-VUJT-PHSA-HMY53-CLHX-L4HW-L"),
        ("com.example.test.dpc", "73456234", "FP7B-RXQW-Q77F-7J6FC-5RXZ-UJI6-6"),
        ("com.example.test.dpc", "243441", "ATAL-VPIX-GBNZ-NE3TF-TDEV-3OVO-C"),
        ("org.example.test.another.dpc", "73456234", "JHU3-6SHH-YLHC-ZGETD-PWNI-7NPQ-S"),
        ("org.example.test.another.dpc", "243441", "LEF3-QBEC-UQ6O-RIOCX-TQF6-GRLV-F"),
    ],
)
def test_an_enterprise_specific_id_is_what_android_calculates(owner: str, enterprise: str, expected: str) -> None:
    """The known values of AOSP's own EnterpriseSpecificIdCalculatorTest."""
    made = enterprise_specific_id(serial="XZ663CCAJA7", imei="56134231542345", mac="65:ca:f3:fe:9d:b1", enterprise=enterprise, owner=owner)

    assert expected == made
