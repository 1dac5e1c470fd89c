"""The image, as far as it can be tried without a Docker engine: its steps, its size, what it runs, its health check."""

import contextlib
import io
import json
import os
import re
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.deploy.image import ROOT, Built, stages
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.running import Running

PULLED_MOST_MB = 150
BASE_PULLED_MB = 50
"""python:3.11-slim as registries list it, rounded up; not measured here."""
UNPACKED_MOST_MB = 160
"""What the image adds to its base."""
LAST = stages()[-1]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """What the Dockerfile makes."""
    return Built(tmp_path_factory.mktemp("image"))


def step(word: str) -> str:
    """The rest of the last stage's only instruction of this word."""
    (found,) = [step.rest for step in LAST if step.word == word]
    return found


def words(word: str) -> list[str]:
    """Its arguments, in JSON form."""
    (found,) = [step.words for step in LAST if step.word == word]
    return found


@contextlib.contextmanager
def container(image: Built, port: int, command: list[str], **variables: str) -> Iterator[Running]:
    """The image runs the command, on a port of this machine instead of the container's 8080."""
    environment = {**image.variables(), **variables, f"HELIOGRAPH_{command[0].upper()}_PORT": str(port)}
    with Running([image.heliograph, *command], env=environment, cwd="/", stderr=subprocess.DEVNULL) as process:
        yield process
        process.terminate()
        process.wait()


def becomes_healthy(process: Running, image: Built, port: int) -> bool:
    """Whether HEALTHCHECK succeeds before the process ends."""
    check = [word.replace(":8080", f":{port}") for word in words("HEALTHCHECK")]
    until = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        if subprocess.run(check, env=image.variables(), capture_output=True, check=False, timeout=PATIENCE_S).returncode == 0:
            return True
        time.sleep(0.2)
    return False


def answer(url: str) -> Mapping[str, object]:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as found:  # noqa: S310 - our own loopback address
        return dict(json.load(found))


def test_without_arguments_it_is_a_sandbox_that_becomes_healthy(image: Built) -> None:
    port = reserved_port()

    with container(image, port, words("CMD")) as process:
        healthy = becomes_healthy(process, image, port)
        devices = answer(f"http://127.0.0.1:{port}/v1/enterprises/sandbox/devices")["devices"]

    assert healthy
    assert isinstance(devices, list)
    assert (9, 0) == (len(devices), process.returncode)


def test_it_is_a_server_too_that_keeps_its_data_in_the_volume(image: Built) -> None:
    port, volume = reserved_port(), Path(image.here(step("VOLUME")))

    with container(image, port, ["serve"]) as process:
        assert becomes_healthy(process, image, port)

    assert 0 == process.returncode
    assert {"heliograph.db", "heliograph.key"} <= {path.name for path in volume.iterdir()}


def test_a_container_that_nothing_listens_in_is_not_healthy(image: Built) -> None:
    check = [word.replace(":8080", f":{reserved_port()}") for word in words("HEALTHCHECK")]

    assert 0 != subprocess.run(check, env=image.variables(), capture_output=True, check=False, timeout=PATIENCE_S).returncode


def test_a_pull_of_it_stays_below_its_limit(image: Built) -> None:
    packed = io.BytesIO()
    # Packed loosely, for speed: the real layer is smaller.
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as layer:
        layer.add(image.installed)
    unpacked = sum(path.lstat().st_size for path in image.installed.rglob("*") if path.is_file() and not path.is_symlink())

    assert BASE_PULLED_MB + len(packed.getvalue()) / 1e6 < PULLED_MOST_MB
    assert unpacked / 1e6 < UNPACKED_MOST_MB


def test_its_user_is_a_number_that_owns_the_volume(image: Built) -> None:
    user = step("USER")

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    for folder in (Path(image.here(step("VOLUME"))), Path(image.here(step("VOLUME"))) / "key"):
        owner = folder.stat()
        assert os.geteuid() != 0 or f"{owner.st_uid}:{owner.st_gid}" == user


def test_its_labels_are_the_images_specifications() -> None:
    """Source: opencontainers/image-spec annotations.md."""
    labels = dict(re.findall(r'([\w.]+)="([^"]*)"', step("LABEL")))

    assert {f"org.opencontainers.image.{name}" for name in ("title", "description", "licenses", "version")} == set(labels)
    assert "Apache-2.0" == labels["org.opencontainers.image.licenses"]


def test_the_sandboxs_compose_file_runs_this_image_and_reaches_it_by_its_services_name() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "sandbox.yaml").read_text())["services"]

    assert (ROOT / "deploy" / services["heliograph"]["build"]["context"] / services["heliograph"]["build"]["dockerfile"]).is_file()
    assert words("CMD") == services["heliograph"]["command"]
    assert all(mapping.startswith("127.0.0.1:") and mapping.endswith(f":{step('EXPOSE')}") for mapping in services["heliograph"]["ports"])
    assert f"heliograph:{step('EXPOSE')}" == services["tests"]["environment"]["AMAPI_EMULATOR_HOST"]


def test_the_compose_files_test_container_does_what_it_says(image: Built) -> None:
    """Its command, with the sandbox of this machine instead of the service's."""
    tests = yaml.safe_load((ROOT / "deploy" / "sandbox.yaml").read_text())["services"]["tests"]
    port = reserved_port()

    with container(image, port, words("CMD")) as process:
        assert becomes_healthy(process, image, port)
        environment = {
            **image.variables(),
            "HELIOGRAPH_URL": tests["environment"]["HELIOGRAPH_URL"].replace("heliograph:8080", f"127.0.0.1:{port}"),
        }
        done = subprocess.run(tests["command"], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=True)

    assert "9 phones\n" == done.stdout
