#!/usr/bin/env python3
"""Runs one example in the lab and compares its exit code and findings with examples/NAME/expected.txt.

Usage: run_example.py PROGRAM EXAMPLE. What is compared is the place, the object and the hole of each finding; receipts
and times differ from run to run. `--write` instead of comparing is for whoever adds an example, and must be read.
"""
import pathlib
import re
import subprocess
import sys

LIMIT_SECONDS = 240


def stable_parts(output):
    """"mesh.yaml:3  Sidecar default [no-registry-only]" of each finding, in order."""
    told = re.search(r"^FINDINGS: .*?(?=^LIMITS|\Z)", output, re.M | re.S)
    if told is None:
        return ["no findings were told"]
    joined = re.sub(r"\n {14}", " ", told.group(0))
    found = re.findall(r"^  \d+\. (\S+)  (.*)\n     hole     .*\[([a-z-]+)\]$", joined, re.M)
    return [f"{place}  {thing} [{hole}]" for place, thing, hole in found]


def self_test():
    sample = ("FINDINGS: 1\n\n  1. m/a.yaml:4  ServiceEntry x\n     hole     a long\n              line [none-sni-spoof]\n"
              "     because  it is so\n\nLIMITS of this\n  2. b  c\n     hole     d [e]\n")
    assert stable_parts(sample) == ["m/a.yaml:4  ServiceEntry x [none-sni-spoof]"], stable_parts(sample)
    assert stable_parts("RUN ABORTED") == ["no findings were told"]


def main():
    self_test()
    program, example = sys.argv[1], pathlib.Path(sys.argv[2])
    ended = subprocess.run([program, "run", "--policies", "manifests"], cwd=example, capture_output=True, text=True,
                           timeout=LIMIT_SECONDS, check=False)
    got = "\n".join([f"exit code {ended.returncode}"] + stable_parts(ended.stdout)) + "\n"
    if sys.argv[3:] == ["--write"]:
        (example / "expected.txt").write_text(got)
        return 0
    wanted = (example / "expected.txt").read_text()
    if got == wanted:
        return 0
    print(f"wanted:\n{wanted}\ngot:\n{got}\n{ended.stdout}\n{ended.stderr}")
    return 1


sys.exit(main())
