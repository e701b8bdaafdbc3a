#!/usr/bin/env python3
"""The table of docs/granularity.md is what a run in the lab says.

Usage: granularity.py PROGRAM SOURCE_FOLDER. `--write` puts the observed table into the page, which must then be read.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

LIMIT_SECONDS = 240


def main():
    program, source = sys.argv[1], pathlib.Path(sys.argv[2])
    page = source / "docs/granularity.md"
    with tempfile.TemporaryDirectory(prefix="egressproof-granularity-") as folder:
        report = pathlib.Path(folder) / "report.json"
        ran = subprocess.run([program, "run", str(source / "scenarios"), "--filter", "granularity/*", "--json", str(report)],
                             capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
        if ran.returncode != 0:
            print(ran.stdout, ran.stderr)
            return 1
        got = subprocess.run([program, "report", str(report), "--granularity"], capture_output=True, text=True,
                             timeout=LIMIT_SECONDS, check=True).stdout
    text = page.read_text()
    block = re.search(r"```text\n(.*?)```\n", text, re.S)
    if sys.argv[3:] == ["--write"]:
        page.write_text(text[:block.start(1)] + got + text[block.end(1):])
        return 0
    if block.group(1) == got:
        return 0
    print(f"docs/granularity.md has\n{block.group(1)}\nthe run said\n{got}")
    return 1


sys.exit(main())
