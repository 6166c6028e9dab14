"""The policy of an inference bench as it is exported: in C, sparse and dense, scalar and vector, and in onnxruntime.

What costs of an export are measured with measures it here (`deploy.builds`, `deploy.peers`). An exported policy has one
observation at a time, so these are variants at batch size 1 alone.
"""

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sparserl import linalg
from sparserl.bench.measuring import Candidate, Run
from sparserl.deploy import builds, costs
from sparserl.deploy.c import writing
from sparserl.deploy.c.compiled import compiler
from sparserl.deploy.contract import Actions, Contract, Observations, Timing
from sparserl.deploy.peers import Act, absent_peers, peers
from sparserl.deploy.policy import Policy
from sparserl.deploy.steps import steps_of
from sparserl.networks import MLP
from sparserl.types import Params, UserError


def candidates(network: MLP, params: Params, observation: np.ndarray) -> Iterator[Candidate]:
    """C for the processor's vectors and without them, sparse and dense, and libraries, which have dense weights."""
    policy = policy_of(network, params)
    if not compiler_missing():
        for prefix, each in (("c_dense", costs.dense_twin(policy)), ("c", policy)):
            for build in builds.BUILDS:
                yield Candidate(f"{prefix}_{build.name}", in_c(each, build, observation))
    for name, act in _others(policy).items():
        yield Candidate(name, functools.partial(_repeat, act, observation[0]))


def notes() -> list[str]:
    """Why some of them are not measured, one line each."""
    missing = compiler_missing()
    return ([f"c: not measured, because {missing}"] if missing else []) + list(absent_peers().values())


def compiler_missing() -> str | None:
    """Why there is no C to measure, or None."""
    try:
        compiler()
    except UserError as error:
        return str(error)
    return None


def policy_of(network: MLP, params: Params) -> Policy:
    """The network as a policy whose action is its outputs."""
    kernels = {name: np.asarray(linalg.to_dense(layer["kernel"])) for name, layer in params.items()}
    steps = steps_of(network, params, {name: kernel != 0 for name, kernel in kernels.items()})
    size = network.num_outputs
    contract = Contract(
        Observations(network.observation_shape), Actions("continuous", "mean", shape=(size,)), Timing("bench")
    )
    unbounded = np.full(size, np.inf, np.float32)
    return Policy(contract, steps, "mean", low=-unbounded, high=unbounded)


def in_c(policy: Policy, build: builds.Build, observations: np.ndarray) -> Run:
    """Calls in C of a policy that was written and compiled."""
    with tempfile.TemporaryDirectory() as name:
        written = writing.write(policy, Path(name) / "source")
        source = next(file for file in written if file.name == f"{writing.PREFIX}.c")
        return builds.built(policy, source, build.flags, Path(name) / "build").repeated(observations)


def _others(policy: Policy) -> dict[str, Act]:
    return {name: act for name, act in peers(policy).acts.items() if name != "jax"}  # which is the variant "dense"


def _repeat(act: Act, observation: np.ndarray, count: int) -> None:
    for _ in range(count):
        act(observation)
