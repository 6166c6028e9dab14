"""Whole updates of an agent, as many as asked in one compiled loop, and their native products alone."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from sparserl import linalg
from sparserl.bench import dqn, sac
from sparserl.bench.choices import BY_MASKS, Updates
from sparserl.bench.measuring import UNSEEN, Candidate, Case, Run, first_element, looped
from sparserl.bench.work import AgentUpdate, Pass
from sparserl.linalg import Compressed
from sparserl.sparsity import kernels
from sparserl.types import Group

TARGET_UPDATES = 100  # from one target copy of DQN to the next: every turn holds whole intervals
COMPRESSED = ("compressed", "compressed_rigl")
WITH_TOPOLOGY_UPDATES = ("compressed_rigl", BY_MASKS)
MAKERS: Mapping[str, Callable[[Updates, float, str], AgentUpdate]] = {"dqn_update": dqn.work, "sac_update": sac.work}


def cases(options: Updates) -> Iterator[Case]:
    """Every work at every sparsity; `dense` is the same at each."""
    for work in options.works:
        for sparsity in options.sparsities:
            yield _case(options, work, sparsity)


def notes(options: Updates) -> list[str]:
    """Why variants that were asked for are not measured, in one line."""
    reason = linalg.unavailable_reason()
    wanted = [variant for variant in options.variants if variant in COMPRESSED]
    return [f"{', '.join(wanted)}: not measured, because {reason}"] if reason and wanted else []


def _case(options: Updates, name: str, sparsity: float) -> Case:
    absent = COMPRESSED if linalg.unavailable_reason() else ()
    variants = ["dense", *(name for name in options.variants if name != "dense" and name not in absent)]
    works = {variant: MAKERS[name](options, sparsity, variant) for variant in variants}
    dense_bytes = memory_bytes(works["dense"].state.groups)
    candidates = [_candidate(options, variant, work, dense_bytes) for variant, work in works.items()]
    return Case(name, sparsity, {}, candidates)


def _candidate(options: Updates, variant: str, work: AgentUpdate, dense_bytes: int) -> Candidate:
    size = memory_bytes(work.state.groups)
    packed = sorted({name for group in work.state.groups.values() for name in _compressed(group)})
    facts = {"memory_bytes": size, "memory_fraction_of_dense": size / dense_bytes, "compressed_layers": packed}
    alone = looped(*products(work.passes)) if work.passes else None
    multiple = options.interval_updates if variant in WITH_TOPOLOGY_UPDATES else TARGET_UPDATES
    return Candidate(variant, running(work), multiple, facts, alone)


def _compressed(group: Group) -> list[str]:
    return [name for name, kernel in kernels(group.params).items() if isinstance(kernel, Compressed)]


def memory_bytes(groups: Mapping[str, Group]) -> int:
    """Bytes of parameters, targets and optimizer states, masks and indices included."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(dict(groups)))


def running(work: AgentUpdate) -> Run:
    """A run of as many updates as asked, in one compiled call to which the state is donated.

    Every call numbers its updates from 0 again, so that a call of n intervals has exactly n topology updates.
    """
    advance = jax.jit(advancing(work), donate_argnums=1)
    key = jax.random.key(1)
    state = jax.tree.map(jnp.copy, work.state)  # parameters and targets share buffers at first, which cannot be donated

    def run(count: int) -> None:
        nonlocal state
        state, _ = jax.block_until_ready(advance(count, state, key))

    return run


def advancing(work: AgentUpdate) -> Callable[[Any, Any, Any], tuple[Any, Any]]:
    """The function from `(count, state, key)` to the state after `count` updates and the last loss."""

    def advance(count: Any, state: Any, key: Any) -> tuple[Any, Any]:
        def update(number: Any, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            return work.update(jax.random.fold_in(key, number), number, carry[0])

        return jax.lax.fori_loop(0, count, update, (state, jnp.float32(jnp.nan)))

    return advance


def products(passes: tuple[Pass, ...]) -> tuple[Any, ...]:
    """A function that computes the native products of one update and nothing else, and its operands.

    Each pass waits for the one before, as most do in an update, and passes of one size read the same activations, so
    that as much stays in the caches as in an update. Keeping one element of each result is enough: XLA cannot look into
    native calls and drop the rest.
    """
    sizes = sorted({(side, each.batch_size) for each in passes for side in each.kernel.shape})
    keys = jax.random.split(jax.random.key(2), 2 * len(sizes)).reshape(len(sizes), 2)
    activations = {size: [jax.random.normal(key, size) for key in pair] for size, pair in zip(sizes, keys, strict=True)}

    def all_passes(weights: Any, activations: Any) -> jax.Array:
        seen = jnp.float32(0.0)
        for each, (kernel, bias) in zip(passes, weights, strict=True):
            x = activations[each.kernel.shape[0], each.batch_size][0]
            dy = activations[each.kernel.shape[1], each.batch_size][1]
            seen = first_element(_one_pass(each, kernel, bias + UNSEEN * seen, x, dy))
        return seen

    return all_passes, [(each.kernel, each.bias) for each in passes], activations


def _one_pass(settings: Pass, kernel: Compressed, bias: Any, x: Any, dy: Any) -> Any:
    def layer(weights: Any, x: Any) -> jax.Array:
        values, bias = weights
        return linalg.dense(Compressed(values, kernel.layout), bias, x, jax.nn.relu if settings.relu else None)

    weights = (kernel.values, bias)
    if settings.weights_wanted and settings.inputs_wanted:
        y, pull = jax.vjp(layer, weights, x)
    elif settings.weights_wanted:
        y, pull = jax.vjp(lambda weights: layer(weights, x), weights)
    elif settings.inputs_wanted:
        y, pull = jax.vjp(lambda x: layer(weights, x), x)
    else:
        return layer(weights, x)
    return y, pull(dy)
