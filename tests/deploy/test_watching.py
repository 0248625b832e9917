"""The dashboard and the alert rules name metrics that exist, by labels they have, and say what they mean."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from answerdesk.api.meters import METRICS, Sort
from answerdesk.model.callback import Delivery
from answerdesk.model.task import Cause
from tests.house.source import ROOT

DASHBOARD = json.loads((ROOT / "deploy/grafana/answerdesk.json").read_text("utf-8"))
ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text("utf-8"))
SCRAPE = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

#: What is told beside the table: by the client library of every process, and by Prometheus of every target.
OTHERS = {"process_resident_memory_bytes": set(), "process_cpu_seconds_total": set(), "up": {"job"}}
#: Labels that Prometheus adds.
ADDED = {"instance", "job"}
FUNCTIONS = {"changes", "histogram_quantile", "increase", "max", "min", "rate", "sum", "time"}
WORDS = {"and", "by", "on", "group_left", "offset", "or", "unless"}
NAME = re.compile(r"(?<![\w$.])[a-zA-Z_]\w*")
SELECTOR = re.compile(r"([a-zA-Z_]\w*)\{([^}]*)\}")
GROUPED = re.compile(r"\b(?:by|on|group_left) ?\(([^)]*)\)")
#: What each node reads of the database they share: it is the same at all of them, and never added up.
SHARED = {
    "answerdesk_lease_expiries_total", "answerdesk_queue_tasks", "answerdesk_queue_age_seconds",
    "answerdesk_queue_leases", "answerdesk_people_on_shift", "answerdesk_machines_on_shift",
    "answerdesk_profiles_worse", "answerdesk_ledger_drift", "answerdesk_ledger_entries",
    "answerdesk_ledger_checked_timestamp_seconds",
}  # fmt: skip
VALUES = {"state": {*map(str, Delivery), "forgotten"}, "cause": set(map(str, Cause)), "fault": {"none"}}


def series() -> dict[str, set[str]]:
    """Every name a query may use, with its labels."""
    known = dict(OTHERS)
    for metric in METRICS:
        endings = ("_bucket", "_count", "_sum") if metric.sort is Sort.HISTOGRAM else ("",)
        for ending in endings:
            known[metric.name + ending] = {*metric.labels, *({"le"} if ending == "_bucket" else ())}
    return known


KNOWN = series()


def queries() -> Iterator[tuple[str, str]]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for note in DASHBOARD["annotations"]["list"]:
        yield note["name"], note["expr"]
    for rule in RULES:
        yield rule["alert"], rule["expr"]


def used(query: str) -> set[str]:
    """Give the names of metrics in a query: what is no label, value, duration, function or word of the language."""
    bare = re.sub(r'"[^"]*"', "", query)
    bare = re.sub(r"\[[^\]]*\]", "", GROUPED.sub("", SELECTOR.sub(r"\1 ", bare)))
    # A duration after `offset` begins with a digit, and so is no name.
    return set(NAME.findall(bare)) - FUNCTIONS - WORDS


QUERIES = list(queries())
each_query = pytest.mark.parametrize(
    ("where", "query"), QUERIES, ids=[f"{where} {n}" for n, (where, _) in enumerate(QUERIES)]
)


@each_query
def test_a_query_names_metrics_that_exist_by_labels_they_have(where, query) -> None:
    names = used(query)

    assert names
    assert names - KNOWN.keys() == set()
    allowed = set().union(*(KNOWN[name] for name in names)) | ADDED
    grouped = {label.strip() for labels in GROUPED.findall(query) for label in labels.split(",") if label.strip()}
    assert grouped - allowed == set()
    for name, matchers in SELECTOR.findall(query):
        for label, value in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', matchers):
            assert label in KNOWN[name] | ADDED
            assert label not in VALUES or set(value.split("|")) <= VALUES[label]


@each_query
def test_a_query_is_well_formed(where, query) -> None:
    assert query.count("(") == query.count(")")
    assert query.count("{") == query.count("}")
    for name in re.findall(r"\b(?:rate|increase)\(([^\[)]*)", query):
        metric = re.sub(r"_(bucket|count|sum)?(\{.*)?$|\{.*$", "", name)
        found = [each for each in METRICS if name.startswith(each.name)]
        assert all(each.sort is not Sort.GAUGE for each in found), metric
    for quantile in re.findall(r"histogram_quantile\(([\d.]+), sum by \(([^)]*)\)", query):
        assert 0 < float(quantile[0]) < 1
        assert "le" in quantile[1]


@each_query
def test_what_every_node_reads_of_one_database_is_not_added_up(where, query) -> None:
    added = re.findall(r"\bsum(?: by \([^)]*\))? ?\((?:(?:rate|increase)\()?(\w+)", query)

    assert SHARED & set(added) == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_what_one_node_counts_for_all_is_not_held_against_what_each_counts_for_itself(rule: dict[str, Any]) -> None:
    # Who is on duty settles what is overdue and posts the callbacks of all nodes.
    for_all = SHARED | {"answerdesk_settle_seconds_count", "answerdesk_callbacks_total"}
    rates = re.findall(r"\bby \(([^)]*)\) \((?:rate|increase)\((\w+)", rule["expr"])

    assert [labels for labels, name in rates if name in for_all and "instance" in labels] == []


def test_a_name_that_does_not_exist_is_noticed() -> None:
    assert used('sum by (kind) (rate(answerdesk_nothing_total{state="x"}[5m])) > 0') == {"answerdesk_nothing_total"}


def test_the_dashboard_shows_every_metric() -> None:
    shown = set().union(*(used(query) for panel in PANELS for query in (each["expr"] for each in panel["targets"])))
    shown |= {name for note in DASHBOARD["annotations"]["list"] for name in used(note["expr"])}

    assert [metric.name for metric in METRICS if not any(name.startswith(metric.name) for name in shown)] == []


def test_every_panel_has_a_place_of_its_own_a_title_and_a_sentence() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }

        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert all(panel["title"] and panel["description"].endswith(".") for panel in PANELS)


def test_the_dashboard_asks_the_data_source_that_is_chosen() -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    sources = [panel["datasource"] for panel in PANELS]
    sources += [target["datasource"] for panel in PANELS for target in panel["targets"]]

    assert all(source == chosen for source in sources)
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "instance"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_what_is_so_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Answerdesk[A-Z][A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
    for text in (rule["annotations"]["summary"], rule["annotations"]["description"]):
        assert text.endswith(".")
        assert len(text) > 30
    told = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
    assert told <= ADDED | set().union(*(KNOWN[name] for name in used(rule["expr"])))


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_prometheus_itself_takes_the_rules_and_the_scrape() -> None:
    for what, file in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
        command = ["promtool", "check", what, str(ROOT / "deploy/prometheus" / file)]
        done = subprocess.run(command, capture_output=True, check=False, text=True)

        assert done.returncode == 0, done.stdout + done.stderr


def test_no_two_rules_have_one_name() -> None:
    names = [rule["alert"] for rule in RULES]

    assert len(set(names)) == len(names)


def test_the_scrape_loads_the_rules_and_names_the_job_they_ask_for() -> None:
    (job,) = SCRAPE["scrape_configs"]

    assert (ROOT / "deploy/prometheus" / SCRAPE["rule_files"][0]).exists()
    assert f'job=~"{job["job_name"]}.*"' in "".join(rule["expr"] for rule in RULES)
    assert job.get("metrics_path", "/metrics") == "/metrics"
