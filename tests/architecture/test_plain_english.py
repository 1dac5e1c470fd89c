"""Texts are in plain English (docs/spec/style.md): words of a private dialect stay rare, and no docstring repeats its name."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.architecture.sources import ROOT, FunctionNode, functions, modules_under, relative, shipped_modules

# Google's own words, texts that quote the dialect in order to ban it, and a log of what once was said.
EXEMPT_PAGES = {"CHANGELOG.md", "docs/spec/style.md"}

BETTER = {
    r"tell|tells|told|telling": "report, return, say, show, log, send",
    r"heed|heeds|heeded": "obey, enforce",
    r"anew": "again",
    r"whoever": "anyone who, the caller, the reader",
    r"(?:nobody|anybody|everybody|somebody) (?:does|is|was|need|has|knows|reads|waits|may|can|could)": "no one, anyone",
    r"(?:becomes?|became|comes?|came) of(?! age)": "the outcome of",
    r"(?<!there )(?:is|are|was|were) no (?:text|field|type|database|key|number|address|error|value|character|message|id)\b": (
        "is not a …, or: does not exist"
    ),
    r"none is": "no … is",
    r"under way": "in progress",
    r"lest|whence|thereof": "so that … not, from which, of it",
}
PER_10_000_WORDS = 3.0
"""Of all these words together. Anchors such as NanoMDM and structlog have 0.4 to 2.7 of the first row alone."""

# Articles, prepositions and the like: they add nothing to a name.
SMALL = frozenset(
    re.findall(r"\w+", "a an the of in on at to for by with from as and or is are be it its this that which one all every each")
)


class Text(NamedTuple):
    """A piece of prose."""

    path: Path
    line: int
    words: str


def test_words_of_a_private_dialect_stay_rare() -> None:
    texts = [*texts_of_the_product()]

    found = [
        f"{relative(text.path)}:{text.line + text.words[: match.start()].count(chr(10))} {match[0]!r}: {better}"
        for pattern, better in BETTER.items()
        for text in texts
        for match in re.finditer(rf"\b(?:{pattern})\b", text.words, re.IGNORECASE)
    ]

    words = sum(len(re.findall(r"[A-Za-z']+", text.words)) for text in texts)
    assert len(found) <= PER_10_000_WORDS * words / 10_000, "\n".join(found)


def test_no_docstring_of_a_function_repeats_its_name() -> None:
    """`def oldest(self)`: "The oldest." says nothing; leave it out."""
    repeating = [
        f"{relative(path)}:{node.lineno} {node.name}: {said}"
        for path in shipped_modules()
        for node in functions(path)
        if not is_a_command(node) and (said := ast.get_docstring(node)) and repeats(said, node.name)
    ]

    assert [] == repeating


def texts_of_the_product() -> Iterator[Text]:
    """Pages, docstrings, comments, and strings of three words or more: help, errors, logs."""
    for path in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]:
        if relative(path) not in EXEMPT_PAGES:
            yield Text(path, 1, path.read_text(encoding="utf-8"))
    for path in modules_under(ROOT / "src"):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") >= 2:
                yield Text(path, node.lineno, node.value)
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield Text(path, token.start[0], token.string)


def repeats(docstring: str, name: str) -> bool:
    """Whether each word of its only line is in the name."""
    return "\n" not in docstring and significant(docstring) <= significant(name.replace("_", " "))


def is_a_command(node: FunctionNode) -> bool:
    """Of the command line: its docstring is its help."""
    return any("command" in ast.unparse(decorator) for decorator in node.decorator_list)


def significant(words: str) -> set[str]:
    """The words but for articles and prepositions, without endings."""
    return {stem(word) for word in re.findall(r"[a-z]+", words.lower().replace("'s", "")) if word not in SMALL}


def stem(word: str) -> str:
    """`lists` and `listed` are `list`."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word
