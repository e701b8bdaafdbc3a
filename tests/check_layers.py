#!/usr/bin/env python3
"""Fails on an include against the order of docs/architecture.md and on a source file over 400 lines."""
import pathlib
import re
import subprocess
import sys

# Each layer may include itself and what stands in an earlier group.
ORDER = [["base"], ["probe", "target"], ["runner/scenario"], ["runner/plan", "runner/policy"], ["runner/draft"],
         ["runner/process"], ["runner/backend"], ["runner/evidence"], ["runner/verdict"], ["runner/report"],
         ["runner/run"], ["runner/cli"], ["bench"]]
# The runner knows only the contracts of the programs that it starts.
CONTRACTS = {"probe/attempt.h", "probe/observation.h", "probe/codec.h", "probe/signature.h", "target/receipt.h",
             "target/codec.h"}
RANK = {layer: rank for rank, group in enumerate(ORDER) for layer in group}
MAX_LINES = 400


def layer_of(path):
    return next((layer for layer in sorted(RANK, key=len, reverse=True) if path.startswith(layer + "/")), None)


def problems(path, text):
    own = layer_of(path)
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        yield f"{path}:{MAX_LINES + 1}: {len(lines)} lines, at most {MAX_LINES} are allowed"
    for number, line in enumerate(lines, 1):
        match = re.match(r'#include "([^"]+)"', line)
        other = layer_of(match.group(1)) if match else None
        if own is None or other is None or own == other:
            continue
        if RANK[other] >= RANK[own]:
            yield f"{path}:{number}: {own} must not include {other}"
        elif own.startswith("runner/") and other in ("probe", "target") and match.group(1) not in CONTRACTS:
            yield f"{path}:{number}: the runner may include only the contract of {other}"


def self_test():
    assert list(problems("base/a.h", '#include "probe/codec.h"\n'))
    assert list(problems("runner/plan/a.h", '#include "runner/verdict/verdict.h"\n'))
    assert list(problems("runner/plan/a.h", '#include "probe/engine.h"\n'))
    assert list(problems("base/a.h", "\n" * 401))
    assert not list(problems("runner/plan/a.h", '#include "probe/attempt.h"\n'))


def main():
    self_test()
    files = subprocess.run(["git", "ls-files", "*.h", "*.cpp"], check=True, capture_output=True, text=True).stdout.split()
    found = [p for f in files if pathlib.Path(f).exists() for p in problems(f, pathlib.Path(f).read_text())]
    print("\n".join(found) if found else f"layers: {len(files)} files in order")
    return 1 if found else 0


sys.exit(main())
