"""The tables for pixels, number by number as the paper, its published code and MinAtar's authors have them."""

import pytest

from sparserl.experiment import from_preset
from sparserl.networks import CNNSettings, MLPSettings, ResNetSettings
from sparserl.types import UserError


def atari(method="rigl", **words):
    return from_preset("dqn", method, "atari:Pong", **words)


@pytest.mark.parametrize("preset", ["paper", "published-code"])
@pytest.mark.parametrize("network", ["cnn", "resnet", "mlp"])
def test_what_tables_6_and_a1_say_of_atari(network, preset):
    found = atari(network=network, preset=preset)
    agent, evaluation = found.agent, found.evaluation
    assert (agent.discount, agent.batch_size, agent.steps_per_update) == (0.99, 32, 4)
    assert (agent.replay_capacity_steps, agent.warmup_steps) == (1_000_000, 20_000)
    assert agent.target_interval_updates * agent.steps_per_update == 8_000
    assert (agent.initial_epsilon, agent.final_epsilon, agent.evaluation_epsilon) == (1.0, 0.01, 0.001)
    assert agent.epsilon_decay_begin_steps == 20_000
    assert (agent.huber, agent.reward_limit, agent.n_step, agent.double) == (True, 1.0, 1, False)
    assert found.total_steps == 10_000_000  # 40 million frames
    assert agent.num_updates(found.total_steps) == 2_495_000
    assert (evaluation.interval_steps, evaluation.min_steps, evaluation.max_episode_steps) == (250_000, 125_000, 27_000)
    assert found.decayed_layers == "all"


def test_epsilon_falls_as_the_table_or_the_code_has_it():
    assert atari().agent.epsilon_decay_steps == 25_000  # Table 6
    assert atari(preset="published-code").agent.epsilon_decay_steps == 250_000


def test_networks_and_optimizers_are_those_of_tables_4_5_and_7():
    cnn, resnet = atari(), atari(network="resnet")
    assert cnn.network == CNNSettings((32, 64, 64), (8, 4, 3), (4, 2, 1), "same", 512, "glorot_uniform", 1.0)
    assert (cnn.optimizer.name, cnn.optimizer.learning_rate, cnn.optimizer.epsilon) == ("adam", 2.5e-4, 1e-8)
    assert cnn.weight_decay == 0.0
    assert resnet.network == ResNetSettings((32, 64, 64), 2, 512, "glorot_uniform", 1.0)
    assert (resnet.optimizer.name, resnet.optimizer.learning_rate, resnet.optimizer.epsilon) == ("adam", 1e-4, 3.125e-4)
    assert 2 * resnet.weight_decay == 1e-5  # the published term is half of ours
    assert atari(network="resnet", preset="published-code").network.hidden_units == 256
    assert atari(network="mlp").network == MLPSettings(
        (512, 512), initializer="glorot_uniform", output_limit=None, output_bias=0.0
    )


@pytest.mark.parametrize("network", ["cnn", "resnet"])
def test_methods_are_those_of_tables_4_and_5(network):
    for method in ("set", "rigl"):
        found = atari(method, network=network).method
        window = found.window
        assert (window.start_fraction, window.stop_fraction, window.interval_updates) == (0.0, 0.8, 5_000)
        assert found.drop_fraction == 0.3
    window = atari("prune", network=network).method.window
    assert (window.start_fraction, window.stop_fraction, window.interval_updates) == (0.2, 0.8, 5_000)
    aware = {name: atari(name, network=network).sparsity_aware_initialization for name in ("prune", "static", "set")}
    assert aware == {"prune": False, "static": True, "set": True}


def test_windows_of_the_published_code_end_at_its_updates():
    total = 2_495_000
    for method, start in (("prune", 500_000), ("set", 0), ("rigl", 0)):
        window = atari(method, preset="published-code").method.window
        assert (round(window.start_fraction * total), round(window.stop_fraction * total)) == (start, 2_000_000)
    assert not atari("static", preset="published-code").sparsity_aware_initialization


@pytest.mark.parametrize("network", ["cnn", "resnet", "mlp"])
def test_minatar_is_as_its_authors_have_it(network):
    found = from_preset("dqn", "rigl", "MinAtar/Breakout-v1", network=network)
    agent = found.agent
    assert (agent.batch_size, agent.replay_capacity_steps, agent.warmup_steps) == (32, 100_000, 5_000)
    assert (agent.steps_per_update, agent.target_interval_updates, agent.discount) == (1, 1_000, 0.99)
    assert (agent.initial_epsilon, agent.final_epsilon, agent.epsilon_decay_steps) == (1.0, 0.1, 100_000)
    assert (agent.epsilon_decay_begin_steps, agent.huber, agent.reward_limit) == (5_000, True, None)
    assert found.optimizer.learning_rate == 2.5e-4
    assert (found.weight_decay, found.total_steps, found.evaluation.min_steps) == (0.0, 5_000_000, 0)
    assert (found.method.window.interval_updates, found.method.drop_fraction) == (5_000, 0.3)


def test_minatars_network_is_small():
    assert from_preset("dqn", "rigl", "MinAtar/Asterix-v1").network == CNNSettings((16,), (3,), (1,), "valid", 128)


def test_other_environments_keep_classic_controls():
    assert from_preset("dqn", "rigl", "CartPole-v1").network == MLPSettings((512, 512))
    assert from_preset("dqn", "rigl", "module:Atari-v0", network="cnn").network == CNNSettings()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sac", "rigl", "HalfCheetah-v5", "cnn"), "network is 'cnn': agent sac learns with mlp only"),
        (("ppo", "rigl", "CartPole-v1", "resnet"), "network is 'resnet': agent ppo learns with mlp only"),
        (
            ("dqn", "rigl", "atari:Pong", "cmn"),
            "network is 'cmn': choose mlp, cnn or resnet; did you mean 'cnn'?",
        ),
    ],
)
def test_networks_that_cannot_be_had(words, said):
    *place, network = words
    with pytest.raises(UserError) as error:
        from_preset(*place, network=network)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
