"""Checks config.schema.json with the package jsonschema, against good files and the broken ones of the settings' tests."""

import json
import pathlib
import re
import sys

import jsonschema
import yaml

BROKEN = pathlib.Path("Tests/SettingsTests/Broken")

# Mistakes that only `sluice check` can see: they are no mistakes of a single value.
BEYOND_A_SCHEMA = {
    "gateway-twice", "key-twice", "stage-twice", "persist-above-strip", "limit-above-auth", "open-to-the-world",
    "no-auth-beyond-loopback", "auth-cannot-be-opened", "two-documents", "merge-key", "anchor-and-alias",
    "boolean-yes",  # YAML 1.1 takes yes for true
    "gateway-http-url", "gateway-id-with-space", "origin-with-path", "network-not-private", "stage-timeout-zero",
    "port-from-environment", "attach-never-reached", "chain-cycle", "chain-name-twice", "plugin-missing",
    "auth-in-shadow", "auth-with-when", "auth-not-enabled", "scan-nowhere", "webhook-without-persist", "persist-above-auth",
    "persist-above-redact", "process-missing", "cache-below-what-changes-replies", "cache-above-route", "route-gateway-unknown",
    "webhook-endpoints", "filter-patterns", "template-names", "traces-endpoint", "traces-headers",
    "host-no-address", "host-with-scheme", "host-with-letter", "host-with-port", "host-in-brackets", "storage-in-memory",
    "storage-with-nul", "storage-in-home", "typographic-quotes", "persist-in-shadow", "route-nowhere", "transform-without-text",
    "webhook-secret-unset", "traces-endpoint-without-path",
}
# What is wrong there is in the text of a value, or in another file.
BEYOND_PREFIXES = ("variable-", "secret-file", "when-", "include-", "chain-", "attach-", "named-", "url-")


def whole(example):
    """An example as a configuration: a list is a part of one. Comments alone are an empty one."""
    if not isinstance(example, list):
        return example or {}
    if "url" in example[0]:
        example = [{"use": "webhook", "with": {"endpoints": example}}]
    return {"pipeline": example}


def main() -> None:
    schema = json.load(open("config.schema.json", encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    for path in ["config.yaml", *sys.argv[1:]]:
        document = yaml.safe_load(open(path, encoding="utf-8"))
        problems = [f"{path}: {error.json_path}: {error.message}" for error in validator.iter_errors(document)]
        assert not problems, "\n".join(problems)

    examples = 0
    for path in [pathlib.Path("README.md"), *sorted(pathlib.Path("docs").rglob("*.md"))]:
        for match in re.finditer(r"^```yaml\n(.*?)^```", path.read_text(encoding="utf-8"), re.S | re.M):
            if re.match(r"# \S+\.yml\n", match[1]):
                continue  # a file of another program
            document = whole(yaml.safe_load(match[1]))
            problems = [f"{path}: {error.json_path}: {error.message}" for error in validator.iter_errors(document)]
            assert not problems, "\n".join(problems)
            examples += 1
    assert examples >= 25, f"only {examples} examples were looked at"

    seen = 0
    for path in sorted(BROKEN.glob("*.yaml")):
        if path.stem in BEYOND_A_SCHEMA or path.stem.startswith(BEYOND_PREFIXES):
            continue
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError:
            continue
        assert not validator.is_valid(document), f"the schema finds nothing wrong with {path}"
        seen += 1
    assert seen >= 25, f"only {seen} broken files were looked at"
    print(f"The schema is good: it takes {examples} examples, and sees what is wrong in {seen} broken files.")


main()
