"""Networks of many widths with the same number of live weights: what is trained, and how wide and sparse each is."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sparserl.experiment import Experiment, from_preset, matched_dense, plan_of, planned, with_choices
from sparserl.study import Scale, Study

HERE = Path(__file__).parent
METHODS = ("static", "rigl")
NUM_SEEDS = 5
NUM_LAST = 2  # evaluations that a final return is the mean of
SPARSITY_DIGITS = 9  # a weight of seventeen million


@dataclasses.dataclass(frozen=True)
class Part:
    """What one agent trains. `levels` are sparsities of the narrowest network: they fix the numbers of live weights."""

    name: str
    agent: str
    preset: str
    environments: tuple[str, ...]
    widths: tuple[int, ...]
    levels: tuple[float, ...]
    total_steps: int
    num_evaluations: int
    num_episodes: int

    def units(self, width: int) -> Any:
        """Hidden units as the preset's network has them: of both layers of an MLP, of the dense layer of a CNN."""
        return width if self.environments[0].startswith("MinAtar/") else (width, width)


WIDTHS = (256, 512, 1_024, 2_048, 4_096)
PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        Part("dqn", "dqn", "paper", ("CartPole-v1", "Acrobot-v1"), WIDTHS, (0.9, 0.5), 30_000, 10, 10),
        Part("minatar", "dqn", "paper", ("MinAtar/Breakout-v1",), (256, 1_024, 4_096), (0.9,), 100_000, 5, 10),
        Part("sac", "sac", "sb3", ("HalfCheetah-v5",), WIDTHS, (0.9, 0.5), 30_000, 6, 5),
    )
}


class Cell(NamedTuple):
    """One network of a part: `width` None is the dense one of as many parameters as the narrowest sparse one."""

    environment: str
    level: float
    method: str
    width: int | None

    @property
    def name(self) -> str:
        """What it is called where rates are measured."""
        units = "as many parameters" if self.width is None else f"{self.width} units"
        return f"{self.environment}, level {self.level:g}, {self.method}, {units}"


def cells(part: Part) -> Iterator[Cell]:
    """Every network of a part, the dense ones first."""
    for environment in part.environments:
        for level in part.levels:
            yield Cell(environment, level, "dense", None)
            for method in METHODS:
                for width in part.widths:
                    yield Cell(environment, level, method, width)


LEARNING_RATES = (1e-3, 3e-3)  # learning rates that SAC's narrow networks are tried with, too; the preset's is 3e-4


def cells_at_learning_rates() -> Iterator[Cell]:
    """SAC's networks that are tried with other learning rates: dense, the narrowest, and one four times as wide."""
    part = PARTS["sac"]
    level = min(part.levels)  # the larger number of live weights, where returns rise with width
    widths = (None, part.widths[0], part.widths[2])
    yield from (cell for cell in cells(part) if cell.level == level and cell.width in widths)


@functools.cache
def experiment(part: Part, cell: Cell, scale: Scale = "quick", storage: str = "auto") -> Experiment:
    """A network of a part as it is trained, planned."""
    if cell.width is None:
        narrowest = Cell(cell.environment, cell.level, METHODS[0], part.widths[0])
        dense = with_choices(from_preset(part.agent, "dense", cell.environment, part.preset), _choices(part, scale))
        width = {"network.hidden_units": part.units(part.widths[0])}
        return matched_dense(experiment(part, narrowest, scale), with_choices(dense, width))
    sparse = from_preset(part.agent, cell.method, cell.environment, part.preset, sparsity=cell.level, storage=storage)
    sparse = with_choices(sparse, _choices(part, scale))
    if cell.method == "rigl":
        sparse = with_choices(sparse, {"method.window.interval_updates": 50 if scale == "smoke" else 1_000})
    narrowest = with_choices(sparse, {"network.hidden_units": part.units(part.widths[0])})
    wide = with_choices(sparse, {"network.hidden_units": part.units(cell.width)})
    return planned(with_choices(wide, _sparsities(narrowest, wide)))


def at_learning_rate(cell: Cell, learning_rate: float, scale: Scale = "quick") -> Experiment:
    """A network of SAC's with another learning rate than the preset's."""
    return with_choices(experiment(PARTS["sac"], cell, scale), {"optimizer.learning_rate": learning_rate})


def _choices(part: Part, scale: Scale) -> dict[str, Any]:
    """What is chosen for all networks of a part alike."""
    interval_steps = part.total_steps // part.num_evaluations
    total_steps = interval_steps * part.num_evaluations
    choices: dict[str, Any] = {
        "total_steps": total_steps * (10 if scale == "paper" else 1),
        "evaluation.interval_steps": interval_steps * (10 if scale == "paper" else 1),
        "evaluation.num_episodes": part.num_episodes,
        "evaluation.final_fraction": round(NUM_LAST / (part.num_evaluations + 1) + 5e-4, 3),
    }
    if scale == "smoke":
        choices |= {"agent.warmup_steps": 100, "total_steps": 400, "evaluation.interval_steps": 200}
        choices |= {"evaluation.num_episodes": 2}
    return choices


def _sparsities(narrowest: Experiment, wide: Experiment) -> dict[str, float]:
    """Those at which each network has as many live weights as the narrowest one of its kind."""
    live = {name: sum(cost.live_weights for cost in costs) for name, costs in _costs(narrowest).items()}
    weights = {name: sum(cost.weights for cost in costs) for name, costs in _costs(wide).items()}
    sparsity = lambda names: round(
        1 - sum(live[name] for name in names) / sum(weights[name] for name in names), SPARSITY_DIGITS
    )
    found = {"sparsity": sparsity(list(live))}
    if "actor" in live:
        found |= {"actor_sparsity": sparsity(["actor"]), "critic_sparsity": sparsity(["critic_1"])}
    return found


def _costs(sparse: Experiment) -> dict[str, list[Any]]:
    plan = plan_of(sparse)
    return {name: plan.costs_of(name) for name in plan.parameters}


def live_weights(sparse: Experiment) -> int:
    """Of all networks together; biases are not among them."""
    return sum(cost.live_weights for costs in _costs(sparse).values() for cost in costs)


def study(name: str, scale: Scale) -> Study:
    """The study of a part."""
    part = PARTS[name]
    question = "Does a wider network with the same number of live weights have a higher return?"
    experiments = tuple(dict.fromkeys(experiment(part, cell, scale) for cell in cells(part)))
    seeds = 2 if scale == "smoke" else NUM_SEEDS
    return Study(f"width_{name}", question, experiments, num_seeds=seeds, preset=part.preset)


def study_of_learning_rates(scale: Scale) -> Study:
    """Whether width is what narrow networks lack, or a larger learning rate."""
    question = "Do narrow networks catch up with wide ones of as many live weights by a larger learning rate?"
    experiments = tuple(
        at_learning_rate(cell, rate, scale) for cell in cells_at_learning_rates() for rate in LEARNING_RATES
    )
    seeds = 2 if scale == "smoke" else NUM_SEEDS
    return Study("width_sac_learning_rates", question, experiments, num_seeds=seeds, preset=PARTS["sac"].preset)
