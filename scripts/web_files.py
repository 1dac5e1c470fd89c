"""The files in `api/web/static` that others wrote, taken from their npm packages: `make web-files`. An installation needs no Node."""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

STATIC: Final = Path(__file__).parents[1] / "src" / "heliograph" / "api" / "web" / "static"


class File(NamedTuple):
    """One file that is taken."""

    path: str
    """In the package's archive."""
    name: str
    """In STATIC."""
    sha256: str


class Taken(NamedTuple):
    """A version of a package, and what is taken of it."""

    package: str
    sha256: str
    """Of the package's archive."""
    files: Sequence[File]


TAKEN: Final = (
    Taken(
        "idiomorph@0.8.0",
        "c2b48584153f0167b5c98cb815576338ccd82a97378e53fbf29d139dfd67207e",
        (
            File("package/dist/idiomorph.min.js", "idiomorph.min.js", "4cbd535caf7663a51eda9bce6595371c384fc430d54b8d414e29a61167f19f96"),
            File("package/LICENSE", "idiomorph.LICENSE", "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38"),
        ),
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
        return {file.name: content.read() for file in taken.files if (content := opened.extractfile(file.path)) is not None}


if __name__ == "__main__":
    main()
