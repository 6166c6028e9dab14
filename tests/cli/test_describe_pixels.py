"""`describe` of convolutional networks against numbers counted from the published code, and figure 7 from it alone."""

import json
import pathlib
import sys

import pytest

from cli.command import call

EXPECTED = json.loads((pathlib.Path(__file__).parents[1] / "data" / "expected_counts.json").read_text())
CNN = {**{f"conv_{i}": f"conv{i}" for i in (1, 2, 3)}, "hidden_1": "dense1", "output": "dense2"}
PLACES = ("block_1_conv_1", "block_1_conv_2", "block_2_conv_1", "block_2_conv_2")
RESNET = {
    **{
        f"stack_{stack}_{ours}": f"stack{stack - 1}/{theirs}"
        for stack in (1, 2, 3)
        for ours, theirs in zip(("conv", *PLACES), ("conv", "res0_0", "res0_1", "res1_0", "res1_1"), strict=True)
    },
    "hidden_1": "dense1",
    "output": "dense2",
}
COUNTED = {  # network, game with as many actions, layer names, counts
    "cnn": ("Pong", CNN, EXPECTED["nature_cnn"]["A6"]),
    "resnet": ("MsPacman", RESNET, EXPECTED["impala_resnet"]["A9_h512"]),
}
SPARSITIES = ("0.5", "0.8", "0.9", "0.95", "0.99")


@pytest.fixture(autouse=True)
def without_ale(monkeypatch):
    """Whatever is described here needs no Atari emulator."""
    monkeypatch.setitem(sys.modules, "ale_py", None)


def described(capsys, network, game, *words, method="rigl"):
    result = call(
        capsys, "describe", "dqn", method, "--environment", f"atari:{game}", "--network", network, *words, "--json"
    )
    assert (result.status, result.err) == (0, "")
    return result.document()


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("network", COUNTED)
@pytest.mark.parametrize("distribution", ["erk", "uniform"])
def test_counts(network, sparsity, distribution, capsys):
    game, names, counts = COUNTED[network]
    expected = counts["sparsity"][sparsity]
    document = described(capsys, network, game, "--sparsity", sparsity, "--distribution", distribution)
    found = document["networks"]["q"]
    assert document["network"] == network
    assert [layer["name"] for layer in found["layers"]] == list(names)
    for layer in found["layers"]:
        entry = expected[distribution][names[layer["name"]]]
        assert layer["shape"] == counts["layers"][names[layer["name"]]]["shape"]
        assert layer["density"] == pytest.approx(entry["density"], abs=1e-12)
        assert layer["live_weights"] == entry["nnz_static_floor"]
    assert found["parameters"] == counts["dense_total_params"]
    assert found["live_parameters"] == expected[f"{distribution}_total_params_incl_bias"]
    assert (found["macs"], found["live_macs"]) == (expected["macs_dense"], expected[f"macs_{distribution}"])
    assert {layer["storage"] for layer in found["layers"] if "conv" in layer["name"]} == {"masked"}


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("network", COUNTED)
def test_pruned_counts_and_matched_width(network, sparsity, capsys):
    game, names, counts = COUNTED[network]
    expected = counts["sparsity"][sparsity]
    pruned = described(capsys, network, game, "--sparsity", sparsity, method="prune")["networks"]["q"]
    for layer in pruned["layers"]:
        assert layer["live_weights"] == expected["erk"][names[layer["name"]]]["nnz_prune_round"]
    for method in ("static", "dense"):
        matched = described(capsys, network, game, "--sparsity", sparsity, method=method)["matched_dense"]
        assert matched == {"width": expected["dense_equiv"]["width"], "parameters": expected["dense_equiv"]["params"]}


FIGURE_7 = {  # the reference, section 10.4, nine actions: MACs when dense; ERK over uniform at the sparsities above
    "cnn": (16_007_680, (1.55, 1.77, 1.76, 1.74, 1.69)),
    "resnet": (208_767_488, (1.80, 2.39, 2.57, 2.77, 2.68)),
}


@pytest.mark.parametrize("network", FIGURE_7)
def test_figure_7(network, capsys):
    dense_macs, ratios = FIGURE_7[network]
    for sparsity, ratio in zip(SPARSITIES, ratios, strict=True):
        live = {}
        for distribution in ("erk", "uniform"):
            words = ("--sparsity", sparsity, "--distribution", distribution)
            found = described(capsys, network, "MsPacman", *words)["networks"]["q"]
            assert found["macs"] == dense_macs
            live[distribution] = found["live_macs"]
        assert round(live["erk"] / live["uniform"], 2) == ratio


def test_the_published_resnet_has_256_hidden_units(capsys):
    """The reference, section 10.3 and 10.4."""
    document = described(capsys, "resnet", "MsPacman", "--preset", "published-code", "--sparsity", "0.9")
    found = document["networks"]["q"]
    assert (found["parameters"], found["macs"], found["live_parameters"]) == (2_374_057, 206_782_720, 238_387)
    assert document["matched_dense"] == {"width": 0.309, "parameters": 232_819}


@pytest.mark.parametrize(("game", "num_actions"), EXPECTED["atari_minimal_action_counts"].items())
def test_every_game_of_the_paper_can_be_described(game, num_actions, capsys):
    found = described(capsys, "cnn", game)["networks"]["q"]
    assert found["layers"][-1]["shape"] == [512, num_actions]


def test_table_says_the_same(capsys):
    result = call(capsys, "describe", "dqn", "static", "--environment", "atari:Pong", "--sparsity", "0.9")
    assert "dqn with static on atari:Pong: cnn, sparsity 0.9" in result.out
    line = next(line for line in result.out.splitlines() if line.startswith("q/conv_2"))
    assert "4 x 4 x 32 x 64" in line
    assert f"{4_887:,}" in line
    assert f"{4_887 * 11 * 11:,}" in line
    assert "dense network of equal size: width 0.311, 397,736 parameters" in result.out


def test_one_layer_and_the_last_one_are_chosen_by_name(capsys):
    words = ("--sparsity", "0.9", "--layer-sparsities", "conv_1=0.5", "--dense-last-layer")
    layers = {
        layer["name"]: layer
        for layer in described(capsys, "cnn", "Pong", *words, method="set")["networks"]["q"]["layers"]
    }
    assert layers["conv_1"]["live_weights"] == 8 * 8 * 4 * 32 // 2
    assert layers["output"]["live_weights"] == layers["output"]["weights"] == 512 * 6
    live = sum(layers[name]["live_weights"] for name in list(CNN)[:-1])
    assert live == pytest.approx(0.1 * sum(layers[name]["weights"] for name in list(CNN)[:-1]), abs=4)


@pytest.mark.kernels
def test_forced_compression_spares_convolutions(capsys):
    found = described(capsys, "cnn", "Pong", "--sparsity", "0.2", "--storage", "compressed")
    storages = {layer["name"]: layer["storage"] for layer in found["networks"]["q"]["layers"]}
    convolutions = dict.fromkeys(("conv_1", "conv_2", "conv_3"), "masked")
    assert storages == {**convolutions, "hidden_1": "compressed", "output": "masked"}  # ERK makes the output dense
