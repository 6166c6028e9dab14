"""`sparserl methods`: what chooses the topology."""

import dataclasses
import inspect
import json
import re
from collections.abc import Sequence
from typing import Any

from sparserl.cli.arguments import Json, options_of, parse
from sparserl.cli.output import put
from sparserl.cli.tables import print_table
from sparserl.sparsity import find_method, method_names

_DESCRIPTION = """List the sparse methods, those of other installed packages too, and the options each one has.

example:
  sparserl methods"""


@dataclasses.dataclass(frozen=True)
class MethodsOptions:
    """The options of `methods`."""

    json: Json = False


def main(words: Sequence[str]) -> int:
    """List the methods."""
    options = parse(MethodsOptions(), words, "sparserl methods", _DESCRIPTION)
    methods = [_description(name) for name in method_names()]
    if options.json:
        put(json.dumps({"methods": methods}, indent=2))
        return 0
    print_table(("method", "what it does"), [(method["name"], method["summary"]) for method in methods], numbers_from=2)
    put("\n`sparserl train AGENT METHOD --help` shows the options of a method.")
    return 0


def _description(name: str) -> dict[str, Any]:
    try:
        method = find_method(name)
    except Exception as error:  # a method of another package that is broken must not hide the others
        return {"name": name, "summary": f"cannot be loaded: {type(error).__name__}: {error}", "options": []}
    sentence = re.match(r".+?[.?!](?=\s|$)", " ".join((inspect.getdoc(method) or "").split()))
    return {
        "name": name,
        "summary": sentence[0] if sentence else "",
        "options": [option.name for option in options_of(method(), "method.").values()]
        if dataclasses.is_dataclass(method)
        else [],
    }
