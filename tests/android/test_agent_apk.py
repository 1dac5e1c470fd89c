"""What a server reads of an agent's APK, compared with what Android's own tools say; and what it refuses."""

import contextlib
import hashlib
import zipfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.apk.agent_apk import read_agent
from heliograph.apk.signing_block import InvalidApk
from heliograph.domain.agent_app import AgentApp
from scripts.android_tools import program, run
from scripts.build_apk import Built
from tests.android.apk import checksum_by_apksigner, skipped_without_tools

PASSWORD = "a password of this test"
KINDS = {"RSA": ("-keyalg", "RSA", "-keysize", "2048"), "EC": ("-keyalg", "EC", "-groupname", "secp256r1")}


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A key store for each kind of key, and a second one for RSA."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    with skipped_without_tools():
        for name, kind in {**KINDS, "another RSA": KINDS["RSA"]}.items():
            made[name] = folder / f"{name}.p12"
            run([program("keytool"), "-genkeypair", "-keystore", made[name], "-storetype", "PKCS12", "-storepass", PASSWORD,
                 "-alias", "key", *kind, "-validity", "10", "-dname", f"CN={name}"])  # fmt: skip
    return made


def signed(apk: Path, key: Path, into: Path, *options: str | Path) -> bytes:
    """The APK with another signature."""
    with skipped_without_tools():
        run([program("apksigner"), "sign", "--ks", key, "--ks-pass", f"pass:{PASSWORD}", *options, "--out", into, apk])
    return into.read_bytes()


def without_content(agent: AgentApp) -> AgentApp:
    return msgspec.structs.replace(agent, content=b"", sha256="")


def test_the_agent_is_known_by_package_version_receiver_and_signer(full: Built) -> None:
    agent = read_agent(full.apk.read_bytes())

    assert ("org.heliograph.agent", "org.heliograph.agent/.AdminReceiver") == (agent.package_name, agent.admin_component)
    assert (1, "0.1") == (agent.version_code, agent.version_name)
    assert hashlib.sha256(full.apk.read_bytes()).hexdigest() == agent.sha256
    assert checksum_by_apksigner(full.apk) == agent.signature_checksum


def test_the_safe_build_is_known(full: Built, safe: Built) -> None:
    assert [False, True] == [read_agent(built.apk.read_bytes()).safe for built in (full, safe)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [(), ("--v2-signing-enabled", "false"), ("--v3-signing-enabled", "false")], ids=["both", "v3", "v2"])
def test_the_signer_is_the_one_that_apksigner_names(
    full: Built, keys: dict[str, Path], kind: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    apk = tmp_path / "agent.apk"
    content = signed(full.apk, keys[kind], apk, "--v1-signing-enabled", "false", *options, "--min-sdk-version", "28")
    with skipped_without_tools():
        said = run([program("apksigner"), "verify", "--print-certs", "--min-sdk-version", "28", apk])

    assert f"certificate SHA-256 digest: {read_agent(content).signer_sha256.hex()}" in said


def test_of_a_changed_key_the_first_one_counts_as_old_phones_know_no_other(full: Built, keys: dict[str, Path], tmp_path: Path) -> None:
    old, new, lineage = keys["RSA"], keys["another RSA"], tmp_path / "lineage"
    password = f"pass:{PASSWORD}"
    with skipped_without_tools():
        run([program("apksigner"), "rotate", "--out", lineage, "--old-signer", "--ks", old, "--ks-pass", password,
             "--new-signer", "--ks", new, "--ks-pass", password])  # fmt: skip
    before = read_agent(signed(full.apk, old, tmp_path / "before.apk"))
    after = signed(full.apk, old, tmp_path / "after.apk", "--next-signer", "--ks", new, "--ks-pass", password, "--lineage", lineage)

    assert before.signature_checksum == read_agent(after).signature_checksum


def test_an_apk_without_a_signature_that_phones_take_is_refused(full: Built, keys: dict[str, Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(full.apk) as whole, zipfile.ZipFile(tmp_path / "unsigned.apk", "w") as out:
        for entry in whole.infolist():
            out.writestr(entry, whole.read(entry))
    unsigned = (tmp_path / "unsigned.apk").read_bytes()
    old = signed(full.apk, keys["RSA"], tmp_path / "v1.apk", "--v2-signing-enabled", "false", "--v3-signing-enabled", "false")

    for apk in (unsigned, old):
        with pytest.raises(InvalidApk, match=r"no signature of scheme v2 or v3.*apksigner"):
            read_agent(apk)


def test_an_app_that_cannot_own_a_device_is_refused(full: Built, keys: dict[str, Path], tmp_path: Path) -> None:
    changed = tmp_path / "changed.apk"
    with zipfile.ZipFile(full.apk) as whole, zipfile.ZipFile(changed, "w") as out:
        for entry in whole.infolist():
            renamed = "android.permission.BIND_DEVICE_ADMIN".encode("utf-16-le"), "android.permission.BIND_DEVICE_OTHER".encode("utf-16-le")
            plain = b"android.permission.BIND_DEVICE_ADMIN", b"android.permission.BIND_DEVICE_OTHER"
            out.writestr(entry, whole.read(entry).replace(*renamed).replace(*plain))

    with pytest.raises(InvalidApk, match="has no device admin receiver"):
        read_agent(signed(changed, keys["RSA"], tmp_path / "other.apk", "--min-sdk-version", "24"))


@pytest.mark.parametrize("content", [b"", b"an APK", b"PK\x05\x06" + bytes(18), b"PK\x05\x06" + b"\xff" * 16 + b"\0\0"])
def test_what_is_not_an_apk_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidApk, match=r"It (is not an APK|has no signature)"):
        read_agent(content)


@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_damaged_apk_is_refused_or_says_the_same(full: Built, data: st.DataObject) -> None:
    content = bytearray(full.apk.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])

    with contextlib.suppress(InvalidApk):
        assert without_content(read_agent(full.apk.read_bytes())) == without_content(read_agent(cut))
