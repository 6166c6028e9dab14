"""`sparserl methods`: what chooses the topology."""

import dataclasses
import inspect
import json
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from sparserl.cli.arguments import option_types, parse
from sparserl.cli.tables import print_table
from sparserl.sparsity import find_method, method_names

_DESCRIPTION = """List the sparse methods, those of other installed packages too, and the options each one has.

example:
  sparserl methods"""


@dataclasses.dataclass(frozen=True)
class Options:
    """What `methods` is told."""

    json: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Print one JSON document on standard output instead.")
    ] = False


def main(words: Sequence[str]) -> int:
    """List the methods."""
    options = parse(Options(), words, "sparserl methods", _DESCRIPTION)
    methods = [_description(name) for name in method_names()]
    if options.json:
        print(json.dumps({"methods": methods}, indent=2))
        return 0
    print_table(("method", "what it does"), [(method["name"], method["summary"]) for method in methods], numbers_from=2)
    print("\n`sparserl train dqn METHOD --help` shows the options of a method.")
    return 0


def _description(name: str) -> dict[str, Any]:
    method = find_method(name)
    summary = (inspect.getdoc(method) or "").splitlines()
    has_options = dataclasses.is_dataclass(method)
    return {
        "name": name,
        "summary": summary[0] if summary else "",
        "options": list(option_types(method(), "--method.")) if has_options else [],
    }
