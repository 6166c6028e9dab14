"""Checkpoints and policies whose checksums are right and whose indices lie: refused before native code follows them."""

import dataclasses
import re
from typing import NamedTuple

import jax
import numpy as np
import pytest

from sparserl import persistence
from sparserl.experiment import build, from_preset, planned, policy_arrays, rebuild, run
from sparserl.experiment.resuming import restore
from sparserl.persistence import UserError
from sparserl.sparsity import Window
from sparserl.training import EvaluationSettings

KERNELS = {"online": "q/params/q/hidden_2/kernel", "target": "q/target_params/q/hidden_2/kernel"}
FORGERIES = {  # array of a layout: the entry, and what it says
    "inputs": (0, 60_000),
    "output_starts": (-1, 2**31 - 1),
    "outputs": (0, 16),  # one too far
    "input_starts": (3, -1),
    "permutation": (0, 65_535),
}

pytestmark = [pytest.mark.slow, pytest.mark.kernels]


class Stored(NamedTuple):
    """A compressed DQN on its way."""

    experiment: object
    captured: object
    policy: dict


@pytest.fixture(scope="module", params=["set", "prune"])
def stored(request):
    table = from_preset("dqn", request.param, "CartPole-v1")
    experiment = planned(
        dataclasses.replace(
            table,
            agent=dataclasses.replace(table.agent, batch_size=32, warmup_steps=100, replay_capacity_steps=300),
            method=dataclasses.replace(table.method, window=Window(0.1, 0.9, 10)),
            network=dataclasses.replace(table.network, hidden_units=(16, 16)),
            sparsity=0.8,
            storage="compressed",
            compressed_layers=("q/hidden_2=0.4",),
            total_steps=400,
            evaluation=EvaluationSettings(interval_steps=400, num_episodes=1, max_episode_steps=10),
        )
    )
    for report in run(experiment, 3, 10):
        policy = policy_arrays(report.state.agent)
        starts, inputs = (policy.get(f"{KERNELS['online']}/layout/{name}") for name in ("output_starts", "inputs"))
        if starts is not None and (
            request.param == "set" or starts[-1] < len(inputs)
        ):  # pruning in place: with padding
            return Stored(experiment, report.capture(), {name: array.copy() for name, array in policy.items()})
    raise AssertionError("the layer was never compressed")


def of_checkpoint(stored, folder, forged):
    """What the run goes on with, where `forged` stand in its checkpoint, in files that are listed as they are."""
    attempt = persistence.claim(folder)
    arrays = {**stored.captured.arrays, **{f"state/agent/groups/{name}": array for name, array in forged.items()}}
    persistence.write_generation(
        attempt, persistence.Kept(), 400, arrays, stored.captured.document, stored.captured.ring
    )
    attempt.release()
    checkpoint, complaints = persistence.read_newest(folder)
    assert complaints == []
    return restore(build(stored.experiment), checkpoint, False).state.agent.groups


def of_policy(stored, folder, forged):
    """The same for what a finished run keeps."""
    choices = {"choices": stored.experiment.choices()}
    run_folder = persistence.plan_experiment(folder, stored.experiment.identifier, choices) / "seed=3"
    persistence.write_bundle(run_folder / "checkpoint", {**stored.policy, **forged}, {})
    return rebuild(run_folder)[2].groups


@pytest.mark.parametrize("read", [of_checkpoint, of_policy])
def test_what_was_stored_is_taken(read, stored, tmp_path):
    groups = read(stored, tmp_path, {})
    arrays = {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(groups)
    }
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, stored.policy[name])


@pytest.mark.parametrize("read", [of_checkpoint, of_policy])
@pytest.mark.parametrize(("name", "network"), [*((name, "online") for name in FORGERIES), ("outputs", "target")])
def test_an_index_that_lies_is_refused_in_one_line_that_names_its_array(read, name, network, stored, tmp_path):
    path = f"{KERNELS[network]}/layout/{name}"
    forged, (at, value) = stored.policy[path].copy(), FORGERIES[name]
    forged[at] = value
    with pytest.raises(UserError) as error:
        read(stored, tmp_path, {path: forged})
    assert "\n" not in str(error.value)
    assert re.search(
        rf"checkpoint.* is damaged or forged: in '.*{KERNELS[network]}', {name}\b.* {value}\b", str(error.value)
    )


@pytest.mark.parametrize("read", [of_checkpoint, of_policy])
def test_an_array_of_another_length_or_type_is_told_with_both(read, stored, tmp_path):
    values, wide = f"{KERNELS['online']}/values", f"{KERNELS['online']}/layout/permutation"
    capacity = stored.policy[values].size
    with pytest.raises(UserError, match=r"is float32\[\] there and float32\[1\] here"):
        read(stored, tmp_path / "scalar", {values: np.float32(1).reshape(())})
    with pytest.raises(UserError, match=rf"{wide}' is int64\[{capacity}\] there and uint16\[{capacity}\] here"):
        read(stored, tmp_path / "wide", {wide: stored.policy[wide].astype(np.int64)})
