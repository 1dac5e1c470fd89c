"""Make, model and system of the virtual phones, as real phones of these models report them."""

from heliograph.domain.phone.virtual_device import Build

GIB = 2**30

PIXEL_8_A15 = Build(
    brand="google",
    manufacturer="Google",
    model="Pixel 8",
    hardware="shiba",
    device_baseband_version="g5300i-240627-240730-B-12160570",
    android_version="15",
    android_build_number="AP3A.241005.015",
    security_patch_level="2024-10-05",
    total_ram_bytes=8 * GIB,
    total_internal_storage_bytes=128 * GIB,
)

GALAXY_A14_A13 = Build(
    brand="samsung",
    manufacturer="samsung",
    model="SM-A145R",
    hardware="exynos850",
    device_baseband_version="A145RXXU1AWB4",
    android_version="13",
    android_build_number="TP1A.220624.014.A145RXXU1AWB4",
    security_patch_level="2023-02-01",
    primary_language_code="de-DE",
    total_ram_bytes=4 * GIB,
    total_internal_storage_bytes=64 * GIB,
)

ZEBRA_TC52_A10 = Build(
    brand="Zebra",
    manufacturer="Zebra Technologies",
    model="TC52",
    hardware="qcom",
    android_version="10",
    android_build_number="10-16-10.00-QG-U72-STD-HEL-04",
    security_patch_level="2021-05-05",
    total_ram_bytes=4 * GIB,
    total_internal_storage_bytes=32 * GIB,
)

PIXEL_7_A14 = Build(
    brand="google",
    manufacturer="Google",
    model="Pixel 7",
    hardware="panther",
    device_baseband_version="g5300q-240308-240517-B-11857288",
    android_version="14",
    android_build_number="AP2A.240605.024",
    security_patch_level="2024-06-05",
    total_ram_bytes=8 * GIB,
    total_internal_storage_bytes=128 * GIB,
)

PIXEL_9_A16 = Build(
    brand="google",
    manufacturer="Google",
    model="Pixel 9",
    hardware="tokay",
    device_baseband_version="g5400c-250905-251024-B-14322026",
    android_version="16",
    android_build_number="BP4A.251205.006",
    security_patch_level="2025-12-05",
    total_ram_bytes=12 * GIB,
    total_internal_storage_bytes=256 * GIB,
)

GALAXY_S25_A15 = Build(
    brand="samsung",
    manufacturer="samsung",
    model="SM-S931B",
    hardware="qcom",
    device_baseband_version="S931BXXU1AYB3",
    android_version="15",
    android_build_number="AP3A.240905.015.A2.S931BXXU1AYB3",
    security_patch_level="2025-02-01",
    primary_language_code="fr-FR",
    total_ram_bytes=12 * GIB,
    total_internal_storage_bytes=256 * GIB,
)

GALAXY_S9_A10 = Build(
    brand="samsung",
    manufacturer="samsung",
    model="SM-G960F",
    hardware="samsungexynos9810",
    device_baseband_version="G960FXXU8DTC5",
    android_version="10",
    android_build_number="QP1A.190711.020.G960FXXU8DTC5",
    security_patch_level="2020-04-01",
    total_ram_bytes=4 * GIB,
    total_internal_storage_bytes=64 * GIB,
)

MOTO_G5_A8 = Build(
    brand="motorola",
    manufacturer="motorola",
    model="Moto G (5)",
    hardware="qcom",
    device_baseband_version="M8937_37.13.03.75R",
    android_version="8.0.0",
    android_build_number="OPP28.85-16",
    security_patch_level="2018-08-01",
    total_ram_bytes=2 * GIB,
    total_internal_storage_bytes=16 * GIB,
)

NEXUS_5X_A7 = Build(
    brand="google",
    manufacturer="LGE",
    model="Nexus 5X",
    hardware="bullhead",
    device_baseband_version="M8994F-2.6.33.2.14",
    android_version="7.0",
    android_build_number="NRD90M",
    security_patch_level="2016-08-05",
    total_ram_bytes=2 * GIB,
    total_internal_storage_bytes=16 * GIB,
)
