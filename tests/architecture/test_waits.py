"""What waits for a program, or for a peer behind a socket, has an end: one that hangs costs a test its patience, not the run its time.

What waits for a thread, a task or an event of the test's own process is ended, and shown, by tests/time_is_up.py.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.sources import ROOT, modules_under, relative, tree

BOUNDED_BY_THEMSELVES = {
    "tests/android/subjects.py": "a phone's keeper waits as long as the phone lives, and is cancelled with it",
    "tests/forks.py": "it starts what forks, which ends with pytest",
    "tests/running.py": "it is what bounds the others",
    "benchmarks/cluster.py": "it kills PostgreSQL after twenty seconds",
    "benchmarks/servers.py": "it kills the server after STOP_S",
}
"""Files that start programs themselves."""
TIMEOUT_AT = {"urlopen": 2, "HTTPConnection": 2, "HTTPSConnection": 2, "create_connection": 1}
"""Of what opens a connection: which positional argument says for how long it waits."""
WAITS = {*TIMEOUT_AT, "Popen", "run", "call", "check_call", "check_output", "communicate", "wait", "readline", "read", "readuntil"}
BOUNDS = ("Watched(", "asyncio.timeout(", "asyncio.wait_for(")
KILLS = (".kill()", "SIGKILL")


def unbounded(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of each call in the module that could wait for ever for another process."""
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call) and _last_word(node.func) in WAITS]
    parents = {child: node for node in ast.walk(module) for child in ast.iter_child_nodes(node)} if calls else {}
    for call in calls:
        name, awaited = _last_word(call.func), isinstance(parents[call], ast.Await)
        text, given = ast.unparse(call), {keyword.arg for keyword in call.keywords}
        if name in TIMEOUT_AT:
            waits = "timeout" not in given and len(call.args) <= TIMEOUT_AT[name] and not awaited
        elif text.startswith("subprocess."):
            waits = not given & {"timeout", None}
        else:
            waits = awaited and _waits_for_a_program(text, name) and not _bounded(call, parents)
        if waits:
            yield call.lineno, text


def _last_word(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def _waits_for_a_program(text: str, name: str) -> bool:
    """Of a call that is awaited."""
    return (
        name == "communicate"
        or (name.startswith("read") and (".stdout." in text or ".stderr." in text))
        or (name == "wait" and "process" in text)
    )


def _bounded(call: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether something around it ends the wait, or a line before it in its function ended the program."""
    node = call
    while (node := parents[node]) in parents:
        if isinstance(node, ast.With | ast.AsyncWith) and any(ast.unparse(item).startswith(BOUNDS) for item in node.items):
            return True
        if isinstance(node, ast.AsyncFunctionDef):
            before = [ast.unparse(one) for one in ast.walk(node) if isinstance(one, ast.Call) and one.lineno <= getattr(call, "lineno", 0)]
            return any(kill in text for text in before for kill in KILLS)
    return False


def test_no_test_waits_for_another_process_without_an_end() -> None:
    paths = [path for path in modules_under(ROOT / "tests", ROOT / "benchmarks") if relative(path) not in BOUNDED_BY_THEMSELVES]

    assert [] == [(relative(path), *found) for path in paths for found in unbounded(tree(path))]


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.run(command)",
        "subprocess.Popen(command)",
        "urllib.request.urlopen(url)",
        "http.client.HTTPConnection(host)",
        "socket.create_connection(address)",
        "async def test(): await process.communicate()",
        "async def test(): await process.wait()",
        "async def test():\n await process.wait()\n process.kill()",
        "async def test(): (await server.stdout.readline()).decode()",
    ],
)
def test_such_a_wait_is_found(source: str) -> None:
    assert 1 == len([*unbounded(ast.parse(source))])


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.run(command, timeout=1)",
        "urllib.request.urlopen(url, None, 1)",
        "socket.create_connection(address, 1)",
        "async def test(): await loop.create_connection(protocol, *address)",
        "async def test():\n with Watched(process.pid): await process.wait()",
        "async def test():\n process.kill()\n await process.wait()",
        "async def test():\n async with asyncio.timeout(1): await process.stdout.readline()",
    ],
)
def test_one_that_has_an_end_is_not(source: str) -> None:
    assert [] == [*unbounded(ast.parse(source))]
