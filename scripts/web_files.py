"""The files in `api/web/static` that others wrote, taken from their npm packages: `make web-files`. Who installs Heliograph needs no Node."""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

STATIC: Final = Path(__file__).parents[1] / "src" / "heliograph" / "api" / "web" / "static"


class Taken(NamedTuple):
    """A version of a package, and what is taken of it."""

    package: str
    sha256: str
    """Of the package's archive."""
    files: Mapping[str, str]
    """By their path in the archive, their name here."""


TAKEN: Final = (
    Taken(
        "idiomorph@0.8.0",
        "c2b48584153f0167b5c98cb815576338ccd82a97378e53fbf29d139dfd67207e",
        {"package/dist/idiomorph.min.js": "idiomorph.min.js", "package/LICENSE": "idiomorph.LICENSE"},
    ),
)


def main() -> None:
    """Take every file again."""
    for taken in TAKEN:
        for name, content in files_of(taken).items():
            (STATIC / name).write_bytes(content)
            sys.stdout.write(f"{name}: {len(content)} bytes of {taken.package}\n")


def files_of(taken: Taken) -> Mapping[str, bytes]:
    """The files by their names here."""
    npm = shutil.which("npm") or sys.exit("npm is not here.")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([npm, "pack", taken.package, "--silent", "--pack-destination", folder], check=True, stdout=subprocess.DEVNULL)
        archive = next(Path(folder).glob("*.tgz")).read_bytes()
    if (found := hashlib.sha256(archive).hexdigest()) != taken.sha256:
        sys.exit(f"{taken.package} has the hash {found}, not {taken.sha256}: it is not what was looked at.")
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return {name: content.read() for path, name in taken.files.items() if (content := opened.extractfile(path)) is not None}


if __name__ == "__main__":
    main()
