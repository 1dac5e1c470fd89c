"""What the command line loads before it does anything: counted in modules, for seconds depend on the machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from heliograph.cli import LISTED, app
from heliograph.cli.command_tree import first_paragraph
from tests.e2e.program import Sandbox
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S
from tests.running import Running

IMPORTED = "import time:"
"""How a line of `python -X importtime` begins."""


def modules_of(*arguments: str) -> set[str]:
    """What `heliograph` with these arguments imports until it ends."""
    command = [sys.executable, "-X", "importtime", "-m", "heliograph", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return imported(done.stderr)


def imported(report: str) -> set[str]:
    """The modules of a report of `-X importtime`, which leaves out those that `importlib.import_module` names, not what they import."""
    return {line.rpartition("|")[2].strip() for line in report.splitlines() if line.startswith(IMPORTED)}


def packages(modules: set[str]) -> set[str]:
    """The packages that the modules belong to."""
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize("arguments", [("version",), ("--version",), ("--help",)], ids=" ".join)
def test_the_version_and_the_help_load_click_and_nothing_of_the_domain(arguments: tuple[str, ...]) -> None:
    modules = modules_of(*arguments)

    assert not {"msgspec", "rich", "asyncio", "structlog", "uvicorn", "aiohttp", "email"} & packages(modules)
    assert not {module for module in modules if module.startswith(("heliograph.domain", "heliograph.service", "heliograph.server"))}
    assert len(modules) < 150


def test_issuing_loads_the_rows_and_neither_tables_nor_a_server() -> None:
    modules = modules_of("issue", "phone", "LOCK", "--server", "http://127.0.0.1:9")

    assert "heliograph.commands" in modules
    assert not {"rich", "asyncio", "structlog", "uvicorn", "aiohttp", "jwt", "cryptography"} & packages(modules)
    assert not {f"heliograph.{name}" for name in ("domain.access", "domain.rights", "cli.issue_many", "cli.device_columns")} & modules
    assert len(modules) < 265


def test_a_sandbox_loads_neither_another_database_nor_what_signs_tokens_or_pushes(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "heliograph", "sandbox", "--port", "0"]
    report = tmp_path / "report"
    with report.open("w") as errors, Running(command, stdout=subprocess.PIPE, stderr=errors) as process:
        process.until("Steer the phones")
        process.terminate()
        process.communicate()

    modules = imported(report.read_text())

    assert re.search(r"in a browser: http://127\.0\.0\.1:\d+ ", "".join(process.heard))
    assert "heliograph.sandbox.run" in modules
    assert "jinja2" not in packages(modules)  # most sandboxes show no page
    assert not {"pydantic", "typer", "asyncpg", "jwt", "google", "aiohttp"} & packages(modules)
    assert "heliograph.cli.tables" not in modules
    assert len(modules) < 980


@pytest.mark.parametrize("name", LISTED)
def test_a_command_is_listed_with_the_first_words_of_its_help(name: str) -> None:
    command = app.get_command(click.Context(app), name)

    assert command is not None
    assert LISTED[name].summary == first_paragraph(command)


def test_the_version_is_printed_by_option_and_by_command() -> None:
    printed = [
        subprocess.run([*HELIOGRAPH, word], capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout
        for word in ("version", "--version")
    ]

    assert printed[0] == printed[1]
    assert printed[0].strip().count(".") == 2


def completed(*words: str) -> list[str]:
    """What bash offers for the last of these words, with the script that `--show-completion` prints."""
    quoted = " ".join(f"'{word}'" for word in words)
    script = (
        'eval "$(heliograph --show-completion bash)"; '
        f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _heliograph_completion heliograph; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return done.stdout.split()


def test_bash_completes_commands_types_and_options() -> None:
    assert ["serve"] == completed("heliograph", "ser")
    assert ["START_LOST_MODE", "STOP_LOST_MODE"] == completed("heliograph", "issue", "phone", "ST")
    assert ["--data-dir", "--database"] == completed("heliograph", "serve", "--data")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_too(shell: str) -> None:
    script = subprocess.run(
        [*HELIOGRAPH, "--show-completion", shell], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    ).stdout

    assert f"_HELIOGRAPH_COMPLETE={shell}_complete" in script


def test_the_server_in_front_of_a_type_wins_over_the_environment(sandbox: Sandbox) -> None:
    done = sandbox.run("issue", "--server", "http://127.0.0.1:9", "phone", "LOCK")

    assert 5 == done.returncode
    assert "http://127.0.0.1:9" in done.stderr
