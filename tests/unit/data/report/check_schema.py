#!/usr/bin/env python3
"""check_schema.py SCHEMA FILE...: exit code 0 if each .json and each line of each .ndjson fits the schema, else 1."""
import json
import sys

import jsonschema


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    bad = 0
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            texts = file.read().splitlines() if path.endswith(".ndjson") else [file.read()]
        wanted = {"$ref": "#/$defs/line"} if path.endswith(".ndjson") else {"$ref": "#/$defs/report"}
        validator = jsonschema.Draft202012Validator({"$defs": schema["$defs"], **wanted})
        for text in texts:
            for error in validator.iter_errors(json.loads(text)):
                bad += 1
                print(f"{path}: {error.json_path}: {error.message[:200]}")
    print(f"{len(sys.argv) - 2} files")
    return 1 if bad else 0


sys.exit(main())
