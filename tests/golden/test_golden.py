"""Golden digests: 1,000 steps of DQN with every method, of SAC and of PPO end in the bits of the day they were taken.

Bits are promised within a machine class (the processor that XLA compiles for, vector instructions, jaxlib version) and
compared there. On any other machine the norms of the trained kernels are compared within a tolerance. A change that
moves a digest must say so in CHANGELOG.md under "Moves results", raise `RESULTS_VERSION`, and take new ones:
`NPROC=1 JAX_PLATFORMS=cpu python tests/golden/test_golden.py` rewrites `golden.json` for this machine. Of other machine
classes it keeps the digests of programs that did not move here; those of programs that did are dropped, and taken again
on such a machine by the same command. `golden.json` says by which `RESULTS_VERSION` its digests are.
"""

import dataclasses
import functools
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from sparserl.experiment import AGENTS, RESULTS_VERSION, compiler_target, from_preset, policy_arrays, run
from sparserl.foreign import compiler_flags
from sparserl.linalg import instruction_set
from sparserl.persistence import machine_description
from sparserl.sparsity import METHODS, Window
from sparserl.training import EvaluationSettings

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parent / "golden.json"
WINDOWS = {"prune": Window(0.2, 0.8, 50)}
CASES = [*METHODS, "compressed rigl", "compressed prune"]  # DQN, masked where nothing is said
CASES += [f"{agent} {case}" for agent in ("sac", "ppo") for case in ("rigl", "compressed rigl")]
THOROUGH = {"compressed rigl", "sac rigl", "ppo compressed rigl"}  # agents know of no storage, and others have both


def machine_class() -> str:
    """What bits depend on; compiler and kernels that are held back, as by scripts/check-machines, are another class."""
    machine = machine_description()
    packages, target = machine["packages"], compiler_target()
    processor = "unknown" if target is None else target.processor
    vectors = f"{machine['architecture']} {machine['cpu_features']} {processor}"
    held = [compiler_flags()] if instruction_set() == machine["cpu_features"] else [compiler_flags(), instruction_set()]
    return " ".join([f"{vectors} jaxlib {packages['jaxlib']} optax {packages['optax']}", *filter(None, held)])


@functools.cache
def trained(case: str) -> dict[str, np.ndarray]:
    """Everything that 1,000 steps on CartPole or Pendulum leave behind, at 80 % sparsity."""
    words = case.split()
    name = words[0] if words[0] in AGENTS else "dqn"
    method, compressed = words[-1], "compressed" in words
    environment, networks, few = {
        "dqn": ("CartPole-v1", ("q",), {"warmup_steps": 200}),
        "sac": ("Pendulum-v1", ("actor", "critic_1", "critic_2"), {"warmup_steps": 200}),
        "ppo": ("Pendulum-v1", ("actor", "value"), {"rollout_steps": 128, "num_epochs": 5}),
    }[name]
    packed = tuple(f"{network}/hidden_2=0.4" for network in networks)
    table = from_preset(name, method, environment)
    windowed = any(field.name == "window" for field in dataclasses.fields(table.method))
    window = WINDOWS.get(method, Window(0.0, 0.8, 50))
    experiment = from_preset(
        name,
        method,
        environment,
        method=dataclasses.replace(table.method, window=window) if windowed else table.method,
        sparsity=0.8,
        storage="compressed" if compressed else "masked",
        compressed_layers=packed if compressed else (),
        network=dataclasses.replace(table.network, hidden_units=(32, 32)),
        total_steps=1_000,
        agent=dataclasses.replace(table.agent, batch_size=32, **few),
        evaluation=EvaluationSettings(interval_steps=1_000, num_episodes=2),
    )
    for report in run(experiment, seed=3):
        arrays = policy_arrays(report.state.agent)
    return arrays


def digest(arrays: dict[str, np.ndarray]) -> str:
    content = b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays))
    return hashlib.sha256(content).hexdigest()[:16]


def norms(arrays: dict[str, np.ndarray]) -> dict[str, float]:
    wanted = {name: a for name, a in arrays.items() if "/params/" in name and name.endswith(("kernel", "values"))}
    return {name: float(np.linalg.norm(a.astype(np.float64))) for name, a in wanted.items()}


@pytest.mark.kernels
@pytest.mark.parametrize(
    "method", [pytest.param(case, marks=pytest.mark.thorough) if case in THOROUGH else case for case in CASES]
)
def test_a_thousand_steps_end_where_they_did(method):
    golden = json.loads(GOLDEN.read_text())
    found = trained(method)
    here = golden["digests"].get(machine_class(), {})
    if method in here:
        assert digest(found) == here[method], f"{method}: other bits than before on {machine_class()}"
    assert norms(found).keys() == golden["norms"][method].keys()
    for name, value in norms(found).items():
        np.testing.assert_allclose(value, golden["norms"][method][name], rtol=0.05, err_msg=f"{method} {name}")


def test_digests_are_those_of_this_version_of_results():
    golden = json.loads(GOLDEN.read_text())
    assert golden["results_version"] == RESULTS_VERSION
    assert golden["norms"].keys() == set(CASES)
    assert all(digests.keys() <= set(CASES) for digests in golden["digests"].values())
    assert set(CASES) in [digests.keys() for digests in golden["digests"].values()], "no class of machines has all"


def test_methods_end_in_different_bits():
    """As they do wherever the test above compares with them."""
    golden = json.loads(GOLDEN.read_text())
    assert all(len(set(digests.values())) == len(digests) for digests in golden["digests"].values())
    assert len({json.dumps(norms) for norms in golden["norms"].values()}) == len(CASES)


def take() -> None:
    """Write the digests of this machine class beside those of others."""
    digests = json.loads(GOLDEN.read_text())["digests"] if GOLDEN.exists() else {}
    new = {method: digest(trained(method)) for method in CASES}
    moved = {method for method, old in digests.get(machine_class(), {}).items() if new.get(method) != old}
    kept = {machine: {method: old[method] for method in old if method not in moved} for machine, old in digests.items()}
    golden = {
        "results_version": RESULTS_VERSION,
        "digests": {**kept, machine_class(): new},
        "norms": {method: norms(trained(method)) for method in CASES},
    }
    GOLDEN.write_text(json.dumps(golden, indent=2) + "\n")


if __name__ == "__main__":
    take()
