"""The pages for CI: recipes that a compiler can read, and a workflow that names what there is. No engine runs them here."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from heliograph.cli import app
from heliograph.cli.ready_file import variables_of
from tests.deploy.image import ROOT, stages
from tests.patience import PATIENCE_S

PAGE = (ROOT / "docs" / "containers.md").read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load((ROOT / "examples" / "ci" / "github.yaml").read_text(encoding="utf-8"))
PARSE = """
import com.sun.source.util.JavacTask;
import java.util.List;
import javax.tools.*;

class Parse {
  public static void main(String[] arguments) throws Exception {
    var compiler = ToolProvider.getSystemJavaCompiler();
    var found = new DiagnosticCollector<JavaFileObject>();
    var files = compiler.getStandardFileManager(found, null, null);
    var task = (JavacTask) compiler.getTask(null, files, found, null, null, files.getJavaFileObjects(arguments[0]));
    task.parse();
    found.getDiagnostics().forEach(System.err::println);
    System.exit(found.getDiagnostics().isEmpty() ? 0 : 1);
  }
}
"""


def recipe(language: str) -> str:
    """The page's only program in this language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_recipe_for_python_is_python() -> None:
    ast.parse(recipe("python"))


@pytest.mark.parametrize("language, name, command", [
    ("js", "recipe.cjs", ["node", "--check", "recipe.cjs"]),
    ("go", "recipe.go", ["gofmt", "-l", "-e", "recipe.go"]),
    ("java", "SandboxTest.java", ["java", "Parse.java", "SandboxTest.java"]),
])  # fmt: skip
def test_a_compiler_reads_the_recipe(language: str, name: str, command: list[str], tmp_path: Path) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not here")
    (tmp_path / name).write_text(recipe(language))
    (tmp_path / "Parse.java").write_text(PARSE)

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_every_recipe_asks_for_the_images_port_and_a_page_that_is_there() -> None:
    (port,) = [step.rest for step in stages()[-1] if step.word == "EXPOSE"]

    for language in ("python", "js", "java", "go"):
        assert (True, True) == (port in recipe(language), "/healthz" in recipe(language)), language


def test_the_workflow_names_commands_and_variables_that_there_are() -> None:
    jobs = WORKFLOW["jobs"].values()
    lines = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    (ours,) = [line.split() for line in lines if line.startswith("heliograph ")]
    (service,) = [job for job in jobs if "services" in job]
    (mapping,) = service["services"]["heliograph"]["ports"]
    url = f"http://localhost:{mapping.partition(':')[0]}"

    assert app.get_command(click.Context(app), ours[1]) is not None
    assert "--" == ours[2]
    assert service["env"].items() <= variables_of(url).items()
