#!/usr/bin/env python3
"""Validates YAML files against a JSON Schema: schema_test.py SCHEMA FILE... One line a file: "valid FILE" or "invalid FILE"."""
import json
import sys

import jsonschema
import yaml

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for name in sys.argv[2:]:
    with open(name, encoding="utf-8") as file:
        documents = [document for document in yaml.safe_load_all(file) if document is not None]
    problems = [error.message for document in documents for error in validator.iter_errors(document)]
    print("invalid" if problems or not documents else "valid", name)
    for problem in problems:
        print(name, problem, file=sys.stderr)
