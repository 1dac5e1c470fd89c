"""The options of `serve` and `sandbox`: on the command line, in the environment, in a file; and what a mistake is answered."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from heliograph.cli import app
from heliograph.cli.server_option import BOTH, CheckedText, ServerOption
from heliograph.cli.server_options import options_of
from heliograph.service.limits import BY_NAME
from tests.e2e.program import running_sandbox
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S

EVERY_OPTION = [pytest.param(command, option, id=f"{command} {option.flag}") for command in BOTH for option in options_of(command)]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HELIOGRAPH_")]:
        monkeypatch.delenv(name)


def given(command: str, *arguments: str) -> dict[str, Any]:
    """The options as the command gets them."""
    listed = app.get_command(click.Context(app), command)
    assert listed is not None
    return listed.make_context(command, list(arguments)).params


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The real command, which ends by itself."""
    environment = {**os.environ, **variables}
    return subprocess.run([*HELIOGRAPH, *arguments], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


CHECKED: dict[str, tuple[Any, Any, Any]] = {
    "--limit": (["policies=1", "web-apps=2"], ["policies=3"], ["web-apps=4", "policies=5"]),
    "--oidc-issuer": ("https://a.example", "https://b.example", "http://localhost:1"),
    "--oidc-group": (["a=admin:*", "b=viewer:c"], ["c=viewer:d"], ["d=admin:e,f", "g=viewer:*"]),
}
"""Values of options whose text is checked."""


def values_of(option: ServerOption) -> Iterator[Any]:
    """Three values that it can have, none of them the default, as a file has them."""
    if option.is_flag:
        yield from (True, False, True)
    elif isinstance(option.type, CheckedText):
        yield from CHECKED[option.flag]
    elif option.repeated:
        yield from (["a", "b"], ["c"], ["d", "e"])
    elif isinstance(option.type, click.Choice):
        choices = list(option.type.choices)
        yield from (choices[-1], choices[0], choices[-1])
    elif isinstance(option.type, click.IntRange):
        yield from (41, 42, 43)
    elif isinstance(option.type, click.FloatRange):
        yield from (41.5, 42.0, 43.25)
    else:
        yield from ("one", "two", "three")


def as_given(option: ServerOption, value: Any) -> Any:  # noqa: ANN401 - of any kind
    if isinstance(value, list):
        return tuple(value)
    return Path(value) if isinstance(option.type, click.Path) else value


def as_text(value: Any) -> str:  # noqa: ANN401 - of any kind
    return " ".join(value) if isinstance(value, list) else str(value).lower()


def as_arguments(option: ServerOption, value: Any) -> list[str]:  # noqa: ANN401 - of any kind
    if isinstance(value, bool):
        return [option.flag] if value else []
    return [text for item in (value if isinstance(value, list) else [value]) for text in (option.flag, str(item))]


@pytest.mark.parametrize("command, option", EVERY_OPTION)
def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    command: str, option: ServerOption, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_file, in_environment, on_command_line = values_of(option)
    name = option.key.replace("-", "_")
    config = tmp_path / "heliograph.toml"
    config.write_text(f"[{command}]\n{option.key} = {json.dumps(in_file)}\n")

    from_file = given(command, "--config", str(config))[name]
    for variable in reversed(option.variables(command)):
        monkeypatch.setenv(variable, as_text(in_environment))
        assert as_given(option, in_environment) == given(command, "--config", str(config))[name]
    from_command_line = given(command, "--config", str(config), *as_arguments(option, on_command_line))[name]

    assert as_given(option, in_file) == from_file
    assert as_given(option, on_command_line) == from_command_line


@pytest.mark.parametrize("command", BOTH)
def test_without_any_of_them_the_documented_defaults_hold(command: str) -> None:
    defaults = given(command)

    for option in options_of(command):
        nothing: Any = False if option.is_flag else () if option.repeated else option.default
        assert nothing == defaults[option.key.replace("-", "_")]


def test_the_commands_own_variable_wins_over_the_one_of_all_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_LOG_LEVEL", "debug")
    monkeypatch.setenv("HELIOGRAPH_SERVE_LOG_LEVEL", "warning")

    assert "warning" == given("serve")["log_level"]


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_SERVE_PORT", "")

    assert 8080 == given("serve")["port"]


def test_a_sandbox_starts_from_a_file_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "heliograph.toml"
    config.write_text('[sandbox]\nenterprise = ["LC01", "LC02"]\nquota-per-minute = 1000\n\n[serve]\nport = 9\n')
    monkeypatch.setenv("HELIOGRAPH_CONFIG", str(config))

    with running_sandbox(tmp_path / "sandbox") as sandbox:
        names = [sandbox.call("GET", f"/v1/enterprises/{enterprise}")["name"] for enterprise in ("LC01", "LC02")]

    assert ["enterprises/LC01", "enterprises/LC02"] == names


def test_every_mistake_in_a_file_is_named_with_what_to_write(tmp_path: Path) -> None:
    config = tmp_path / "heliograph.toml"
    config.write_text(
        "workers = 4\n[serve]\nprot = 1\nport = '8080'\nno-auth = 1\npublic-url = 'https://a.example'\nlog-level = 'loud'\n"
        "database = ['postgresql://u:hunter2@db/name']\nretention-days = 0\nenterprise = ['LC01']\n"
        "drain-seconds = true\n[sandbox]\nhead-seconds = 'long'\ndata_dir = 'x'\n"
        "limit = ['policies=5', 'polices=3']\n[server]\nport = 1\n"
    )

    done = run("serve", "--config", str(config))

    assert 2 == done.returncode
    assert [
        f"Error: {config}: workers is outside a table: put it below [serve] or [sandbox].",
        f"{config}: [serve] prot is not an option. Did you mean port?",
        f'{config}: [serve] port is "8080", a string; write a whole number, without quotes.',
        f"{config}: [serve] no-auth is 1, a whole number; write true or false, without quotes.",
        f'{config}: [serve] public-url is "https://a.example", a string; write a list of strings, as in public-url = ["URL"].',
        f'{config}: [serve] log-level is "loud"; write one of "debug", "info", "warning".',
        f"{config}: [serve] database is a list; write a string, in double quotes.",
        f"{config}: [serve] retention-days is 0; it is at least 1.",
        f"{config}: [serve] enterprise is an option of sandbox only: move it to [sandbox], or leave it out.",
        f"{config}: [serve] drain-seconds is true, a boolean; write a whole number, without quotes.",
        f'{config}: [sandbox] head-seconds is "long", a string; write a number, without quotes.',
        f"{config}: [sandbox] data_dir is not an option. Did you mean data-dir?",
        f"{config}: [sandbox] limit: 'polices=3' must be NAME=NUMBER, as in policies=500. The names: {', '.join(BY_NAME)}.",
        f"{config}: there is no table [server]: the tables are [serve] and [sandbox].",
    ] == done.stderr.splitlines()


@pytest.mark.parametrize(
    "content, said",
    [
        (b"[serve\n", "is not valid TOML"),
        (b"[serve]\nhost = '\xff'\n", "is not UTF-8 from byte 16 on"),
        (None, "No such file or directory"),
    ],
    ids=["broken", "not UTF-8", "missing"],
)
def test_a_file_that_cannot_be_read_ends_the_command(content: bytes | None, said: str, tmp_path: Path) -> None:
    config = tmp_path / "heliograph.toml"
    if content is not None:
        config.write_bytes(content)

    done = run("sandbox", "--config", str(config))

    assert 2 == done.returncode
    assert str(config) in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_value_in_the_environment_is_named_by_its_variable() -> None:
    done = run("serve", HELIOGRAPH_SERVE_PORT="tcp://10.0.0.1:80")

    assert 2 == done.returncode
    assert "HELIOGRAPH_SERVE_PORT: 'tcp://10.0.0.1:80' is not a valid integer" in done.stderr


@pytest.mark.parametrize(
    "arguments, variables, where",
    [
        (["--limit", "polices=3"], {}, "'--limit'"),
        ([], {"HELIOGRAPH_SERVE_LIMIT": "policies=5 policies=0"}, "the environment variable HELIOGRAPH_SERVE_LIMIT"),
    ],
    ids=["command line", "environment"],
)
def test_a_wrong_limit_is_named_with_where_it_came_from(arguments: list[str], variables: dict[str, str], where: str) -> None:
    done = run("serve", *arguments, **variables)

    assert 2 == done.returncode
    assert f"{where}: 'polic" in done.stderr
    assert "must be NAME=NUMBER, as in policies=500. The names: enrollment-tokens, " in done.stderr


@pytest.mark.parametrize("place", ["file", "environment"])
def test_a_database_url_with_a_password_is_never_repeated(place: str, tmp_path: Path) -> None:
    wrong = "mysql://heliograph:hunter2@db.example.com/heliograph"
    config = tmp_path / "heliograph.toml"
    config.write_text(f'[serve]\ndatabase = "{wrong}"\n' if place == "file" else "")

    done = run("serve", "--config", str(config), **({"HELIOGRAPH_DATABASE": wrong} if place == "environment" else {}))

    assert 2 == done.returncode
    assert "postgresql://user@host:5432/name" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
