"""The APK's HPKE opens what RFC 9180 and another implementation seal, and nothing else; its phone gets the password, and no file of it."""

import os
import random
import subprocess

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from heliograph.agent.sealed_commands import new_private_key, public_key_of
from scripts.android_tools import program
from tests.agent.lab import Lab, shown
from tests.android.subjects import AppSubject, Wish, issue

SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
PRIVATE = "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2"
PUBLIC = (
    "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0"
)
ENC = "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4"
INFO = "4f6465206f6e2061204772656369616e2055726e"
AAD = "436f756e742d30"
CIPHERTEXT = "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434"
"""The first of RFC 9180, A.3.1.1; the private key, the public one and the rest of A.3.1 are above."""
PLAINTEXT = "4265617574792069732074727574682c20747275746820626561757479"
OFF_THE_CURVE = ENC[:-2] + "c5"


def opened(class_path: str, *lines: str) -> list[str]:
    """What the APK's classes open."""
    command = [program("java"), "-XX:TieredStopAtLevel=1", "-cp", class_path, "org.heliograph.agent.protocol.Opener"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=300, check=True)
    return done.stdout.splitlines()


def test_the_vector_of_the_rfc_opens_and_nothing_near_it(class_path: str) -> None:
    good = [PRIVATE, PUBLIC, ENC + CIPHERTEXT, INFO, AAD]
    changes = [
        (0, f"{int(PRIVATE, 16) + 1:064x}"),
        (2, OFF_THE_CURVE + CIPHERTEXT),
        (2, "00" * 65 + CIPHERTEXT),
        (2, "02" + ENC[2:] + CIPHERTEXT),
        (2, ENC + CIPHERTEXT[:-2] + "35"),
        (2, ENC[:-2]),
        (2, ""),
        (3, INFO[:-2]),
        (4, ""),
    ]
    near = [",".join([*good[:index], text, *good[index + 1 :]]) for index, text in changes]

    assert [PLAINTEXT, *["no"] * len(near)] == opened(class_path, ",".join(good), *near)


def test_what_the_server_s_library_seals_opens(class_path: str) -> None:
    """Many keys: one coordinate in 128 begins with a zero byte, and one in 2 with a bit that Java takes for a sign."""
    chance = random.Random(180)
    lines, plain = [], []
    for number in range(600):
        private = new_private_key(chance)
        public = public_key_of(private)
        text, info = os.urandom(number % 70), os.urandom(number % 50)
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), bytes.fromhex(public))
        lines.append(",".join([private, public, SUITE.encrypt(text, key, info=info).hex(), info.hex(), ""]))
        plain.append(text.hex())

    assert plain == opened(class_path, *lines)


async def test_a_phone_that_lost_its_key_refuses_what_is_sealed_to_it_and_has_another_from_then_on(lab: Lab, class_path: str) -> None:
    subject = await AppSubject.made(lab, Wish(type="RESET_PASSWORD"), class_path)
    await subject.stop()
    sealed = await issue(lab, subject, "RESET_PASSWORD")
    (subject.folder / "key").unlink()

    await subject.start()
    lost = await lab.ended(sealed)
    later = await lab.ended(await issue(lab, subject, "RESET_PASSWORD", newPassword="another one"))
    await subject.stop()

    assert "sealed to a key" in shown(lost)["error"]["message"]
    assert 1 == subject.executions(later)
    assert "another one" == subject.password()
