"""Inference: a whole policy in one compiled call, from observations to outputs."""

from collections.abc import Iterator

import jax
import numpy as np

from sparserl import linalg
from sparserl.bench import exported
from sparserl.bench.choices import Inference
from sparserl.bench.measuring import Candidate, Case, Run
from sparserl.networks import MLP, MLPSettings
from sparserl.sparsity import InnerOptimizer, SparseOptimizer, erk, find_method
from sparserl.types import Params

OBSERVATION_SIZE, NUM_OUTPUTS = 17, 12  # HalfCheetah: means and deviations of six actions


def cases(options: Inference) -> Iterator[Case]:
    """Every width, sparsity and batch size; calls wait for their result, as acting does."""
    for width in options.hidden_units:
        for sparsity in options.sparsities:
            policy = MLP(MLPSettings((width, width)), (OBSERVATION_SIZE,), NUM_OUTPUTS)
            for batch_size in options.batch_sizes:
                yield _case(policy, sparsity, batch_size)


def notes(options: Inference) -> list[str]:
    """What is not measured and why, one line each."""
    reason = linalg.unavailable_reason()
    return ([f"compressed: not measured, because {reason}"] if reason else []) + (
        exported.notes() if 1 in options.batch_sizes else []
    )


def _case(policy: MLP, sparsity: float, batch_size: int) -> Case:
    methods = ["dense", "compressed"][: 1 if linalg.unavailable_reason() else 2]
    observation = jax.random.normal(jax.random.key(1), (batch_size, OBSERVATION_SIZE))
    candidates = [Candidate(name, calling(policy, parameters(policy, sparsity, name), observation)) for name in methods]
    if batch_size == 1:
        masked = parameters(policy, sparsity, "masked")
        candidates += exported.candidates(policy, masked, np.asarray(observation))
    sizes = {"hidden_units": list(policy.settings.hidden_units), "batch_size": batch_size}
    return Case("inference", sparsity, sizes, candidates)


def parameters(policy: MLP, sparsity: float, variant: str) -> Params:
    """Fresh parameters of a policy: dense, masked, or with all sparse layers compressed (ERK)."""
    sparsities = {f"policy/{name}": value for name, value in erk(policy.layer_shapes, sparsity).items()}
    sparse = {name: 1.0 for name, value in sparsities.items() if value > 0}
    compressed = variant == "compressed"
    method = find_method("dense" if variant == "dense" else "static")
    optimizer = SparseOptimizer(
        InnerOptimizer().build(1), method(), sparsities, 1, break_even=sparse if compressed else {}
    )
    group = optimizer.init(jax.random.key(0), {"policy": policy.init(jax.random.key(2))}, with_target=False)
    return group.params["policy"]


def calling(policy: MLP, params: Params, observation: jax.Array) -> Run:
    """A run of as many calls as asked, one after another; the parameters are an argument, as they are in agents."""
    act = jax.jit(policy.apply)

    def run(count: int) -> None:
        for _ in range(count):
            act(params, observation).block_until_ready()

    return run
