"""`sparserl describe`: what an experiment's networks hold and cost; trains nothing."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sparserl.cli import goings_on
from sparserl.cli.arguments import Json
from sparserl.cli.experiments import read_command
from sparserl.cli.hanging import HangOption, check_hang_seconds
from sparserl.cli.output import put
from sparserl.cli.tables import print_table
from sparserl.engine.settings import Settings
from sparserl.errors import either
from sparserl.experiment import AGENTS, check_choices, describe

_DESCRIPTION = f"""Show an experiment's networks: layers, live weights, FLOPs, the dense network of equal size.

Nothing is trained and nothing is written.

AGENT is {either(AGENTS)}. `sparserl methods` lists METHOD, `sparserl environments` what to learn.

example:
  sparserl describe dqn rigl --environment CartPole-v1 --sparsity 0.9
  sparserl describe dqn rigl --environment atari:MsPacman --network resnet --sparsity 0.9"""


@dataclasses.dataclass(frozen=True)
class DescribeOptions:
    """The options of `describe` beside those of the experiment."""

    hang_seconds: HangOption = Settings.hang_seconds
    json: Json = False

    def __post_init__(self) -> None:
        check_hang_seconds(self.hang_seconds)


def main(words: Sequence[str]) -> int:
    """Describe the experiment that `words` ask for."""
    command = read_command("describe", words, DescribeOptions(), _DESCRIPTION, check_choices)
    document = describe(command.plan, command.budget.asked_parameters if command.budget else None)
    document["stops"] = next(iter(goings_on.costs([command.plan.experiment]).values()), None)
    if command.own.json:
        put(json.dumps(document, indent=2, allow_nan=False))
    else:
        _show(document)
    return 0


def _show(document: Mapping[str, Any]) -> None:
    put(
        f"{document['agent']} with {document['method']} on {document['environment']}: "
        f"{document['network']}, sparsity {document['sparsity']:g}, {document['distribution']}, "
        f"{document['storage']} storage\n"
    )
    if document["drop_fraction"] == 0:
        put(f"{document['method']} moves no weights here, as its drop fraction is 0: see --method.drop-fraction\n")
    if any(made := document["environments_made"].values()):
        training, evaluation = made
        put(f"environments that a run makes: {training} for training, {evaluation} for evaluation\n")
    for name, network in document["networks"].items():
        rows = [_layer_row(name, layer) for layer in network["layers"]]
        rows.append(("all weights", "", "", *_totals(network)))
        print_table(
            ("layer", "shape", "storage", "weights", "live", "density", "MACs", "live MACs"), rows, numbers_from=3
        )
        put(f"\n{network['live_parameters']:,} of {network['parameters']:,} parameters are alive, biases included\n")
    if document["split"]:
        _show_split(document)
    matched = document["matched_dense"]
    scaled = "hidden_units" not in matched
    width = f"width {matched['width']:g}" if scaled else f"{matched['hidden_units']} hidden units per layer"
    put(f"dense network of equal size: {width}, {matched['parameters']:,} parameters")
    if document["stops"]:
        put(f"\n{document['stops']}")


def _show_split(document: Mapping[str, Any]) -> None:
    """The live parameters of each network beside those that a budget asked for, and the ratio of actor and critics."""
    networks, split = document["networks"], document["split"]
    columns = ("asked_parameters", "live_parameters", "share_of_live_parameters")
    shown = [name for name in columns if name in networks["actor"]]
    forms = dict(zip(columns, (",.1f", ",", ".1%"), strict=True))
    rows = [(name, *(f"{network[column]:{forms[column]}}" for column in shown)) for name, network in networks.items()]
    print_table(("network", *(name.replace("_", " ") for name in shown)), rows, numbers_from=1)
    put(f"\nactor : critics = {100 * split['actor']:.0f} : {100 * split['critics']:.0f} of the live parameters\n")


def _layer_row(network: str, layer: Mapping[str, Any]) -> tuple[str, ...]:
    shape = " x ".join(map(str, layer["shape"]))
    counts = f"{layer['weights']:,}", f"{layer['live_weights']:,}", f"{layer['density']:.4f}"
    return (
        f"{network}/{layer['name']}",
        shape,
        layer["storage"],
        *counts,
        f"{layer['macs']:,}",
        f"{layer['live_macs']:,}",
    )


def _totals(network: Mapping[str, Any]) -> tuple[str, ...]:
    weights = sum(layer["weights"] for layer in network["layers"])
    live = sum(layer["live_weights"] for layer in network["layers"])
    return f"{weights:,}", f"{live:,}", f"{live / weights:.4f}", f"{network['macs']:,}", f"{network['live_macs']:,}"
