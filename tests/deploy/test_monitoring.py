"""What watches a fleet: promtool reads the rules, tries what is expected of each alert, and parses the dashboard's queries."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.booted import ROOT
from tests.not_tried import program_or_skip
from tests.operations.every_metric import OF_PROMETHEUS, asks_for_what_exists, every_metric
from tests.operations.exposition import Exposition
from tests.patience import PATIENCE_S

DEPLOY = ROOT / "deploy"
EXPECTED = Path(__file__).with_name("alerts_test.yaml")
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
OF_GRAFANA = {"$__rate_interval": "5m", "$instance": ".*"}
PROCESS_METRIC = re.compile(r"process_[a-z_]+")


@pytest.fixture(scope="module", autouse=True)
def promtool() -> None:
    """It is here, or the tests are skipped; in CI they fail."""
    program_or_skip("promtool", package="prometheus")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exposition]:
    """Every number of /metrics."""
    with every_metric(tmp_path_factory.mktemp("data")) as shown:
        yield shown


def run(*words: object) -> str:
    """What promtool says, if it is content."""
    done = subprocess.run(["promtool", *map(str, words)], cwd=DEPLOY, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def queries() -> Iterator[tuple[str, str]]:
    """Every query of the dashboard, by its panel's title, with what Grafana puts in for its variables."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"]
            for variable, value in OF_GRAFANA.items():
                query = query.replace(variable, value)
            yield panel["title"], query


def test_the_rules_are_rules() -> None:
    assert "SUCCESS" in run("check", "rules", DEPLOY / "alerts.yaml")


def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "prometheus.yml", tmp_path)
    shutil.copy(DEPLOY / "alerts.yaml", tmp_path / "heliograph-alerts.yaml")

    assert "SUCCESS" in run("check", "config", tmp_path / "prometheus.yml")


def test_each_alert_fires_when_it_should_and_not_otherwise() -> None:
    assert "SUCCESS" in run("test", "rules", EXPECTED)


def test_something_is_expected_of_each_alert() -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    cases = [case for test in yaml.safe_load(EXPECTED.read_text(encoding="utf-8"))["tests"] for case in test["alert_rule_test"]]

    assert {rule["alert"] for rule in rules} == {case["alertname"] for case in cases if case["exp_alerts"]}


def test_prometheus_parses_every_query_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, (_, query) in enumerate(queries())]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))

    assert f"{len(rules)} rules found" in run("check", "rules", "--lint=none", file)
    assert len(rules) > 20


@pytest.mark.parametrize("title, query", list(queries()), ids=lambda text: text[:30])
def test_every_query_of_the_dashboard_asks_for_what_metrics_shows(shown: Exposition, title: str, query: str) -> None:
    assert set(PROCESS_METRIC.findall(query)) <= shown.names, title
    asks_for_what_exists(query, shown, added=OF_PROMETHEUS)


def test_every_panel_says_what_it_shows_and_overlaps_no_other() -> None:
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert all(panel["description"] for panel in panels)
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24  # Grafana's columns
