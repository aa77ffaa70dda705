# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds schema/*.json and the C code against each other.

What our writer produces must be valid by the schema and hold no member the schema does not name; and for every member,
removed or replaced by values of other types and just outside the limits, code and schema must give the same verdict.

    schema_check.py PATH-OF-contract_check SCHEMA-DIRECTORY
"""

import copy
import functools
import json
import pathlib
import subprocess
import sys

import jsonschema

VALUES = [None, True, -1, 0, 1, 1.5, 7, 11, 10**15, 2**63 - 1, "", "x", "a b", "AAA=", [], {}, [1], "x" * 70000]

# The one rule that a schema cannot state: a phrase ends after it starts.
ACROSS_MEMBERS = "endMs: is"


def main() -> int:
    check, directory = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    samples = run(check, ["--samples"], "")
    cases = [case for name, text in samples for case in cases_of(directory, name, json.loads(text))]
    answers = run(check, [], "".join(f"{name}\t{json.dumps(value)}\n" for name, _, value in cases))
    assert len(answers) == len(cases), "one answer per case"

    schemas = {path.stem for path in directory.glob("*.json")} - {"common"}
    failures = [f"no contract for schema {name}" for name in schemas - {name for name, _ in samples}]
    refused = 0
    for (name, what, value), (verdict, text) in zip(cases, answers):
        valid = validator(directory, name).is_valid(value)
        refused += not valid
        if valid and verdict != "ok" and ACROSS_MEMBERS in text:
            continue
        if valid != (verdict == "ok"):
            failures.append(f"{name}, {what}: code says {verdict} ({text[:120]}), schema says {valid}")
        elif valid:
            failures += [f"{name}, {what}: written {e}" for e in problems_of_output(directory, name, json.loads(text))]
    for failure in failures:
        print("#", failure)
    print(f"{'not ok' if failures else 'ok'} 1 - {len(cases)} values, {refused} of them refused, "
          f"{len(failures)} disagreements\n1..1")
    return 1 if failures or refused == 0 else 0


def run(check, arguments, text):
    done = subprocess.run([check, *arguments], input=text, capture_output=True, text=True, check=True, timeout=120)
    return [line.split("\t", 1) for line in done.stdout.splitlines()]


def cases_of(directory, name, sample):
    yield name, "sample", sample
    for path in paths_of(sample):
        label = ".".join(map(str, path))
        if isinstance(path[-1], str):
            yield name, f"without {label}", changed(sample, path, remove=True)
        for value in VALUES + limits_of(resolved(directory, name), sample, path):
            yield name, f"{label} = {json.dumps(value)[:40]}", changed(sample, path, value)


def paths_of(value, prefix=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*prefix, key)
        yield from paths_of(inner, (*prefix, key))


def changed(sample, path, value=None, remove=False):
    result = copy.deepcopy(sample)
    holder = result
    for key in path[:-1]:
        holder = holder[key]
    if remove:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return result


@functools.cache
def validator(directory, name):
    schema = resolved(directory, name)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


@functools.cache
def resolved(directory, name):
    """The schema with its references put in place."""

    def walk(node, home):
        if isinstance(node, list):
            return [walk(item, home) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            file, _, pointer = node["$ref"].partition("#/")
            target = json.loads((directory / (file or home)).read_text())
            for part in pointer.split("/") if pointer else ():
                target = target[part]
            return walk(target, file or home)
        return {key: walk(item, home) for key, item in node.items()}

    return walk(json.loads((directory / f"{name}.json").read_text()), f"{name}.json")


def member_schema(schema, path):
    for key in path:
        if "anyOf" in schema:
            schema = schema["anyOf"][0]
        if isinstance(key, int):
            schema = schema.get("items", {})
        else:
            schema = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
    return schema["anyOf"][0] if "anyOf" in schema else schema


def limits_of(schema, sample, path):
    member = member_schema(schema, path)
    values = list(member.get("enum", []))
    for limit in ("minimum", "maximum"):
        if limit in member and abs(member[limit]) < 2**53:
            values += [member[limit] - 1, member[limit], member[limit] + 1]
    if member.get("maxLength", 1 << 20) < 70000 and "pattern" not in member:
        values += ["y" * member["maxLength"], "y" * (member["maxLength"] + 1)]
    return values


def problems_of_output(directory, name, value):
    problems = [error.message for error in validator(directory, name).iter_errors(value)]
    unknown = [path for path in paths_of(value) if unnamed(resolved(directory, name), path)]
    return problems + [f"{path} is not in the schema" for path in unknown]


def unnamed(schema, path):
    for key in path:
        if "anyOf" in schema:
            schema = schema["anyOf"][0]
        if isinstance(key, int):
            schema = schema.get("items", {})
        elif "properties" not in schema:
            return False
        elif key not in schema["properties"]:
            return True
        else:
            schema = schema["properties"][key]
    return False


if __name__ == "__main__":
    sys.exit(main())
