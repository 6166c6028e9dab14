"""How many observations reach how many actions through the live weights of PPO's actor on HalfCheetah.

.venv/bin/python reproduction/ppo_half_cheetah/paths.py            random topologies, as static networks have them
.venv/bin/python reproduction/ppo_half_cheetah/paths.py results    and into paths.csv those that runs ended with
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import sparserl
from sparserl.experiment import from_preset, plan_of, planned

NUM_DRAWS, SEED = 10_000, 0
SPARSITIES = (0.9, 0.95, 0.99)
METHODS = ("static", "set", "rigl", "prune")
KEPT = Path(__file__).parent / "paths.csv"
COLUMNS = ("method", "sparsity", "seed", "observations_that_reach_an_action", "actions_reached")


def reach(masks: Sequence[np.ndarray]) -> tuple[int, int]:
    """How many inputs of the first layer have a path to an output of the last, and how many outputs one from an input.

    masks: by layer, inputs by outputs, nonzero where a weight is alive.
    """
    paths = np.eye(len(masks[0]), dtype=bool)
    for mask in masks:
        paths = paths @ (np.asarray(mask) != 0)
    return int(paths.any(axis=1).sum()), int(paths.any(axis=0).sum())


def drawn(generator: np.random.Generator, shape: tuple[int, int], num_live: int) -> np.ndarray:
    """A mask with so many live weights, all such masks being as likely."""
    mask = np.zeros(shape[0] * shape[1], bool)
    mask[generator.choice(mask.size, num_live, replace=False)] = True
    return mask.reshape(shape)


def of_random(num_draws: int = NUM_DRAWS) -> Iterator[str]:
    """What random topologies reach at each sparsity, as lines of a table."""
    generator = np.random.default_rng(SEED)
    yield "| actor | live weights by layer | without any path | observations that reach an action | actions reached |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for sparsity in SPARSITIES:
        plan = plan_of(planned(from_preset("ppo", "static", "HalfCheetah-v5", sparsity=sparsity)))
        layers = [layer for name, layer in plan.layers.items() if name.startswith("actor/")]
        costs = [(layer.cost.shape, layer.initial_live) for layer in layers]
        each = np.array([reach([drawn(generator, shape, live) for shape, live in costs]) for _ in range(num_draws)])
        live = ", ".join(str(count) for _, count in costs)
        none, (inputs, outputs) = 100 * np.mean(each[:, 0] == 0), each.mean(axis=0)
        yield f"| random, {100 * sparsity:g} % | {live} | {none:.0f} % | {inputs:.1f} of 17 | {outputs:.1f} of 6 |"


def of_runs(results: Path) -> Iterator[tuple[str, float, int, int, int]]:
    """Method, sparsity, seed, and what the actor that a run ended with reaches."""
    for method in METHODS:
        for sparsity in SPARSITIES:
            for folder in sorted(results.glob(f"ppo-{method}-HalfCheetah-v5-{sparsity:g}-*/seed=*")):
                seed = int(folder.name.removeprefix("seed="))
                yield method, sparsity, seed, *reach([step.live for step in sparserl.load(folder).steps])


def main(arguments: Sequence[str]) -> None:
    print("\n".join(of_random()))
    if arguments:
        with KEPT.open("w") as file:
            file.write(",".join(COLUMNS) + "\n")
            file.writelines(",".join(map(str, row)) + "\n" for row in of_runs(Path(arguments[0])))
        print(f"wrote {KEPT.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
