"""`describe --json` against numbers counted from the published code (data/expected_counts.json), and by hand."""

import json
import math
import pathlib

import pytest

from cli.command import call

EXPECTED = json.loads((pathlib.Path(__file__).parents[1] / "data" / "expected_counts.json").read_text())["dqn_mlp"]
ENVIRONMENTS = {"CartPole": "CartPole-v1", "Acrobot": "Acrobot-v1"}
LAYERS = {"hidden_1": "fc1", "hidden_2": "fc2", "output": "fc3"}
CASES = [(name, sparsity) for name in EXPECTED for sparsity in EXPECTED[name]["sparsity"]]


def described(capsys, method, environment, *words):
    result = call(capsys, "describe", "dqn", method, "--environment", environment, *words, "--json")
    assert (result.status, result.err) == (0, "")
    return result.document()


def test_every_environment_of_the_file_is_known():
    assert EXPECTED.keys() == ENVIRONMENTS.keys()


@pytest.mark.parametrize(("name", "sparsity"), CASES)
@pytest.mark.parametrize("distribution", ["erk", "uniform"])
def test_counts(name, sparsity, distribution, capsys):
    network, expected = EXPECTED[name], EXPECTED[name]["sparsity"][sparsity]
    words = (ENVIRONMENTS[name], "--sparsity", sparsity, "--distribution", distribution)
    static = described(capsys, "rigl", *words)["networks"]["q"]
    assert [layer["name"] for layer in static["layers"]] == list(LAYERS)
    for layer in static["layers"]:
        entry = expected[distribution][LAYERS[layer["name"]]]
        assert layer["shape"] == network["layers"][LAYERS[layer["name"]]]["shape"]
        assert layer["weights"] == layer["macs"] == math.prod(layer["shape"])
        assert layer["density"] == pytest.approx(entry["density"], abs=1e-12)
        assert layer["live_weights"] == layer["live_macs"] == entry["nnz_static_floor"]
    assert static["parameters"] == network["dense_total_params"]
    assert static["live_parameters"] == expected[f"{distribution}_total_params_incl_bias"]
    assert static["macs"] == expected["macs_dense"]
    assert static["live_macs"] == expected[f"macs_{distribution}"]
    assert static["live_macs"] / static["macs"] == pytest.approx(expected[f"flops_frac_{distribution}"])


@pytest.mark.parametrize(("name", "sparsity"), CASES)
def test_pruned_counts_and_matched_width(name, sparsity, capsys):
    expected = EXPECTED[name]["sparsity"][sparsity]
    pruned = described(capsys, "prune", ENVIRONMENTS[name], "--sparsity", sparsity)["networks"]["q"]
    for layer in pruned["layers"]:
        assert layer["live_weights"] == expected["erk"][LAYERS[layer["name"]]]["nnz_prune_round"]
    for method in ("static", "dense"):
        matched = described(capsys, method, ENVIRONMENTS[name], "--sparsity", sparsity)["matched_dense"]
        assert matched["hidden_units"] == expected["dense_equiv"]["hidden"]
        assert matched["parameters"] == expected["dense_equiv"]["params"]


@pytest.mark.parametrize("sparsity", ["0.5", "0.95", "0.99"])
def test_last_layer_dense(sparsity, capsys):
    expected = EXPECTED["Acrobot"]["last_layer_dense"][sparsity]
    words = ("Acrobot-v1", "--sparsity", sparsity, "--dense-last-layer")
    layers = described(capsys, "static", *words)["networks"]["q"]["layers"]
    densities = {LAYERS[layer["name"]]: layer["density"] for layer in layers}
    assert densities == pytest.approx({**expected["densities"], "fc3": 1.0}, abs=1e-12)
    assert sum(layer["live_weights"] for layer in layers) == expected["nnz_kernels_total"]


def test_dense_is_dense_at_every_sparsity(capsys):
    network = described(capsys, "dense", "CartPole-v1", "--sparsity", "0.9")["networks"]["q"]
    assert network["live_parameters"] == network["parameters"] == EXPECTED["CartPole"]["dense_total_params"]


def test_override_keeps_the_overall_sparsity(capsys):
    words = ("CartPole-v1", "--sparsity", "0.85", "--network.hidden-units", "30", "40", "--layer-sparsities")
    document = described(capsys, "static", *words, "hidden_2=0.9")
    layers = {layer["name"]: layer for layer in document["networks"]["q"]["layers"]}
    sizes = {"hidden_1": 4 * 30, "hidden_2": 30 * 40, "output": 40 * 2}
    assert {name: layer["weights"] for name, layer in layers.items()} == sizes
    assert layers["hidden_2"]["live_weights"] == 120
    asked = sum(size - math.floor(0.85 * size) for size in sizes.values())
    assert abs(sum(layer["live_weights"] for layer in layers.values()) - asked) <= 2  # one per layer that was solved


@pytest.mark.kernels
def test_words_of_the_document(capsys):
    document = described(capsys, "set", "MountainCar-v0", "--sparsity", "0.9", "--preset", "published-code")
    assert document.keys() >= {
        *("agent", "method", "environment", "sparsity", "distribution", "storage", "networks", "matched_dense")
    }
    named = ("agent", "method", "environment", "sparsity", "distribution", "storage", "drop_fraction")
    chosen = ("dqn", "set", "MountainCar-v0", 0.9, "erk", "compressed", 0.5)
    assert tuple(document[name] for name in named) == chosen
    storages = {layer["name"]: layer["storage"] for layer in document["networks"]["q"]["layers"]}
    assert storages["hidden_2"] == "compressed"


@pytest.mark.parametrize(("method", "moves_nothing"), [("set", True), ("rigl", False), ("static", False)])
def test_a_method_that_moves_nothing_says_so(method, moves_nothing, capsys):
    """The paper's sweep (Table 3) chose a drop fraction of 0 for SET with PPO, which makes it a static network."""
    result = call(capsys, "describe", "ppo", method, "--environment", "HalfCheetah-v5", "--sparsity", "0.9")
    assert (f"{method} moves no weights here, as its drop fraction is 0" in result.out) == moves_nothing


@pytest.mark.kernels
def test_storage_is_chosen_and_shown(capsys):
    masked = described(capsys, "set", "MountainCar-v0", "--sparsity", "0.9", "--storage", "masked")
    assert masked["storage"] == "masked"
    assert {layer["storage"] for layer in masked["networks"]["q"]["layers"]} == {"masked"}
    forced = described(capsys, "set", "MountainCar-v0", "--sparsity", "0.3", "--storage", "compressed")
    assert {layer["storage"] for layer in forced["networks"]["q"]["layers"]} > {"compressed"}
    auto = described(capsys, "set", "MountainCar-v0", "--sparsity", "0.3")
    assert auto["storage"] == "masked", "half-dense kernels are faster as dense arrays"
    assert len({document["experiment_id"] for document in (masked, forced, auto)}) == 3


def test_table_says_the_same(capsys):
    result = call(capsys, "describe", "dqn", "static", "--environment", "CartPole-v1", "--sparsity", "0.9")
    expected = EXPECTED["CartPole"]["sparsity"]["0.9"]
    line = next(line for line in result.out.splitlines() if line.startswith("q/hidden_2"))
    assert f"{expected['erk']['fc2']['nnz_static_floor']:,}" in line
    assert f"{expected['erk_total_params_incl_bias']:,} of 266,242 parameters are alive" in result.out
    assert f"{expected['dense_equiv']['hidden']} hidden units" in result.out
