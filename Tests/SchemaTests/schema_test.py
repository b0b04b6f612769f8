"""Checks config.schema.json with the package jsonschema, against good files and the broken ones of the settings' tests."""

import json
import pathlib
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
}
# What is wrong there is in the text of a value, or in another file.
BEYOND_PREFIXES = ("variable-", "secret-file", "when-", "include-", "chain-", "attach-", "named-")


def main() -> None:
    schema = json.load(open("config.schema.json", encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    for path in ["config.yaml", *sys.argv[1:]]:
        document = yaml.safe_load(open(path, encoding="utf-8"))
        problems = [f"{path}: {error.json_path}: {error.message}" for error in validator.iter_errors(document)]
        assert not problems, "\n".join(problems)

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
    print(f"The schema is good: it sees what is wrong in {seen} broken files.")


main()
