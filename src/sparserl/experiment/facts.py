"""Facts: what an experiment is beside its choices, as results keep it: where it comes from, its size and its cost."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from sparserl import persistence
from sparserl.experiment.budget import Budget
from sparserl.experiment.choices import RESULTS_VERSION, Experiment
from sparserl.experiment.description import describe
from sparserl.experiment.environment import unseeded
from sparserl.experiment.plan import Plan, plan_of
from sparserl.types import UserError

SIZES = ("parameters", "live_parameters", "macs", "live_macs")  # of a network, and of all of them together


def facts(experiment: Experiment | Plan, preset: str | None = None, budget: Budget | None = None) -> dict[str, Any]:
    """The parts of `experiment.json` that follow from an experiment, and from what it was made of where that is known.

    `networks` has the sizes of each network; `facts` are columns of every evaluation (`persistence.FACTS`).
    """
    described = describe(experiment)
    networks = {name: {size: network[size] for size in SIZES} for name, network in described["networks"].items()}
    split = described["split"]
    share = budget.actor_share if budget and budget.actor_share is not None else split and split["actor"]
    return {
        "preset": preset,
        "budget": budget and budget._asdict(),
        "networks": networks,
        "facts": {
            "results_version": RESULTS_VERSION,
            "preset": preset,
            "network_kind": described["network"],
            "distribution": described["distribution"],
            "storage": described["storage"],
            **{size: sum(network[size] for network in networks.values()) for size in SIZES},
            "budget": budget and budget.budget_fraction,
            "actor_share": share,
            "randomness": "unseeded" if unseeded(plan_of(experiment).experiment) else "seeded",
        },
    }


def known_facts(experiment: Experiment | Plan, document: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an experiment that `document`, its `experiment.json`, was written for; earlier versions' too."""
    known = persistence.facts_of(document)
    if known["parameters"] is not None:
        return known
    return {**known, **{name: value for name, value in facts(experiment)["facts"].items() if known[name] is None}}


def with_facts(evaluations: pa.Table, directory: str | Path) -> pa.Table:
    """Evaluations of a results directory, with the facts that files of an earlier version lack.

    They stay null where this version cannot make the experiment any more.
    """
    rows = evaluations.to_pylist()
    lacking = {row["experiment_id"] for row in rows if row["parameters"] is None}
    if not lacking:
        return evaluations
    known = {identifier: _facts_in(Path(directory), identifier) for identifier in lacking}
    return pa.Table.from_pylist([{**row, **known.get(row["experiment_id"], {})} for row in rows], evaluations.schema)


def _facts_in(directory: Path, identifier: str) -> dict[str, Any]:
    """Facts of an experiment, whether `directory` holds it, is its folder, or is one of its runs'."""
    named = persistence.find_experiment(directory, identifier)
    for folder in (named or directory, directory, persistence.experiment_folder(directory)):
        if (folder / "experiment.json").exists():
            document = persistence.read_experiment(folder)
            try:
                return known_facts(Experiment.of_results(document["choices"]), document)
            except UserError:
                return {}
    return {}
