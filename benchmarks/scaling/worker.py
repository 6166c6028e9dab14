"""One measurement of the scaling benchmark, in this process, on one core: `worker machine|update CELL`.

CELL is JSON. `machine`: its roofline. `update`: seconds of an update, dense and compressed, which take turns; prints
"settled" when all is compiled, and measures once a line comes on standard input.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

CHEAP_FLOP, COPY_UPDATES = 1e9, 100  # of dense updates; from one copy of DQN's target to the next
FEW_UPDATES = 5  # of dear ones, where a copy costs little beside them


def machine(cell: Mapping[str, Any]) -> dict[str, Any]:
    from benchmarks.scaling import machine as roofline

    return roofline.machine(cell["largest_bytes"], cell["window_seconds"])._asdict()


def update(cell: Mapping[str, Any], settled: Any) -> dict[str, Any]:
    from benchmarks.scaling.model import work_of
    from sparserl.bench.measuring import take_turns
    from sparserl.linalg import unavailable_reason

    variants = ["dense"] if cell["density"] == 1.0 or unavailable_reason() else ["dense", "compressed"]
    works = {variant: made(cell, variant) for variant in variants}
    networks = {variant: sizes_of(work.state.groups) for variant, work in works.items()}
    models = {variant: work_of(cell["work"], layers, cell["batch_size"]) for variant, layers in networks.items()}
    multiple = COPY_UPDATES if models["dense"].flop * cell["seeds"] < CHEAP_FLOP else FEW_UPDATES
    runs = [(running(work, cell["seeds"]), multiple) for work in works.values()]
    for run, _ in runs:
        run(1)
    settled()
    seconds = take_turns(runs, cell["repetitions"], cell["window_seconds"])
    return {
        variant: {"seconds": [each / cell["seeds"] for each in own], "work": models[variant]._asdict()}
        for variant, own in zip(variants, seconds, strict=True)
    }


def made(cell: Mapping[str, Any], variant: str) -> Any:
    """The update of a variant, as `sparserl bench updates` has it."""
    from sparserl.bench import Updates
    from sparserl.bench.updates import MAKERS

    sparsity = 1.0 - cell["density"]
    options = Updates(
        sparsities=(sparsity,),
        works=(cell["work"],),
        hidden_units=(cell["width"],) * 2,
        batch_size=cell["batch_size"],
        replay_steps=cell["replay_steps"],
    )
    return MAKERS[cell["work"]](options, sparsity, variant)


def sizes_of(groups: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The layers of all networks, in their order."""
    from benchmarks.scaling.model import Layer
    from sparserl.linalg import Compressed
    from sparserl.sparsity import kernels

    networks: dict[str, list[Any]] = {}
    for group in groups.values():
        for name, kernel in kernels(group.params).items():
            packed = isinstance(kernel, Compressed)
            live = kernel.layout.capacity if packed else kernel.size
            index_bytes = kernel.layout.inputs.dtype.itemsize if packed else 0
            networks.setdefault(name.rpartition("/")[0], []).append(Layer(*kernel.shape, live, index_bytes))
    return networks


def running(work: Any, num_seeds: int) -> Any:
    """A run of updates of one seed, or of several in one program, as `vmap` makes it."""
    import jax
    import jax.numpy as jnp

    from sparserl.bench import updates

    if num_seeds == 1:
        return updates.running(work)
    state = jax.tree.map(lambda leaf: jnp.stack([leaf] * num_seeds), work.state)
    lifted = jax.vmap(work.update, in_axes=(0, None, 0))
    spread = lambda key, number, state: lifted(jax.random.split(key, num_seeds), number, state)

    def together(key: Any, number: Any, state: Any) -> Any:
        state, loss = spread(key, number, state)
        return state, loss.mean()

    return updates.running(work._replace(state=state, update=together))


def main() -> None:
    layout, program = argparse.RawDescriptionHelpFormatter, "python -m benchmarks.scaling.worker"
    parser = argparse.ArgumentParser(prog=program, description=__doc__, formatter_class=layout)
    parser.add_argument("what", choices=("machine", "update"))
    parser.add_argument("cell", type=json.loads)
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--core", type=int, required=True, help="stay on this processor")
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints

    def settled() -> None:
        print("settled", file=channel, flush=True)
        sys.stdin.readline()

    if options.what == "machine":
        settled()
        told = machine(options.cell)
    else:
        told = update(options.cell, settled)
    json.dump(told, channel)
    channel.flush()


if __name__ == "__main__":
    main()
