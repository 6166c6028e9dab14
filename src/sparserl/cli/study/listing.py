"""`sparserl study list`: the studies of the catalogue, their questions, and how many runs they are."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sparserl.cli.arguments import Json, parse
from sparserl.cli.output import put
from sparserl.cli.tables import print_table
from sparserl.study import SCALES, Scale
from sparserl.study.files import catalogue_names, from_catalogue
from sparserl.types import UserError

_DESCRIPTION = """List the studies of the catalogue with their questions and how many runs each is, at every scale.

Studies share runs: in one results directory, equal experiments are run once.

example:
  sparserl study list"""


@dataclasses.dataclass(frozen=True)
class StudyListOptions:
    """The options of `list`."""

    json: Json = False


def main(words: Sequence[str]) -> int:
    """List the catalogue."""
    options = parse(StudyListOptions(), words, "sparserl study list", _DESCRIPTION)
    studies = [_description(name) for name in catalogue_names()]
    if options.json:
        put(json.dumps({"studies": studies}, indent=2, allow_nan=False))
        return 0
    rows = [(study["name"], *(_runs(study, scale) for scale in SCALES), study["question"] or "-") for study in studies]
    print_table(("study", *(f"{scale} runs" for scale in SCALES), "question"), rows, numbers_from=5)
    for reason in dict.fromkeys(study["obstacle"] for study in studies if study["obstacle"]):
        put(f"\n- {reason}")
    put("\n`sparserl study plan NAME` says what a study takes.")
    return 0


def _description(name: str) -> dict[str, Any]:
    """A study as JSON, without its runs where a package that it needs is not installed."""
    description: dict[str, Any] = {
        "name": name,
        "question": None,
        "runs": {},
        "experiments": {},
        "figures": [],
        "waiting": [],
    }
    obstacle = None
    for scale in SCALES:
        try:
            study = from_catalogue(name, scale)
        except UserError as error:
            obstacle = str(error)
            continue
        description["question"], description["figures"] = (
            study.question,
            [dataclasses.asdict(figure) for figure in study.figures],
        )
        description["runs"][scale] = len(study.experiments) * study.num_seeds
        description["experiments"][scale] = len(study.experiments)
        description["waiting"] = list(study.waiting)
    return {**description, "obstacle": obstacle}


def _runs(study: Mapping[str, Any], scale: Scale) -> str:
    if scale not in study["runs"]:
        return "-"
    return "waits" if study["waiting"] and not study["runs"][scale] else f"{study['runs'][scale]:,}"
