#!/usr/bin/env python3
"""read_junit.py FILE: what a reader of JUnit XML finds there, as JSON; checks that the counts are those of the elements."""
import json
import sys
import xml.etree.ElementTree as ElementTree

COUNTS = ("tests", "failures", "errors", "skipped")


def read_case(case):
    found = [one for one in case if one.tag in ("failure", "error", "skipped")]
    assert len(found) <= 1
    outcome = " ".join([found[0].tag] + ([found[0].get("type")] if found[0].get("type") else [])) if found else "passed"
    text = "".join([one.text or "" for one in found] + [one.text or "" for one in case.findall("system-out")])
    return {"outcome": outcome, "message": found[0].get("message") if found else None, "text": text,
            "properties": {one.get("name"): one.get("value") for one in case.iter("property")}}


def counted(cases):
    outcomes = [read_case(case)["outcome"].split()[0] for case in cases]
    return [len(cases)] + [outcomes.count(one) for one in ("failure", "error", "skipped")]


def main():
    root = ElementTree.parse(sys.argv[1]).getroot()
    assert root.tag == "testsuites"
    for element in [root] + root.findall("testsuite"):
        told = [int(element.get(name)) for name in COUNTS]
        assert told == counted(list(element.iter("testcase"))), (element.get("name"), told)
    cases = {}
    for suite in root:
        for case in suite.findall("testcase"):
            assert case.get("classname") == suite.get("name")
            cases[case.get("classname") + "/" + case.get("name")] = read_case(case)
    print(json.dumps({"counts": {name: int(root.get(name)) for name in COUNTS}, "cases": cases}))


main()
