"""Reads /metrics of a running server with the parser of prometheus_client, which is not ours.

Usage: metrics_test.py http://127.0.0.1:8080
"""

import re
import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

BOUNDED_LABELS = {"stage", "gateway", "state", "outcome", "version", "le", "code", "endpoint", "protocol"}


def main(address):
    with urllib.request.urlopen(f"{address}/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers["Content-Type"]
        text = answer.read().decode()
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), "a metric stands there twice"
    for family in families:
        assert family.name.startswith("sluice_"), family.name
        assert family.documentation, f"{family.name} has no help"
        assert family.type in ("counter", "gauge", "histogram"), f"{family.name} has the type {family.type}"
        for sample in family.samples:
            assert set(sample.labels) <= BOUNDED_LABELS, f"{sample.name} has the labels {sample.labels}"
            assert sample.value >= 0, sample
        if family.type == "histogram":
            check_histogram(family)
    # The parser takes `_total` off the names of counters.
    for name in ("sluice_build_info", "sluice_stage_calls", "sluice_gateway_state", "sluice_event_loop_lag_seconds"):
        assert name in names, f"{name} is missing"
    # Whatever the parser could not make sense of, it would have left out silently.
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) == sum(len(family.samples) for family in families)
    print(f"/metrics: {len(families)} metrics, {len(lines)} samples, all read")


def check_histogram(family):
    """Buckets only grow, and the last one holds all."""
    buckets = {}
    counts = {}
    for sample in family.samples:
        labels = tuple(sorted((key, value) for key, value in sample.labels.items() if key != "le"))
        if sample.name.endswith("_bucket"):
            buckets.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_count"):
            counts[labels] = sample.value
    for labels, series in buckets.items():
        bounds, values = zip(*series)
        assert list(bounds) == sorted(bounds) and list(values) == sorted(values), (family.name, labels)
        assert bounds[-1] == float("inf") and values[-1] == counts[labels], (family.name, labels)


if __name__ == "__main__":
    main(sys.argv[1])
