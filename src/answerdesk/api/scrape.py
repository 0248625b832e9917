"""The metrics as text: rows of the table and their numbers, written by prometheus-client for whoever asks.
Rule: a registry of our own; a number without a row is a bug, and a row without numbers says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from answerdesk.api.meters import METRICS, Metric, Numbers, Sort, Spread


class Table(Collector):
    """The numbers of one reading."""

    def __init__(self, numbers: Mapping[str, Numbers]) -> None:
        """Take numbers by their metric's name."""
        known = {metric.name for metric in METRICS}
        if unknown := numbers.keys() - known:
            raise LookupError(f"{min(unknown)} has no row in the table of metrics")
        self._numbers = numbers

    def collect(self) -> Iterable[Family]:
        """Give a family for each row."""
        return [_family(metric, self._numbers.get(metric.name, {})) for metric in METRICS]


def render(numbers: Mapping[str, Numbers], accept: str) -> tuple[bytes, str]:
    """Write numbers, and the process's own, in the form an Accept header asks for; gives the text and its type."""
    registry = CollectorRegistry()
    registry.register(Table(numbers))
    ProcessCollector(registry=registry)
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


def _family(metric: Metric, numbers: Numbers) -> Family:
    if metric.sort is Sort.HISTOGRAM:
        histogram = HistogramMetricFamily(metric.name, metric.about, labels=metric.labels)
        for labels, spread in numbers.items():
            assert isinstance(spread, Spread)
            bounds = [*(f"{bound:g}" for bound in spread.bounds), "+Inf"]
            up_to = list(zip(bounds, map(float, accumulate(spread.counts)), strict=True))
            histogram.add_metric(labels, up_to, spread.sum)
        return histogram
    of_sort = CounterMetricFamily if metric.sort is Sort.COUNTER else GaugeMetricFamily
    family = of_sort(metric.name, metric.about, labels=metric.labels)
    for labels, number in numbers.items():
        assert not isinstance(number, Spread)
        family.add_metric(labels, number)
    return family
