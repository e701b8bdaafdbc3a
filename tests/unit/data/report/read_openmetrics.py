#!/usr/bin/env python3
"""read_openmetrics.py FILE: what two strict parsers of the Prometheus client library read, as JSON: {"name{a=b}": value}."""
import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as older


def read(families):
    found = {}
    for family in families:
        for sample in family.samples:
            name = sample.name + "{" + ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items())) + "}"
            if name in found:
                raise ValueError("twice: " + name)
            found[name] = sample.value
    return found


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    values = read(text_string_to_metric_families(text))
    if values != read(older(text)):
        raise ValueError("not the same in the older text format")
    print(json.dumps(values))


main()
