"""The numbers that a phone, its eSIM chips and its SIMs bear: made from a name, right in form and check digits, and no real phone's.

The same name always gives the same number.

Source: GSMA TS.06 (IMEI), SGP.02 §2.2.2 (EID); ITU-T E.118 (ICC ID); 3GPP2 S.R0048 (MEID); AOSP EnterpriseSpecificIdCalculator.
"""

import base64
import hashlib
import hmac
import re

SERIAL_DIGITS = 10
IMEI_TEST = "0044"  # 00: test equipment, by the reporting body 44
IMEI_DIGITS = 15
EID_ISSUER = "89990000"  # 89: telecommunication; 99…: no country's code
EID_DIGITS = 32
EID_MODULUS = 97
ICC_ID_ISSUER = "8999"  # as an EID's
ICC_ID_DIGITS = 19  # E.118's longest, the check digit among them
ANDROID_ID_DIGITS = 16
MEID_REGION = "A0"  # the first region; there is none for tests
MEID_DIGITS = 14
MAC_LOCAL = "02"  # locally administered, so no maker's
MAC_BYTES = 6

AGENT_PACKAGE = "com.google.android.apps.work.clouddpc"
"""Android Device Policy, which manages every virtual phone."""
HARDWARE_ID_CHARS = 16
OWNER_CHARS = 64
ESID_BYTES = 16


def serial_of(name: str) -> str:
    """A serial number: letters and digits."""
    return "HG" + base64.b32encode(hashlib.sha256(f"serial {name}".encode()).digest()).decode()[:SERIAL_DIGITS]


def imei_of(name: str) -> str:
    """15 digits with a right check digit."""
    digits = IMEI_TEST + _digits(f"imei {name}", IMEI_DIGITS - 1 - len(IMEI_TEST))
    return digits + luhn_digit(digits)


def meid_of(name: str) -> str:
    """14 hexadecimal digits."""
    return MEID_REGION + hashlib.sha256(f"meid {name}".encode()).hexdigest()[: MEID_DIGITS - len(MEID_REGION)].upper()


def eid_of(name: str, chip: int = 0) -> str:
    """32 digits, the last two chosen so that the whole is 1 modulo 97; each chip of a phone has its own."""
    digits = EID_ISSUER + _digits(f"eid {chip} {name}", EID_DIGITS - 2 - len(EID_ISSUER))
    return f"{digits}{EID_MODULUS + 1 - int(digits) * 100 % EID_MODULUS:02d}"


def android_id_of(name: str, erasures: int) -> str:
    """16 hexadecimal digits: the phone's for the app that manages it, another one each time that its data were erased.

    Source: AOSP Settings.Secure.ANDROID_ID.
    """
    return hashlib.sha256(f"android id {erasures} {name}".encode()).hexdigest()[:ANDROID_ID_DIGITS]


def icc_id_of(name: str, holder: str) -> str:
    """The ICC ID of the SIM that this holder (a chip's EID, a phone's serial number) gets by this name (of an eSIM: its activation code).

    Each holder gets its own, since a code may serve many phones and an ICC ID names one profile in the world.
    """
    digits = ICC_ID_ISSUER + _digits(f"{holder} {name}", ICC_ID_DIGITS - 1 - len(ICC_ID_ISSUER))
    return digits + luhn_digit(digits)


def own_icc_id(number: int, eid: str) -> str:
    """The ICC ID of the eSIM that the phone's user added to this chip as the first (1), second (2) and so on."""
    return icc_id_of(f"own {number}", eid)


def wifi_mac_address_of(name: str) -> str:
    """The factory address of the phone's Wi-Fi."""
    return ":".join([MAC_LOCAL, *(f"{byte:02x}" for byte in hashlib.sha256(f"mac {name}".encode()).digest()[: MAC_BYTES - 1])])


def enterprise_specific_id(*, serial: str, imei: str = "", meid: str = "", mac: str, enterprise: str, owner: str = AGENT_PACKAGE) -> str:
    """What stands for this phone in this enterprise: the same after every factory reset, and another in another enterprise.

    Source: AOSP EnterpriseSpecificIdCalculator.calculateEnterpriseId, VerifierDeviceIdentity; RFC 5869 (HKDF).
    """
    hardware = "".join(_padded(number, HARDWARE_ID_CHARS) for number in (serial, imei, meid)) + mac
    managed_by = _padded(owner, OWNER_CHARS) + _padded(enterprise, OWNER_CHARS)
    key = hmac.digest(bytes(hashlib.sha256().digest_size), hardware.encode(), "sha256")
    made = hmac.digest(key, managed_by.encode() + b"\x01", "sha256")[:ESID_BYTES]
    return "".join(_device_identity(int.from_bytes(half)) for half in (made[:8], made[8:]))


def is_imei(text: str) -> bool:
    """Whether it has an IMEI's form and a right check digit."""
    return re.fullmatch(f"[0-9]{{{IMEI_DIGITS}}}", text) is not None and luhn_digit(text[:-1]) == text[-1]


def is_meid(text: str) -> bool:
    """Whether it has a MEID's form."""
    return re.fullmatch(f"[0-9A-F]{{{MEID_DIGITS}}}", text) is not None


def is_eid(text: str) -> bool:
    """Whether it has an EID's form and right check digits."""
    return re.fullmatch(f"[0-9]{{{EID_DIGITS}}}", text) is not None and int(text) % EID_MODULUS == 1


def is_icc_id(text: str) -> bool:
    """Whether it has an ICC ID's form; the check digit is not everywhere in use.  Source: ITU-T E.118."""
    return re.fullmatch("[0-9]{18,20}", text) is not None


def luhn_digit(digits: str) -> str:
    """The check digit that belongs behind these digits.  Source: ISO/IEC 7812-1 annex B."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[::-2])
    return str(-(doubled + sum(int(digit) for digit in digits[-2::-2])) % 10)


def _digits(text: str, count: int) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest())
    return f"{number % 10**count:0{count}d}"


def _padded(text: str, chars: int) -> str:
    return text.rjust(chars)[:chars]


def _device_identity(number: int) -> str:
    """64 bits as 13 letters and digits in groups of four, as in "B54Z-7OY3-NHH7-F"."""
    digits = base64.b32encode((number << 15).to_bytes(10)).decode()[:13]  # 5 bits each, a 0 before them
    return "-".join(digits[at : at + 4] for at in range(0, len(digits), 4))
