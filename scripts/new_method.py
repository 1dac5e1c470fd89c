"""`make new-method ID=enterprises.migrationTokens.get`: writes the skeleton of a REST method from the official discovery document.

Row, handler, verb and test, and the names of its messages for `make docs`. The verb answers 501 until it is written. Nothing is written
for an id that Google's API does not have, or that is served already.
"""

import difflib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heliograph.api.methods import AMAPI_METHODS
from heliograph.domain.official_messages import MESSAGES
from tests.discovery import document, methods_of

ROOT = Path(__file__).parents[1]
ROWS = "src/heliograph/api/methods.py"
HANDLERS = "src/heliograph/api/resources/{resource}.py"
VERBS = "src/heliograph/service/{resource}.py"
TESTS = "tests/api/test_{resource}.py"
MESSAGE_NAMES = "scripts/official_schema.py"
MESSAGE_TEXTS = "src/heliograph/api/schema_texts.py"
ABOVE_TEXTS = "_POLICY_TEXTS = {\n    **dict.fromkeys(MESSAGES, "
QUERIES: Mapping[frozenset[str], tuple[str, str]] = {
    frozenset(): ("heliograph.api.http.query", "NoQuery"),
    frozenset({"pageSize", "pageToken"}): ("heliograph.api.http.query", "PageQuery"),
    frozenset({"updateMask"}): ("heliograph.api.resources.devices", "UpdateQuery"),
}
"""The message of a query with these parameters: module and name."""
API = "androidmanagement."
SUMMARY_MOST_CHARS = 90
"""Fits into one line of a row, whatever stands around it."""
LINE_MOST_CHARS = 140  # pyproject.toml, ruff
STANDARD = ("get", "list", "create", "patch", "delete")

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Described:
    """A method as the document has it, and the names that follow from its id."""

    id: str
    """Without the API's name: `enterprises.migrationTokens.get`."""
    of: Json

    @property
    def resource(self) -> str:
        """`web_apps`."""
        return snake(self.id.split(".")[-2])

    @property
    def handler(self) -> str:
        """`get`; `list_`, for that is a name of Python's."""
        name = snake(self.id.rpartition(".")[2])
        return "list_" if name == "list" else name

    @property
    def verb(self) -> str:
        """`get_web_app`, `list_web_apps`; a method with a name of its own is called by it."""
        name = self.id.rpartition(".")[2]
        if name not in STANDARD:
            return snake(name)
        return f"{name}_{self.resource if name == 'list' else self.resource.removesuffix('s')}"

    @property
    def summary(self) -> str:
        """The first sentence of what Google says; of a long one, up to its first comma."""
        sentence = str(self.of["description"]).partition(". ")[0].rstrip(".")
        return (sentence if len(sentence) <= SUMMARY_MOST_CHARS else sentence.partition(", ")[0]) + "."

    @property
    def path(self) -> str:
        """As our rows write it: `enterprises/*/migrationTokens/*`."""
        return re.sub(r"\{[^}]+\}", "*", self.of["flatPath"]).removeprefix("v1/")

    def message(self, role: str) -> str:
        """The name of the message that is its `request` or `response`; "" for none, and for Empty."""
        name = str(self.of.get(role, {}).get("$ref", ""))
        return "" if name == "Empty" else name

    def query(self) -> tuple[str, str]:
        """Module and name of its query's message.  Raises: SystemExit: there is none yet."""
        names = frozenset(name for name, parameter in self.of.get("parameters", {}).items() if parameter["location"] == "query")
        if names not in QUERIES:
            raise SystemExit(
                f"No message has the parameters {', '.join(sorted(names))}: declare one, and name it in QUERIES of {__file__}."
            )
        return QUERIES[names]


def snake(name: str) -> str:
    """`webApps` is `web_apps`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def described(wanted: str) -> Described:
    """The method that shall be written.  Raises: SystemExit with what is wrong with its id."""
    name = wanted.removeprefix(API)
    known = {full.removeprefix(API): method for full, method in methods_of(document()).items()}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3) or sorted(known)
        raise SystemExit(f"Google's API has no method {name!r}. Did you mean one of these? {', '.join(close)}")
    served = {method.id.removeprefix(API) for method in AMAPI_METHODS if method.offered}
    if name in served:
        raise SystemExit(f"{name} is served already: its row is in {ROWS}.")
    return Described(id=name, of=known[name])


def new_messages(method: Described) -> list[str]:
    """The messages of its request and response and those in them that no class stands for yet."""
    schemas = document()["schemas"]
    left, found = [method.message("request"), method.message("response")], list[str]()
    while left:
        name = left.pop()
        if name and name not in MESSAGES and name not in found:
            found.append(name)
            left += re.findall(r'"\$ref": "(\w+)"', json.dumps(schemas[name]))
    return sorted(found)


def row(method: Described) -> str:
    """Its row in the table of methods."""
    order = method.of.get("parameterOrder") or ["name"]
    query = method.query()[1]
    fields = [
        f'id="{API}{method.id}"',
        f'http="{method.of["httpMethod"]}"',
        f'path="{method.path}"',
        f"handler={method.resource}.{method.handler}",
        *([f"query={query}"] if query != "NoQuery" else []),
        *(["takes_body=True"] if "request" in method.of else []),
        f"summary={json.dumps(method.summary)}",
        *(f'{role}=MESSAGES["{name}"]' for role in ("request", "response") if (name := method.message(role))),
        *([f'path_parameter="{order[0]}"'] if order[0] != "name" else []),
    ]
    return f"    Method({', '.join(fields)},),\n"


def handler(method: Described) -> str:
    """Reads the request, calls the verb."""
    module, query = method.query()
    given = ["call.ports", "call.ids"]
    imports = ["from heliograph.api.method import Call", f"from heliograph.service.{method.resource} import {method.verb}"]
    body = []
    if query != "NoQuery":
        imports.append(f"from {module} import {query}")
        body.append(f"    query: {query} = call.query\n")
        given.append("query")
    if request := method.message("request"):
        imports.append("from heliograph.domain.official_messages import MESSAGES")
        body.append(f'    wanted = await call.message(MESSAGES["{request}"], root="{snake(request)}")\n')
        given.append("wanted")
    arguments = ", ".join(f"{name}={name}" if name in {"query", "wanted"} else name for name in given)
    return (
        "\n".join(imports) + f"\n\n\nasync def {method.handler}(call: Call) -> bytes:\n"
        f"    {docstring(method)}\n{''.join(body)}    return await {method.verb}({arguments})\n"
    )


def docstring(method: Described) -> str:
    """Of the handler, which is indented once: in one line if it fits."""
    line = f'"""{method.summary}  Source: disc, {method.id}."""'
    return line if len(line) <= LINE_MOST_CHARS - 4 else f'"""{method.summary}\n\n    Source: disc, {method.id}.\n    """'


def verb(method: Described) -> str:
    """What is left to write."""
    query = method.query()[1]
    imports = ["from heliograph.protojson.errors import Unimplemented", "from heliograph.service.ports import Ports"]
    keywords = []
    if query != "NoQuery" or method.message("request"):
        imports.append("import msgspec")
        keywords = ["*", *(["query: msgspec.Struct"] if query != "NoQuery" else [])]
        keywords += ["wanted: msgspec.Struct"] if method.message("request") else []
    look = ""
    if method.path.startswith("enterprises/*"):
        imports += [
            "from heliograph.domain.names import EnterpriseName",
            "from heliograph.service.not_found import enterprise_absence",
        ]
        look = "    if (error := await enterprise_absence(ports, EnterpriseName(ids[0]))) is not None:\n        raise error\n"
    parameters = ", ".join(["ports: Ports", "ids: tuple[str, ...]", *keywords])
    said = f'"{method.id} is not written yet: see {VERBS.format(resource=method.resource)}."'
    return (
        "\n".join(imports) + f"\n\n\nasync def {method.verb}({parameters}) -> bytes:\n"
        f'    """{method.summary}  Raises: EnterpriseNotAuthorized."""\n{look}    raise Unimplemented({said})\n'
    )


def test(method: Described) -> str:
    """Fails until the verb is written."""
    at = "/v1/" + method.path.replace("enterprises/*", "{enterprise}", 1).replace("*", "one")
    body = ', b"{}"' if "request" in method.of else ""
    return (
        "from tests.api.live import Live\n\n\n"
        f"def test_{method.verb}_is_answered(live: Live, enterprise: str) -> None:\n"
        f'    answer = live.call("{method.of["httpMethod"]}", f"{at}"{body})\n\n    assert 200 == answer.status, answer.message\n'
    )


def added(path: str, docstring: str, text: str) -> tuple[str, str]:
    """The file with the text: its imports at the top, the rest at the end."""
    file = ROOT / path
    before = file.read_text(encoding="utf-8") if file.exists() else f'"""{docstring}"""\n'
    imports, _, rest = text.partition("\n\n\n")
    opening, quotes, below = before.partition('"""\n')
    return path, f"{opening}{quotes}\n{imports}\n{below.rstrip()}\n\n\n{rest}"


def table_of_methods(method: Described) -> tuple[str, str]:
    """The table with the row among those served, and no longer among those not offered."""
    text = (ROOT / ROWS).read_text(encoding="utf-8")
    text = re.sub(rf'^    not_offered\(\n +id="{re.escape(API + method.id)}",\n(?: {{8}}.*\n)+    \),\n', "", text, flags=re.MULTILINE)
    text = re.sub(r"^_SERVED = \(\n(?:.*\n)*?(?=\)\n)", lambda found: found[0] + row(method), text, count=1, flags=re.MULTILINE)
    module, query = method.query()
    imports = [f"from heliograph.api.resources import {method.resource}", "from heliograph.domain.official_messages import MESSAGES"]
    imports += [f"from {module} import {query}"] if query != "NoQuery" else []
    opening, quotes, below = text.partition('"""\n\n')
    return ROWS, f"{opening}{quotes}" + "\n".join(imports) + f"\n{below}"


def skeleton(method: Described) -> Iterator[tuple[str, str]]:
    """Every file of it and its text."""
    yield table_of_methods(method)
    resource = method.id.split(".")[-2]
    yield added(HANDLERS.format(resource=method.resource), f"The {resource} resource.", handler(method))
    yield added(VERBS.format(resource=method.resource), f"The {resource} resource: its verbs.", verb(method))
    yield added(TESTS.format(resource=method.resource), f"The {resource} resource over REST.", test(method))
    names = new_messages(method)
    if names:
        listed = (ROOT / MESSAGE_NAMES).read_text(encoding="utf-8")
        yield MESSAGE_NAMES, listed.replace("ROOTS = (\n", f"ROOTS = (\n    {', '.join(json.dumps(name) for name in names)},\n", 1)
        texts = (ROOT / MESSAGE_TEXTS).read_text(encoding="utf-8")
        schemas = document()["schemas"]
        lines = "".join(f"    {json.dumps(name)}: {json.dumps(schemas[name].get('description', name))},\n" for name in names)
        above, found, below = texts.partition(ABOVE_TEXTS)
        rest_of_line, _, below = below.partition("\n")
        yield MESSAGE_TEXTS, f"{above}{found}{rest_of_line}\n{lines}{below}"


def main(arguments: list[str]) -> None:
    """The skeleton is written, or the script ends with a sentence that says why not."""
    if len(arguments) != 1 or not arguments[0]:
        raise SystemExit("Which method? make new-method ID=enterprises.migrationTokens.get")
    files = dict(skeleton(described(arguments[0])))
    for path, text in files.items():
        (ROOT / path).write_text(text, encoding="utf-8")
    ruff = [str(Path(sys.executable).parent / "ruff")]
    places = [str(ROOT / path) for path in files]
    for command in (["check", "--quiet", "--no-cache", "--select", "I,F401", "--fix"], ["format", "--quiet", "--no-cache"]):
        subprocess.run([*ruff, *command, *places], cwd=ROOT, check=True)
    print("\n".join(f"wrote {path}" for path in files), flush=True)
    # In a process of its own: its list of messages has just changed.
    subprocess.run([sys.executable, "-m", "scripts.official_schema"], cwd=ROOT, check=True)
    print("Now write the verb, then: make docs")


if __name__ == "__main__":
    main(sys.argv[1:])
