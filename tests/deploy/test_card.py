"""A card says what was counted and measured, and says losses as plainly as wins."""

import json

import numpy as np
import pytest
import scipy.stats

from deploy.policies import KINDS, policy_of
from sparserl.deploy import carding
from sparserl.deploy.card import Card, Way, as_json, findings, network_of
from sparserl.deploy.card_text import markdown
from sparserl.deploy.costs import NOTHING
from sparserl.deploy.latency import Latency
from sparserl.deploy.memory import Memory
from sparserl.deploy.steps import Convolution, weighted
from sparserl.deploy.verification import Verified

WAYS = (
    Way("C, scalar", "exported", Memory(900, 10, 20, 100), 500.0, Latency(2e-6, 3e-6, 10)),
    Way("C, vector", "exported", Memory(950, 10, 20), None, Latency(1e-6, 3e-6, 10)),
    Way("dense C, scalar", "dense", Memory(9000, 10, 20, 100), 4000.0, Latency(1e-5, 3e-5, 10)),
    Way("dense C, vector", "dense", Memory(9900, 10, 20), 900.0, Latency(5e-7, 3e-6, 10)),
    Way("jax", "library", latency=Latency(2e-5, 9e-5, 10)),
)


def test_losses_are_said_as_plainly_as_wins():
    assert list(findings(WAYS)) == [
        "dense C, scalar takes 8 times the instructions of C, scalar",
        "dense C, scalar takes 5 times the time of C, scalar",
        "jax takes 10 times the time of C, scalar",
        "C, vector loses: it takes 2 times the time of dense C, vector",
        "jax takes 20 times the time of C, vector",
    ]


@pytest.mark.parametrize("name", ["mlp", "cnn, valid", "resnet"])
def test_multiply_accumulates_are_live_weights_times_places(name):
    policy = policy_of(KINDS[name])
    told = network_of(policy)
    layers = weighted(policy.steps)
    assert told.live_weights == sum(int(layer.live.sum()) for layer in layers)
    assert told.weights == sum(layer.kernel.size for layer in layers)
    if name == "mlp":
        assert told.multiply_accumulates == told.live_weights
        assert told.dense_multiply_accumulates == 4 * 60 + 60 * 40 + 40 * 3
    elif name == "cnn, valid":  # 11 x 10, kernels of 4 and 3 at strides 3 and 2: 3 x 3 places, then 1 x 1
        places = [9, 1, 1, 1]
        assert told.multiply_accumulates == sum(
            int(layer.live.sum()) * each for layer, each in zip(layers, places, strict=True)
        )
    else:  # 9 x 12; the first layer of a stack sees its input, the others the pooled image
        places = [9 * 12, *[5 * 6] * 4, 5 * 6, *[3 * 3] * 4]
        convolutions = [layer for layer in layers if isinstance(layer, Convolution)]
        dense = sum(layer.kernel.size for layer in layers[len(convolutions) :])
        of_images = sum(layer.kernel.size * each for layer, each in zip(convolutions, places, strict=True))
        assert told.dense_multiply_accumulates == of_images + dense


def test_a_card_is_whole_in_json_and_in_markdown():
    facts = {"agent": "sac", "environment": "Ant-v5", "method": "rigl", "machine": {"cores": 2}}
    verification = Verified(1.5e-6, 0.5, 10_000)._asdict()
    returns = {"original": carding.estimate(np.array([1.0, 2.0, 4.0])), "written": carding.estimate(np.array([3.0]))}
    card = Card(
        "c", "int8", network_of(policy_of(KINDS["mlp"])), {"policy.c": 12345}, facts, verification, returns, {}, WAYS
    )
    text, document = markdown(card), json.loads(json.dumps(as_json(card)))
    low, high = scipy.stats.t.interval(0.95, 2, 7 / 3, scipy.stats.sem([1.0, 2.0, 4.0]))
    assert document["returns"]["original"] == pytest.approx(
        {"mean": 7 / 3, "low": low, "high": high, "num_episodes": 3}
    )
    assert document["ways"][0]["memory"] == {
        "text_bytes": 900,
        "data_bytes": 10,
        "bss_bytes": 20,
        "stack_bytes": 100,
        "flash_bytes": 910,
        "ram_bytes": 130,
    }
    assert document["findings"] == list(findings(WAYS))
    assert "| C, scalar | 910 | 130 | 500 | 2.00 | 3.00 |" in text
    assert "| jax | - | - | - | 20.00 | 90.00 |" in text
    assert "Return of what was written: 3, 1 episodes." in text
    assert "50.00% of the actions agree" in text
    assert "- C, vector loses: it takes 2 times the time of dense C, vector" in text


def test_a_card_that_measured_nothing_says_so(tmp_path):
    policy = policy_of(KINDS["mlp"])
    (tmp_path / "policy.bin").write_bytes(b"12345")
    exported = carding.Exported("c", "float32", tmp_path, Verified(0.0, 1.0, 5), {"written": np.zeros(2)})
    carding.add_card(policy, exported, policy, np.zeros((3, *policy.observation_shape), np.float32), NOTHING)
    document = json.loads((tmp_path / "card.json").read_text())
    assert document["files"] == {"policy.bin": 5}
    assert document["ways"] == []
    assert document["notes"] == ["what an action costs was not measured, as was asked for"]
    assert "not measured" in (tmp_path / "card.md").read_text()
