"""Checks answers against the OpenAPI document: conform.py DOCUMENT ANSWERS.

ANSWERS holds one JSON object a line: operation, status, type, body.
"""
import json
import sys

from jsonschema import Draft202012Validator, FormatChecker

document = json.load(open(sys.argv[1]))
checked, wrong = 0, 0


def response_of(operation, status):
    method, path = operation.split(" ")
    responses = document["paths"][path][method.lower()]["responses"]
    response = responses.get(str(status), responses["default"])
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].split("/")[-1]]
    return response


for line in open(sys.argv[2]):
    answer = json.loads(line)
    name = "%s -> %s" % (answer["operation"], answer["status"])
    content = response_of(answer["operation"], answer["status"]).get("content", {})
    if answer["type"] not in content:
        print(name, "has type", answer["type"], "of", sorted(content))
        wrong += 1
        continue
    schema = dict(content[answer["type"]].get("schema", {}), components=document["components"])
    checked += 1
    for error in list(Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(answer["body"]))[:3]:
        print(name, error.json_path, error.message[:200])
        wrong += 1

print(checked, "answers,", wrong, "wrong")
sys.exit(1 if wrong or not checked else 0)
