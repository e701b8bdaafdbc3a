#!/usr/bin/env python3
"""Runs the commands of docs/tutorial.md as written, in a copy of the example, and compares their output.

Usage: tutorial.py PROGRAM ROOT. In a ```console block a line that begins with "$ " is a command, what follows is its
standard output; a line "..." stands for any lines. Numbers of receipts and of ports that the kernel chose are not compared.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

LIMIT_SECONDS = 120


def commands(text):
    """(command, lines of output) of all console blocks, in order."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def stable(text):
    # Wrapping depends on how long a number is, so that lines of a field are compared as one.
    text = re.sub(r"\n {14}(?=\S)", " ", text)
    text = re.sub(r"receipt #?\d+", "receipt N", text)
    return re.sub(r"(203\.0\.113\.\d+):\d+", r"\1:PORT", text).splitlines()


def is_as_written(wanted, got):
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in wanted)
    return re.fullmatch(pattern, "".join(line + "\n" for line in got)) is not None


def self_test():
    assert commands("```console\n$ a\nb\n$ c\n```\n```sh\n$ d\n```\n") == [("a", ["b"]), ("c", [])]
    assert is_as_written(["a", "...", "d"], ["a", "b", "c", "d"]) and is_as_written(["..."], [])
    assert not is_as_written(["a"], ["a", "b"]) and not is_as_written(["a", "...", "e"], ["a", "b", "d"])
    assert stable("x\n              y receipt 12 203.0.113.7:99") == ["x y receipt N 203.0.113.7:PORT"]


def main():
    self_test()
    program, root = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    steps = commands((root / "docs/tutorial.md").read_text())
    assert any("init" in command for command, _ in steps) and any("sed -i" in command for command, _ in steps)
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(root / "examples/tutorial", pathlib.Path(scratch) / "examples/tutorial")
        where = pathlib.Path(scratch)
        environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
        for command, wanted in steps:
            if command.startswith("cd "):
                where /= command[3:]
                continue
            ended = subprocess.run(["bash", "-c", command], cwd=where, env=environment, capture_output=True, text=True,
                                   timeout=LIMIT_SECONDS, check=False)
            if not is_as_written(stable("\n".join(wanted)), stable(ended.stdout)):
                print(f"$ {command}\nis written as:\n" + "\n".join(wanted) + f"\nbut gave:\n{ended.stdout}{ended.stderr}")
                return 1
    return 0


sys.exit(main())
