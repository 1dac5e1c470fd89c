"""What docs/operations.md and deploy/alerts.yaml name exists, and what exists is explained there: no one is woken by a missing metric."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from heliograph.service.metrics import OUTCOMES
from tests.architecture.sources import PACKAGE, modules_under
from tests.operations.every_metric import METRIC, SELECTOR, asks_for_what_exists, every_metric
from tests.operations.exposition import Exposition

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
EVENT = re.compile(r"\blog\.(?:debug|info|warning|error|critical)\(\s*\"([a-z_]+\.[a-z_]+)\"|get_logger\(\)\.critical\(\"([a-z_.]+)\"")
LOOPED_EVENT = re.compile(r"\(\"(command\.[a-z]+)\", happened\.")
SUFFIXES = ("_bucket", "_sum", "_count")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exposition]:
    """Every number of /metrics."""
    with every_metric(tmp_path_factory.mktemp("data")) as told:
        yield told


def families(told: Exposition) -> set[str]:
    """The names as the page has them: a histogram's own, not those of its parts."""
    names = {name for name in told.names if name.startswith("heliograph_")}
    histograms = {name.removesuffix("_bucket") for name in names if name.endswith("_bucket")}
    return {name for name in names if not any(name == histogram + suffix for histogram in histograms for suffix in SUFFIXES)} | histograms


def test_every_metric_is_told_on_the_page_and_no_other(told: Exposition) -> None:
    named = set(METRIC.findall(PAGE)) - {"heliograph_"}

    left_out = [f"| `{name}{labels_shown(told, name)}` | … |" for name in sorted(families(told) - named)]
    assert not left_out, "Add to the table of metrics in docs/operations.md:\n" + "\n".join(left_out)
    assert set() == named - families(told)


def labels_shown(told: Exposition, name: str) -> str:
    """The metric's labels as the page writes them."""
    labels = sorted(told.labels_of(name))
    return f"{{{','.join(labels)}}}" if labels else ""


def test_every_label_on_the_page_is_one_that_the_metric_has(told: Exposition) -> None:
    wrong = {
        (name, label)
        for name, labels in SELECTOR.findall(PAGE)
        for label in labels.split(",")
        if label not in told.labels_of(name) | told.labels_of(f"{name}_bucket")
    }

    assert set() == wrong


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_asks_for_metrics_and_labels_that_exist(told: Exposition, rule: Mapping[str, Any]) -> None:
    expression = rule["expr"]

    asks_for_what_exists(expression, told)
    for _, selector in SELECTOR.findall(expression):
        for label, value in re.findall(r"(\w+)=~?\"([^\"]*)\"", selector):
            assert label != "outcome" or value in OUTCOMES
    assert expression.count("(") == expression.count(")")


def test_the_page_says_of_every_alert_what_to_do() -> None:
    assert {rule["alert"] for rule in RULES} == set(re.findall(r"^\| `(Heliograph\w+)`", PAGE, re.MULTILINE))


def test_every_event_of_the_log_is_told_on_the_page_and_no_other() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in modules_under(PACKAGE) if path.parent.name != "agent")
    logged = {one or other for one, other in EVENT.findall(text)} | set(LOOPED_EVENT.findall(text))
    table = PAGE[PAGE.index("| event | level |") :].split("\n\n")[0]

    assert logged == {event for event in re.findall(r"`([a-z_]+\.[a-z_]+)`", table) if "." in event}


def test_every_sentence_of_readyz_on_the_page_is_one_that_the_server_says() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in modules_under(PACKAGE))
    section = PAGE[PAGE.index("## /readyz failures") : PAGE.index("## Stuck commands")]
    sentences = re.findall(r"^\| `([^`…]+?)…?[^`]*`", section, re.MULTILINE)

    assert [] == [sentence for sentence in sentences if sentence.strip(" :.") not in source]
    assert len(sentences) > 5


def test_every_link_within_the_page_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in PAGE.splitlines() if line.startswith("#")
    }
    files = set(re.findall(r"\]\(([^)#]+)\)", PAGE))

    assert set() == set(re.findall(r"\]\(#([^)]+)\)", PAGE)) - headings
    assert set() == {file for file in files if not (ROOT / "docs" / file).exists()}
