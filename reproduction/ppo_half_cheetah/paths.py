"""How many observations reach how many actions through the live weights of PPO's actor on HalfCheetah.

.venv/bin/python reproduction/ppo_half_cheetah/paths.py            random topologies, as static networks have them
.venv/bin/python reproduction/ppo_half_cheetah/paths.py results    and those that runs of a results directory ended with
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import sparserl
from sparserl.experiment import from_preset, plan_of, planned

NUM_DRAWS, SEED = 10_000, 0
SPARSITIES = (0.9, 0.95, 0.99)
METHODS = ("static", "set", "rigl", "prune")


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


def main(arguments: Sequence[str]) -> None:
    generator = np.random.default_rng(SEED)
    print("| actor | live weights by layer | without any path | observations that reach an action | actions reached |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for sparsity in SPARSITIES:
        plan = plan_of(planned(from_preset("ppo", "static", "HalfCheetah-v5", sparsity=sparsity)))
        layers = [layer for name, layer in plan.layers.items() if name.startswith("actor/")]
        costs = [(layer.cost.shape, layer.initial_live) for layer in layers]
        each = np.array([reach([drawn(generator, shape, live) for shape, live in costs]) for _ in range(NUM_DRAWS)])
        live = ", ".join(str(count) for _, count in costs)
        none, (inputs, outputs) = np.mean(each[:, 0] == 0), each.mean(axis=0)
        print(
            f"| random, {100 * sparsity:g} % | {live} | {100 * none:.0f} % | {inputs:.1f} of 17 | {outputs:.1f} of 6 |"
        )
    for results in arguments:
        print("\n| method | sparsity | observations that reach an action, seed by seed | actions reached |")
        print("| --- | ---: | ---: | ---: |")
        for method in METHODS:
            for sparsity in SPARSITIES:
                seeds = sorted(Path(results).glob(f"ppo-{method}-HalfCheetah-v5-{sparsity:g}-*/seed=*"))
                if ends := [reach([step.live for step in sparserl.load(seed).steps]) for seed in seeds]:
                    columns = [", ".join(str(number) for number in side) for side in zip(*ends, strict=True)]
                    print(f"| {method} | {100 * sparsity:g} % | {columns[0]} | {columns[1]} |")


if __name__ == "__main__":
    main(sys.argv[1:])
