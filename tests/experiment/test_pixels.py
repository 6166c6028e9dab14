"""Experiments on pixels: what their choices are, how they are stored, that they train, and what they take."""

import json
import math

import jax
import numpy as np
import pytest

from covering import covering
from sparserl import diagnostics, environments
from sparserl.environments import ATARI_15, known_specification
from sparserl.experiment import (
    RESULTS_VERSION,
    Experiment,
    build,
    describe,
    from_preset,
    matched_dense,
    planned,
    policy_arrays,
    rebuild,
    run,
)
from sparserl.networks import CNN, MLP, CNNSettings, MLPSettings, ResNet
from sparserl.persistence import plan_experiment, write_bundle
from sparserl.sparsity import live_count
from sparserl.study.workload import workload
from sparserl.types import UserError

pytestmark = pytest.mark.slow

LIGHT = "pixel_environments:Light-v0"
SMALL = {
    "network.hidden_units": 16,
    "agent.batch_size": 8,
    "agent.warmup_steps": 20,
    "agent.target_interval_updates": 7,
    "agent.replay_capacity_steps": 100,
    "evaluation.interval_steps": 60,
    "evaluation.num_episodes": 2,
    "total_steps": 60,
    "sparsity": 0.75,
}
NETWORKS = {
    "cnn": {"network.channels": (4, 6), "network.kernel_sizes": (4, 3), "network.strides": (2, 1)},
    "resnet": {"network.channels": (4,), "network.num_blocks": 1},
}


def small(method="rigl", network="cnn", **choices):
    windowed = {"method.window.interval_updates": 10} if method in ("rigl", "set", "prune") else {}
    return from_preset("dqn", method, LIGHT, network=network, **{**SMALL, **NETWORKS[network], **windowed, **choices})


@pytest.mark.parametrize("network", NETWORKS)
def test_choices_name_the_network_and_come_back(network):
    experiment = planned(small(network=network))
    choices = experiment.choices()
    assert (choices["results_version"], choices["network"]["name"]) == (RESULTS_VERSION, network)
    assert Experiment.from_choices(json.loads(json.dumps(choices))) == experiment
    assert planned(from_preset("dqn", "rigl", "CartPole-v1")).choices()["network"]["name"] == "mlp"


@pytest.mark.kernels
@pytest.mark.parametrize(
    ("network", "method", "storage"),
    covering(
        [
            ("cnn", "dense", "masked"),
            ("cnn", "prune", "compressed"),
            ("cnn", "rigl", "masked"),
            ("resnet", "set", "compressed"),
        ],
        lambda case: case[1] == "set",  # a killed run of the CNN is in worker/test_runs_on_pixels
    ),
)
def test_networks_train_sparsely_and_come_back(network, method, storage, tmp_path):
    experiment = planned(small(method, network, storage=storage))
    *_, report = run(experiment, seed=1, chunk_steps=30)
    assert report.evaluation is not None
    assert report.evaluation["num_episodes"] == 2
    arrays = policy_arrays(report.state.agent)
    for layer in describe(experiment)["networks"]["q"]["layers"]:
        path = f"q/params/q/{layer['name']}/kernel"
        packed = layer["storage"] == "compressed"
        values = arrays[f"{path}/values" if packed else path]
        assert packed == (storage == "compressed" and layer["name"] == "hidden_1")
        assert 0 < np.count_nonzero(values) <= layer["live_weights"]  # new-born ones may still be 0
    live = {layer["name"]: layer["live_weights"] for layer in describe(experiment)["networks"]["q"]["layers"]}
    weights = {name: math.prod(shape) for name, shape in build(experiment).plan.networks["q"]["q"].layer_shapes.items()}
    assert report.live_density == pytest.approx(sum(live.values()) / sum(weights.values()))
    folder = plan_experiment(tmp_path, experiment.identifier, {"choices": experiment.choices()}) / "seed=1"
    write_bundle(folder / "checkpoint", arrays, {})
    again, _, state = rebuild(folder)
    assert again == experiment
    jax.tree.map(np.testing.assert_array_equal, state.groups, report.state.agent.groups)


def test_diagnostics_know_which_layer_is_the_last(monkeypatch):
    """What comes out of a compiled program as a plain dictionary is sorted, and hidden_1 before the stacks."""
    seen = []
    monkeypatch.setattr(diagnostics, "of_activations", lambda hidden: seen.append(list(hidden)) or {})
    experiment = small("static", "resnet", storage="masked")
    *_, report = run(experiment, seed=0, diagnostics=True)
    assert seen[-1] == list(build(experiment).plan.networks["q"]["q"].layer_shapes)[:-1]
    assert seen[-1][-1] == "hidden_1"
    assert {row["layer"] for row in report.diagnostics} >= {"stack_1_conv", "hidden_1"}


def test_each_network_is_what_its_settings_say():
    kinds = {"cnn": CNN, "resnet": ResNet}
    for network, kind in kinds.items():
        assert isinstance(build(small(network=network)).plan.networks["q"]["q"], kind)
    flat = build(from_preset("dqn", "rigl", LIGHT, **{"network.hidden_units": (8, 8)})).plan.networks["q"]["q"]
    assert isinstance(flat, MLP)
    assert flat.layer_shapes["hidden_1"] == (12 * 12 * 2, 8)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: build(from_preset("dqn", "rigl", "CartPole-v1", network="cnn")), r"shape \(4,\): choose mlp"),
        (lambda: build(from_preset("ppo", "rigl", LIGHT)), "agent ppo learns from vectors, .* 12 x 12 x 2: try dqn"),
        (lambda: build(from_preset("sac", "rigl", LIGHT)), "continuous actions, .* has discrete ones: try dqn$"),
        (
            lambda: from_preset("sac", "rigl", "Pendulum-v1", network=CNNSettings()),
            "network is 'cnn': agent sac learns with mlp only",
        ),
        (
            lambda: build(small(storage="compressed", compressed_layers=("q/conv_1=0.5",))),
            "compressed_layers is 'q/conv_1': convolutions are always masked; choose q/hidden_1 or q/output",
        ),
        (lambda: build(small(layer_sparsities=("con_1=0.5",))), "did you mean 'q/conv_1'"),
        (lambda: from_preset("dqn", "rigl", LIGHT, network="cnn", **{"network.widht": 1.0}), "network.width"),
    ],
)
def test_what_cannot_be_built(make, said):
    with pytest.raises(UserError, match=said) as error:
        make()
    assert "\n" not in str(error.value)


def test_matched_networks_are_scaled_and_keep_everything_else():
    sparse = small("static", sparsity=0.8)
    dense = matched_dense(sparse)
    found = describe(sparse)
    width, parameters = found["matched_dense"]["width"], found["matched_dense"]["parameters"]
    assert dense.network == small(**{"network.width": width}).network
    assert (dense.method_name, dense.storage) == ("dense", "masked")
    sizes = {
        thousandths: parameters_by_hand(
            math.ceil(4 * thousandths / 1000), math.ceil(6 * thousandths / 1000), math.ceil(16 * thousandths / 1000)
        )
        for thousandths in range(1, 1001)
    }
    wanted = found["networks"]["q"]["live_parameters"]
    nearest = min(sizes, key=lambda thousandths: (abs(sizes[thousandths] - wanted), thousandths))
    assert (width, parameters) == (nearest / 1000, sizes[nearest])


def parameters_by_hand(first, second, units):
    """Of 12 x 12 x 2 images: 4 x 4 with stride 2, 3 x 3 with stride 1, both padded; a dense layer; three outputs."""
    convolutions = (4 * 4 * 2 + 1) * first + (3 * 3 * first + 1) * second
    return convolutions + (6 * 6 * second + 1) * units + (units + 1) * 3


def test_a_workload_counts_weights_as_often_as_they_are_used():
    work = workload(planned(small("static", storage="masked")))
    places = 6 * 6 - 1  # where both convolutions are applied beyond the first place
    used = parameters_by_hand(4, 6, 16) + places * (4 * 4 * 2 * 4 + 3 * 3 * 4 * 6)
    assert work.parameters == parameters_by_hand(4, 6, 16)
    assert work.computed_parameters == work.first_computed_parameters == used


@pytest.mark.kernels
def test_a_workload_spares_the_dead_weights_of_compressed_layers_alone():
    for method in ("static", "prune"):
        experiment = planned(small(method, storage="compressed", distribution="uniform"))
        masked, packed = (
            workload(planned(small(method, storage="masked", distribution="uniform"))),
            workload(experiment),
        )
        sizes = (6 * 6 * 6 * 16, 16 * 3)  # hidden_1 and output
        dead = sum(size - live_count(size, 0.75) for size in sizes)
        assert masked.computed_parameters - packed.computed_parameters == dead
        began = masked if method == "prune" else packed
        assert packed.first_computed_parameters == began.computed_parameters


@pytest.mark.parametrize("game", ATARI_15)
def test_what_is_known_of_games_is_what_they_show(game):
    pytest.importorskip("ale_py")
    assert known_specification(game) == environments.make(game, 1).spec


def test_an_mlp_of_pixels_learns_from_their_brightness():
    """The network divides by 255, so pixels of 255 and floats of 1 are the same to it."""
    network = MLP(MLPSettings((8,)), (2, 2, 1), 2)
    params = network.init(jax.random.key(0))
    bright = np.full((2, 2, 1), 255, np.uint8)
    np.testing.assert_array_equal(network.apply(params, bright), network.apply(params, np.ones((2, 2, 1), np.float32)))
