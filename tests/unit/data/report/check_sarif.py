#!/usr/bin/env python3
"""check_sarif.py FILE...: exit code 0 if each fits the SARIF 2.1.0 schema (OASIS, beside this file), else 1."""
import json
import pathlib
import sys

import jsonschema


def main():
    schema = json.loads((pathlib.Path(__file__).parent / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    bad = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            for error in validator.iter_errors(json.load(file)):
                bad += 1
                print(f"{path}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
    print(f"{len(sys.argv) - 1} files")
    return 1 if bad else 0


sys.exit(main())
