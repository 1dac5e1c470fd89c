"""Compares Google's discovery document with what we have looked at, and writes the text of the issue about what is new.

`python -m scripts.drift` takes the document of the installed google-api-python-client, `--newest` that of the newest release on PyPI.
Exit code 1: a method, parameter, field or enum value is new or gone. Once all of it is handled, `--accept` writes `known_surface.txt`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.discovery import document, methods_of

KNOWN: Final = Path(__file__).with_name("known_surface.txt")
INSIDE: Final = "googleapiclient/discovery_cache/documents/androidmanagement.v1.json"
Json = Mapping[str, Any]


def surface(whole: Json) -> Iterator[str]:
    """A line for every method, parameter, field and enum value of the document."""
    for name, method in methods_of(whole).items():
        yield f"method {name} {method['httpMethod']} {method['flatPath']}"
        yield from (f"parameter {name} {parameter}" for parameter in method.get("parameters", {}))
    for name, schema in whole["schemas"].items():
        for field, of in schema.get("properties", {}).items():
            yield f"field {name}.{field}"
            values = of.get("enum") or of.get("items", {}).get("enum", ())
            yield from (f"enum {name}.{field} {value}" for value in values)


def issue(whole: Json, known: frozenset[str]) -> str:
    """The text of the issue to write; empty: nothing is new or gone."""
    now = frozenset(surface(whole))
    parts = [
        f"{title}:\n\n" + "".join(f"- `{line}`\n" for line in sorted(lines))
        for title, lines in (("New", now - known), ("Gone", known - now))
        if lines
    ]
    if not parts:
        return ""
    heading = f"# AMAPI has changed: discovery document of revision {whole['revision']}\n"
    steps = "For each: handle it (CONTRIBUTING.md has the recipes) or decide not to; then `python -m scripts.drift --accept`.\n"
    return "\n".join([heading, *parts, steps])


def known_surface() -> frozenset[str]:
    """What we have looked at."""
    return frozenset(KNOWN.read_text(encoding="utf-8").splitlines())


def newest() -> Json:
    """The document of the newest release on PyPI.  Raises: CalledProcessError: pip cannot fetch it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, "google-api-python-client"]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            found: Json = json.loads(wheel.read(INSIDE))
    return found


def main() -> None:
    """Print the issue.  Raises: SystemExit: 1: there is one."""
    parser = argparse.ArgumentParser(description="Compare Google's discovery document with what we know of it.")
    parser.add_argument("--newest", action="store_true", help="take the newest google-api-python-client on PyPI, not the installed one")
    parser.add_argument("--accept", action="store_true", help="write down that all of it is known")
    wanted = parser.parse_args()
    whole = newest() if wanted.newest else document()
    if wanted.accept:
        KNOWN.write_text("".join(f"{line}\n" for line in sorted(surface(whole))), encoding="utf-8")
        return
    text = issue(whole, known_surface())
    print(text or f"Nothing is new in revision {whole['revision']}.")
    sys.exit(bool(text))


if __name__ == "__main__":
    main()
