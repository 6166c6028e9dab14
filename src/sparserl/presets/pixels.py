"""DQN on Atari games, and on MinAtar, their small relatives."""

import dataclasses
from collections.abc import Mapping

from sparserl.agents.dqn import DQNSettings
from sparserl.networks import CNNSettings, MLPSettings, NetworkSettings, ResNetSettings
from sparserl.presets.tables import NetworkName, Preset, PresetName, configured
from sparserl.sparsity import InnerOptimizer
from sparserl.training import EvaluationSettings

# Tables 4 and 7, and 5 and 7: what differs between the two networks. The published L2 term is half of
# weight decay x sum(w ** 2), ours the whole, so Table 5's 1e-5 is half of it here (Deviation 51).
OPTIMIZERS: Mapping[str, InnerOptimizer] = {
    "cnn": InnerOptimizer("adam", learning_rate=2.5e-4, epsilon=1e-8),
    "resnet": InnerOptimizer("adam", learning_rate=1e-4, epsilon=3.125e-4),
}
WEIGHT_DECAYS: Mapping[str, float] = {"cnn": 0.0, "resnet": 0.5 * 1e-5}
UNAWARE = ("prune", "snip")  # Tables 4 and 5: sparsity-aware initialization False
UPDATES = 2_495_000  # of 10,000,000 steps, one every 4 after 20,000 of warm-up, in the published code's windows


def dqn_atari(method: str, preset: PresetName, environment: str, network: NetworkName | None = None) -> Preset:
    """DQN on Atari: Tables 4 to 7, or Dopamine's `dqn.gin` and the published code's own (Deviations 50 to 52).

    The network is the Nature CNN by default, the IMPALA ResNet, or an MLP with the CNN's choices.
    """
    del environment
    published, kind = preset == "published-code", network or "cnn"
    networks: Mapping[str, NetworkSettings] = {
        "mlp": MLPSettings(initializer="glorot_uniform", output_limit=None, output_bias=0.0),
        "cnn": CNNSettings(),
        "resnet": ResNetSettings(hidden_units=256 if published else 512),
    }
    start, stop = (500_000 / UPDATES, 2_000_000 / UPDATES) if published else (0.2, 0.8)
    unaware = (*UNAWARE, "static") if published else UNAWARE
    agent = DQNSettings(
        discount=0.99,
        batch_size=32,
        replay_capacity_steps=1_000_000,
        warmup_steps=20_000,
        steps_per_update=4,
        target_interval_updates=2_000,  # 8,000 steps
        initial_epsilon=1.0,
        final_epsilon=0.01,
        epsilon_decay_begin_steps=20_000,
        epsilon_decay_steps=250_000 if published else 25_000,  # Deviation 50
        evaluation_epsilon=0.001,
        huber=True,  # Deviation 55.
        reward_limit=1.0,
    )
    return Preset(
        agent=agent,
        method=configured(method, stop, interval_updates=5_000, drop_fraction=0.3, pruning_start=start),
        network=networks[kind],
        optimizer=OPTIMIZERS.get(kind, OPTIMIZERS["cnn"]),
        weight_decay=WEIGHT_DECAYS.get(kind, 0.0),
        decayed_layers="all",
        sparsity_aware_initialization=method not in unaware,
        total_steps=10_000_000,
        evaluation=EvaluationSettings(
            interval_steps=250_000, num_episodes=8, min_steps=125_000, max_episode_steps=27_000
        ),
    )


def dqn_minatar(method: str, preset: PresetName, environment: str, network: NetworkName | None = None) -> Preset:
    """DQN on MinAtar, which the paper lacks: Young and Tian 2019 with the optimizer and methods of Table 4.

    The network is theirs, a convolution and a dense layer, or a ResNet as small, or an MLP (Deviation 54).
    """
    atari = dqn_atari(method, preset, environment, network)
    networks: Mapping[str, NetworkSettings] = {
        "mlp": MLPSettings((128, 128), initializer="glorot_uniform", output_limit=None, output_bias=0.0),
        "cnn": CNNSettings(channels=(16,), kernel_sizes=(3,), strides=(1,), padding="valid", hidden_units=128),
        "resnet": ResNetSettings(channels=(16, 32, 32), hidden_units=128),
    }
    agent = DQNSettings(
        discount=0.99,
        batch_size=32,
        replay_capacity_steps=100_000,
        warmup_steps=5_000,
        steps_per_update=1,
        target_interval_updates=1_000,
        initial_epsilon=1.0,
        final_epsilon=0.1,
        epsilon_decay_begin_steps=5_000,
        epsilon_decay_steps=100_000,
        evaluation_epsilon=0.001,
        huber=True,
    )
    return dataclasses.replace(
        atari,
        agent=agent,
        network=networks[network or "cnn"],
        optimizer=OPTIMIZERS["cnn"],
        weight_decay=0.0,
        total_steps=5_000_000,
        evaluation=EvaluationSettings(interval_steps=100_000, num_episodes=20, max_episode_steps=10_000),
    )
